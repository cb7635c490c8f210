import type { MicroUsd } from '../core/money.ts';
import { createHash } from 'node:crypto';

import type { Route } from '../catalog/model.ts';
import type { ExchangeResult } from '../core/net-port.ts';
import type { FailureKind, Outcome } from '../core/outcome.ts';
import type { Provider, ProviderCall, ProviderReference, ProviderRequest, Started } from '../core/provider.ts';
import { randomBase62 } from '../core/random.ts';
import { assertLease, closeAttempt, insertAttempt, markAccepted, markAmbiguous, type Attempt } from './attempts.ts';
import { mapForRoute } from './call-plan.ts';
import { insertEvent } from './job-events.ts';
import { readAnswer } from './provider-answer.ts';
import { limitMs, type Run } from './run.ts';

/** From the first byte to the last of a provider's answer to a start. */
const START_MS_MAX = 60_000;
const CALLBACK_TOKEN_CHARACTERS = 32;
/** Seeds of ours stay below 2^31, which every provider takes. */
const SEED_LIMIT = 2 ** 31;

/** What became of a request to buy. */
export type Bought =
  | { state: 'accepted'; attempt: Attempt; reference: ProviderReference; outcome: Outcome | null }
  | { state: 'rejected'; attempt: Attempt; kind: FailureKind; text: string; retryAfterMs: number | null }
  | { state: 'ambiguous'; attempt: Attempt };

/** Buys once: the intent is committed before the request leaves, and a lost answer is ambiguous, never a failure. */
export async function buy(run: Run, choice: { route: Route; provider: Provider; number: number }): Promise<Bought> {
  const { world, job } = run;
  const mapped = mapForRoute(job.model, choice.route, job.plan);
  const attempt: Attempt = {
    id: world.newId(),
    jobId: job.id,
    number: choice.number,
    provider: choice.provider.id,
    upstreamModel: choice.route.upstreamModel,
    state: 'INTENT',
    reference: null,
    callbackToken: randomBase62(world.random, CALLBACK_TOKEN_CHARACTERS),
    failureKind: null,
    failureText: null,
    adjustments: mapped.adjustments,
    seed: seedFor(run, mapped.parameters),
    costMicroUsd: null,
    intentAt: world.clock.now(),
    acceptedAt: null,
    closedAt: null,
  };
  const request = startRequest(run, choice, attempt);
  await commitIntent(run, attempt, request);
  await world.reachCrashPoint('C9');
  return send(run, { provider: choice.provider, attempt, request, isRepeated: false });
}

/** Sends the request of an earlier intent again, where the provider buys once for one attempt id. */
export async function buyAgain(
  run: Run,
  choice: { route: Route; provider: Provider; attempt: Attempt },
): Promise<Bought> {
  return send(run, { ...choice, request: startRequest(run, choice, choice.attempt), isRepeated: true });
}

function startRequest(run: Run, choice: { route: Route; provider: Provider }, attempt: Attempt): ProviderRequest {
  const { world, job } = run;
  const mapped = mapForRoute(job.model, choice.route, job.plan);
  if (attempt.seed !== null) mapped.parameters['seed'] = attempt.seed;
  const call: ProviderCall = {
    attemptId: attempt.id,
    baseUrl: world.upstream.baseUrl(choice.provider.id),
    upstreamModel: choice.route.upstreamModel,
    operation: job.operation,
    parameters: mapped.parameters,
    callbackUrl: `${world.publicUrl()}/callbacks/${choice.provider.id}/${attempt.id}/${attempt.callbackToken}`,
  };
  return choice.provider.start(call);
}

/** The caller's seed, or one of ours where the route takes one: it makes the run recognisable and repeatable. */
function seedFor(run: Run, parameters: Record<string, unknown>): number | null {
  const given = parameters['seed'];
  if (typeof given === 'number') return given;
  if (run.job.model.parameters['seed'] === undefined) return null;
  return Buffer.from(run.world.random.bytes(4)).readUInt32BE() % SEED_LIMIT;
}

async function commitIntent(run: Run, attempt: Attempt, request: ProviderRequest): Promise<void> {
  const { world, lease } = run;
  const requestHash = createHash('sha256')
    .update(`${request.method} ${request.url}\n${request.body ?? ''}`)
    .digest('hex');
  await world.database.transaction(async (tx) => {
    await assertLease(tx, lease);
    await Promise.all([
      insertAttempt(tx, { ...attempt, requestHash, epoch: lease.epoch }),
      insertEvent(tx, {
        jobId: lease.jobId,
        kind: 'sent',
        at: attempt.intentAt,
        data: { attempt: attempt.number, provider: attempt.provider, adjustments: attempt.adjustments },
      }),
    ]);
  });
  world.database.notify('job', lease.jobId);
}

/**
 * What the provider says about the request itself and not about the moment. Any other refusal of a repeated request
 * tells nothing about the first one, which may have been taken.
 */
const IS_DEFINITE: ReadonlySet<FailureKind> = new Set(['input_rejected', 'content_refused']);

async function send(
  run: Run,
  purchase: { provider: Provider; attempt: Attempt; request: ProviderRequest; isRepeated: boolean },
): Promise<Bought> {
  const { world } = run;
  const { provider, attempt, request, isRepeated } = purchase;
  const result = await world.upstream.exchange(provider.id, request, {
    timeoutMs: limitMs(run, START_MS_MAX),
    signal: run.signal,
    onSending: () => void world.reachCrashPoint('C10'),
  });
  await world.reachCrashPoint('C11');
  if (isRepeated && result.kind !== 'answer') return { state: 'ambiguous', attempt };
  if (result.kind === 'refused')
    return reject(run, attempt, { kind: 'unavailable', text: result.detail, retryAfterMs: null });
  const started = readStarted(provider, result);
  if (started === null) return isRepeated ? { state: 'ambiguous', attempt } : ambiguous(run, attempt, result);
  if (started.state === 'failed') {
    return isRepeated && !IS_DEFINITE.has(started.kind)
      ? { state: 'ambiguous', attempt }
      : reject(run, attempt, started);
  }
  await accept(run, attempt, {
    reference: started.reference,
    costMicroUsd: started.state === 'accepted' ? started.costMicroUsd : null,
  });
  await world.reachCrashPoint('C12');
  const outcome = started.state === 'accepted-done' ? started.outcome : null;
  return { state: 'accepted', attempt, reference: started.reference, outcome };
}

/** null when the answer leaves open whether the provider has acted: lost, cut off, a gateway's error page, not to be read. */
function readStarted(provider: Provider, result: Exclude<ExchangeResult, { kind: 'refused' }>): Started | null {
  if (result.kind === 'lost' || result.truncated || isOpenEnded(result.status)) return null;
  const started = provider.started(readAnswer(result));
  const isUnreadable = started.state === 'failed' && started.kind === 'unknown' && result.status < 300;
  return isUnreadable ? null : started;
}

/** An error of the server, or of a gateway in front of it, leaves open whether it has acted; 503 says that it has not. */
function isOpenEnded(status: number): boolean {
  return status >= 500 && status !== 503;
}

/** Commits that the provider has the request, with everything needed to find it again. */
export async function accept(
  run: Run,
  attempt: Attempt,
  taken: { reference: ProviderReference; costMicroUsd: MicroUsd | null },
): Promise<void> {
  const { world, lease } = run;
  const at = world.clock.now();
  await world.database.transaction(async (tx) => {
    await assertLease(tx, lease);
    const isNew = await markAccepted(tx, { id: attempt.id, jobId: lease.jobId, at, ...taken });
    if (!isNew) return;
    await insertEvent(tx, {
      jobId: lease.jobId,
      kind: 'taken',
      at,
      data: { attempt: attempt.number, provider: attempt.provider },
    });
  });
  world.database.notify('job', lease.jobId);
}

/** Commits that surely nothing was bought. */
export async function reject(
  run: Run,
  attempt: Attempt,
  failure: { kind: FailureKind; text: string; retryAfterMs: number | null },
): Promise<Bought> {
  const { world, lease } = run;
  const at = world.clock.now();
  const isClosed = await world.database.transaction(async (tx) => {
    await assertLease(tx, lease);
    const closing = {
      id: attempt.id,
      state: 'REJECTED',
      at,
      failureKind: failure.kind,
      failureText: failure.text,
    } as const;
    if (!(await closeAttempt(tx, closing))) return false;
    const data = { attempt: attempt.number, provider: attempt.provider, kind: failure.kind };
    await insertEvent(tx, { jobId: lease.jobId, kind: 'refused', at, data });
    return true;
  });
  // A callback knows of the generation: the provider has it, whatever this answer says.
  if (!isClosed) return { state: 'ambiguous', attempt };
  return { state: 'rejected', attempt, kind: failure.kind, text: failure.text, retryAfterMs: failure.retryAfterMs };
}

async function ambiguous(
  run: Run,
  attempt: Attempt,
  result: Exclude<ExchangeResult, { kind: 'refused' }>,
): Promise<Bought> {
  const text = result.kind === 'lost' ? `answer lost: ${result.reason}` : `answer ${result.status}`;
  await recordAmbiguous(run, attempt, text);
  return { state: 'ambiguous', attempt };
}

/** Commits that it is open whether the provider has acted. */
export async function recordAmbiguous(run: Run, attempt: Attempt, text: string): Promise<void> {
  const { world, lease } = run;
  await world.database.transaction(async (tx) => {
    await assertLease(tx, lease);
    await markAmbiguous(tx, attempt.id, text);
    await insertEvent(tx, {
      jobId: lease.jobId,
      kind: 'ambiguous',
      at: world.clock.now(),
      data: { attempt: attempt.number, provider: attempt.provider, reason: text },
    });
  });
  world.database.notify('job', lease.jobId);
}
