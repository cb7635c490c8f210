import { microUsd } from '../core/money.ts';
import { z } from 'zod';

import { FAILURE_KINDS, type Outcome, type ProviderOutput } from '../core/outcome.ts';
import type { Provider, ProviderAnswer, ProviderRequest, Started } from '../core/provider.ts';
import { named, parseJson, referenceTo } from './upstream-json.ts';

/** What stands on the label of a piece of music. */
const track = z.object({ id: z.string(), title: z.string().nullable(), tags: z.string().nullable() });
const output = z.object({ url: z.string(), role: z.enum(['result', 'grid', 'cover']), track: track.optional() });

/** The part of the sandbox's answers that we read. */
const generation = z.object({
  id: z.string(),
  status: z.enum(['pending', 'completed', 'failed', 'cancelled']),
  progress: z.number().nullish(),
  outputs: z.array(output).nullish(),
  seed: z.number().nullish(),
  error: z.object({ kind: z.enum(FAILURE_KINDS), text: z.string() }).nullish(),
});

const refusal = z.object({ error: z.object({ kind: z.enum(FAILURE_KINDS), text: z.string() }) });

/** Draws stand-ins so that everything can be tried without paying. Takes our attempt's id as the generation's id. */
export const adapter: Provider = {
  id: 'sandbox',
  deduplicates: true,
  start: (call) => ({
    method: 'POST',
    url: `${call.baseUrl}/v1/generations`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      id: call.attemptId,
      model: call.upstreamModel,
      operation: call.operation,
      input: call.parameters,
      callback_url: call.callbackUrl,
    }),
  }),
  started: (answer) => {
    const read = generation.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refused(answer);
    const reference = referenceTo(read.data.id);
    // Whoever is done at once says so here, and needs no first look after a pause.
    if (read.data.status === 'completed') return { state: 'accepted-done', reference, outcome: outcomeOf(read.data) };
    return { state: 'accepted', reference, costMicroUsd: microUsd(0) };
  },
  poll: (reference, baseUrl) => lookUp(baseUrl, reference.id),
  polled: (answer) => {
    const read = generation.safeParse(answer.json);
    if (answer.status === 404)
      return {
        state: 'failed',
        kind: 'unknown',
        text: 'The sandbox has forgotten this generation',
        retryAfterMs: null,
      };
    if (!read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data);
  },
  cancel: (reference, baseUrl) => ({
    method: 'DELETE',
    url: `${baseUrl}/v1/generations/${encodeURIComponent(reference.id)}`,
    headers: {},
    body: null,
  }),
  callback: (delivery) => {
    const read = named.safeParse(parseJson(delivery.body));
    return read.success ? referenceTo(read.data.id) : null;
  },
  find: (attempt) => lookUp(attempt.baseUrl, attempt.attemptId),
  found: (answer) => {
    if (answer.status === 404) return { candidates: [], next: null, isComplete: true };
    const read = generation.safeParse(answer.json);
    return read.success ? { candidates: [referenceTo(read.data.id)], next: null, isComplete: true } : 'unsure';
  },
  probe: (baseUrl) => lookUp(baseUrl, PROBE_ID),
  probed: (answer) =>
    answer.status === 404 || answer.status === 200
      ? { state: 'ok', text: 'The sandbox answers', balanceMicroUsd: null }
      : { state: 'failed', kind: 'unavailable', text: `The sandbox answered ${answer.status}` },
};

/** No generation has this id: that the sandbox says so shows that it is there. */
const PROBE_ID = '00000000-0000-7000-8000-000000000000';

function outputFrom({ track: label, ...rest }: z.infer<typeof output>): ProviderOutput {
  return label === undefined ? rest : { ...rest, track: label };
}

function lookUp(baseUrl: string, id: string): ProviderRequest {
  return { method: 'GET', url: `${baseUrl}/v1/generations/${encodeURIComponent(id)}`, headers: {}, body: null };
}

function refused(answer: ProviderAnswer): Extract<Started, { state: 'failed' }> {
  const read = refusal.safeParse(answer.json);
  const seconds = Number(answer.headers['retry-after']);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
  if (!read.success)
    return { state: 'failed', kind: 'unknown', text: `The sandbox answered ${answer.status}`, retryAfterMs };
  return { state: 'failed', ...read.data.error, retryAfterMs };
}

function outcomeOf(read: z.infer<typeof generation>): Outcome {
  switch (read.status) {
    case 'pending':
      return { state: 'pending', progress: read.progress ?? null };
    case 'completed':
      return {
        state: 'completed',
        outputs: (read.outputs ?? []).map(outputFrom),
        costMicroUsd: microUsd(0),
        seed: read.seed ?? null,
      };
    case 'failed':
      return {
        state: 'failed',
        retryAfterMs: null,
        ...(read.error ?? { kind: 'unknown', text: 'The sandbox failed' }),
      };
    case 'cancelled':
      return {
        state: 'failed',
        kind: 'unknown',
        text: 'The generation was cancelled at the sandbox',
        retryAfterMs: null,
      };
  }
}
