import { z } from 'zod';

import type {
  LostAttempt,
  Provider,
  ProviderAnswer,
  ProviderCall,
  ProviderReference,
  Started,
} from '../core/provider.ts';
import { answerFrom } from './hostile-answers-kit.ts';
import { UnreadableAnswer } from './unreadable-answer.ts';

const reference = z.strictObject({ id: z.string(), pollUrl: z.string().nullable(), cancelUrl: z.string().nullable() });

const exchange = z.strictObject({
  /** What is shown, as a guarantee. */
  name: z.string().min(1),
  /** Who reads the answer; `cancel` shows a request alone. */
  step: z.enum(['started', 'polled', 'found', 'probed', 'callback', 'cancel']),
  /** Where this form is described, and how well that is known (grades as in the facts files). */
  source: z.string().min(1),
  grade: z.enum(['A', 'B', 'C', 'D', 'M']),
  /** Fields of the request that the adapter builds for this step. */
  request: z.record(z.string(), z.unknown()).optional(),
  /** `body` is JSON; `text` is what is none, and `file` a body that is a file, as a `data:` URL. */
  answer: z
    .strictObject({
      status: z.number().int(),
      headers: z.record(z.string(), z.string()).default({}),
      body: z.unknown().optional(),
      text: z.string().optional(),
      file: z.string().optional(),
    })
    .default({ status: 200, headers: {} }),
  /** Looked at with this reference instead of that of the first accepted start. */
  reference: reference.optional(),
  ageMs: z.number().default(60_000),
  /** Fields of what the adapter makes of it; lists are compared whole. */
  expects: z.unknown(),
});

const fixtureFile = z.strictObject({
  provider: z.string(),
  baseUrl: z.url(),
  about: z.string(),
  readAt: z.string(),
  call: z.strictObject({
    upstreamModel: z.string(),
    operation: z.string(),
    parameters: z.record(z.string(), z.unknown()),
    template: z.unknown().optional(),
    destination: z.string().optional(),
  }),
  exchanges: z.array(exchange).min(1),
});

/** An adapter's fixture: exchanges as its provider has them, in values of our own. */
export type Fixture = z.infer<typeof fixtureFile>;
export type Exchange = z.infer<typeof exchange>;

const CALLBACK_URL = 'https://gateway.example/callbacks/p/018f-attempt/callback-token';
const SENT_AT = Date.UTC(2026, 10, 22, 10, 0, 5);

/** Throws for a fixture of another shape. */
export function readFixture(file: unknown): Fixture {
  return fixtureFile.parse(file);
}

/** The call that the fixture's exchanges belong to. */
export function callOf(fixture: Fixture): ProviderCall {
  const { upstreamModel, operation, parameters, template = null, destination = null } = fixture.call;
  return {
    attemptId: '018f-attempt',
    baseUrl: fixture.baseUrl,
    upstreamModel,
    operation,
    parameters: structuredClone(parameters),
    callbackUrl: CALLBACK_URL,
    template: structuredClone(template),
    destination,
  };
}

/** The same call after its answer was lost; sent on 22 November 2026 at 10:00:05 UTC. */
export function lostOf(fixture: Fixture): LostAttempt {
  const { attemptId, baseUrl, upstreamModel, parameters, callbackUrl } = callOf(fixture);
  return { attemptId, baseUrl, upstreamModel, parameters, callbackUrl, sentAt: SENT_AT };
}

export function answerOf(given: Exchange): ProviderAnswer {
  const { status, headers, body, text, file } = given.answer;
  if (file !== undefined) return { status, headers: { ...headers }, json: null, text: '', file };
  return answerFrom(status, text ?? (body === undefined ? '' : JSON.stringify(body)), { ...headers });
}

/** The reference out of the first start that the fixture shows as taken. */
export function referenceIn(provider: Provider, fixture: Fixture): ProviderReference {
  for (const given of fixture.exchanges) {
    const started = given.step === 'started' ? tryStarted(provider, answerOf(given), fixture) : null;
    if (started !== null && started.state !== 'failed' && started.state !== 'unclear') return started.reference;
  }
  throw new Error(`the fixture of ${fixture.provider} shows no start that was taken`);
}

/** What `started` makes of an answer, an `UnreadableAnswer` as a state of its own; anything else thrown is a fault. */
export function tryStarted(
  provider: Provider,
  answer: ProviderAnswer,
  fixture: Fixture,
): Started | { state: 'unclear' } {
  try {
    return provider.started(answer, callOf(fixture));
  } catch (error) {
    if (error instanceof UnreadableAnswer) return { state: 'unclear' };
    throw error;
  }
}
