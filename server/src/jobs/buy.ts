import { createHash } from 'node:crypto';

import { expectedCost } from '../catalog/expected-cost.ts';
import type { Route } from '../catalog/model.ts';
import { seedTarget } from '../catalog/parameter-map.ts';
import { put, valueAt, type Fields } from '../catalog/put.ts';
import type { MicroUsd } from '../core/money.ts';
import type { ExchangeResult } from '../core/net-port.ts';
import type { FailureKind, Outcome } from '../core/outcome.ts';
import type { Provider, ProviderCall, ProviderReference, ProviderRequest, Started } from '../core/provider.ts';
import { randomBase62 } from '../core/random.ts';
import { UnusableWorkflow } from '../providers/comfy-workflow.ts';
import { UnreadableAnswer } from '../providers/unreadable-answer.ts';
import {
  assertLease,
  closeAttempt,
  insertAttempt,
  markAccepted,
  markAmbiguous,
  type Attempt,
  type ReadyResult,
} from './attempts.ts';
import { mapForRoute } from './call-plan.ts';
import type { RouteChoice } from './choose-route.ts';
import { inlineFiles } from './inline-files.ts';
import { insertEvent } from './job-events.ts';
import { readAnswer } from './provider-answer.ts';
import { reportCost, reportKey, reportRoute } from './report.ts';
import { checkRun, limitMs, type Run } from './run.ts';
import { spool } from './spool.ts';
import { heartbeat, HEARTBEAT_MS } from './workers.ts';
import { LeaseLost } from './world.ts';

const CALLBACK_TOKEN_CHARACTERS = 32;
/** Seeds of ours stay below 2^31, which every provider takes. */
const SEED_LIMIT = 2 ** 31;
/** A start whose provider's file sets no limit; synchronous ones take longer. */
const START_MS_MAX = 60_000;

/**
 * From the check that the job is still ours to the request's first byte: twice what a connection may take, and with the
 * age of the heartbeat less than a lease. Beyond it the process was stopped and the request is withdrawn.
 */
const SENDING_MS_MAX = 2 * HEARTBEAT_MS;

/** A purchase: where it goes, and what it is known by. */
export interface Purchase {
  route: Route;
  provider: Provider;
  attempt: Attempt;
}

/** What became of a request to buy. */
export type Bought =
  | { state: 'accepted'; attempt: Attempt; reference: ProviderReference; outcome: Outcome | null }
  | { state: 'rejected'; attempt: Attempt; kind: FailureKind; text: string; retryAfterMs: number | null }
  | { state: 'ambiguous'; attempt: Attempt };

/**
 * Buys once: the intent is committed before the request leaves, and a lost answer is ambiguous, never a failure.
 * Throws InputUnreadable when a file of the caller's cannot be had; nothing was written or bought then.
 */
export async function buy(run: Run, choice: RouteChoice & { number: number }): Promise<Bought> {
  const { world, job } = run;
  const mapped = mapForRoute(job.model, choice.route, job.plan);
  const attempt: Attempt = {
    id: world.newId(),
    jobId: job.id,
    number: choice.number,
    provider: choice.provider.id,
    upstreamModel: choice.route.upstreamModel,
    providerKey: choice.key.id,
    state: 'INTENT',
    reference: null,
    ready: null,
    callbackToken: randomBase62(world.random, CALLBACK_TOKEN_CHARACTERS),
    failureKind: null,
    failureText: null,
    adjustments: mapped.adjustments,
    seed: seedFor(run, choice, mapped.parameters),
    // A team that brought its own key pays the provider itself.
    expectedCostMicroUsd: job.plan.payer === 'team' ? null : expectedCost(job.model, choice.route, job.plan),
    costMicroUsd: null,
    intentAt: world.clock.now(),
    acceptedAt: null,
    closedAt: null,
  };
  const purchase: Purchase = { route: choice.route, provider: choice.provider, attempt };
  const request = await startRequest(run, purchase).catch((error: unknown) => {
    if (error instanceof UnusableWorkflow) return error;
    throw error;
  });
  if (request instanceof UnusableWorkflow) return refuseUnsent(run, attempt, request);
  const intentMs = world.clock.monotonicMs();
  await commitIntent(run, attempt, request);
  await world.reachCrashPoint('C9');
  if (world.clock.monotonicMs() - intentMs >= HEARTBEAT_MS) await renewLease(run);
  return send(run, { purchase, request, isRepeated: false });
}

/**
 * For a process that was stopped between intent and request: others may have the job by now and have written the
 * purchase off. Throws what `checkRun` throws; else the worker's lease is new, and nobody takes the job meanwhile.
 */
async function renewLease(run: Run): Promise<void> {
  const { world, lease } = run;
  if (!(await heartbeat(world.database, lease.workerId))) throw new LeaseLost(lease.jobId);
  await checkRun(run);
}

/** The operator's own workflow cannot be filled: the route is of no use, and nothing was sent. */
async function refuseUnsent(run: Run, attempt: Attempt, problem: UnusableWorkflow): Promise<Bought> {
  run.world.log.error(
    'route.workflow-unusable',
    { provider: attempt.provider, upstreamModel: attempt.upstreamModel },
    problem,
  );
  await commitIntent(run, attempt, { method: 'POST', url: '', headers: {}, body: null });
  return refuse(run, attempt, { kind: 'retired', text: problem.message, retryAfterMs: null });
}

/** Sends the request of an earlier intent again, where the provider buys once for one attempt id. */
export async function buyAgain(run: Run, purchase: Purchase): Promise<Bought> {
  return send(run, { purchase, request: await startRequest(run, purchase), isRepeated: true });
}

async function startRequest(run: Run, purchase: Purchase): Promise<ProviderRequest> {
  const { world, job } = run;
  const { provider, route, attempt } = purchase;
  const mapped = mapForRoute(job.model, route, job.plan);
  const call: ProviderCall = {
    attemptId: attempt.id,
    baseUrl: world.upstream.baseUrl(provider.id),
    upstreamModel: route.upstreamModel,
    operation: job.operation,
    parameters: withSeed(await inlineFiles(run, provider.id, mapped), purchase),
    callbackUrl: callbackUrl(run, purchase),
    template: route.template,
    destination: route.needsDestination ? (world.settings.providerDestinations[provider.id] ?? null) : null,
  };
  return provider.start(call);
}

/** Parameters in the provider's words, without files, with the seed that was chosen for the attempt. */
export function sentParameters(run: Run, purchase: Pick<Purchase, 'route' | 'attempt'>): Record<string, unknown> {
  const { parameters } = mapForRoute(run.job.model, purchase.route, run.job.plan);
  return withSeed(parameters, purchase);
}

function withSeed(parameters: Fields, { route, attempt }: Pick<Purchase, 'route' | 'attempt'>): Fields {
  const place = seedTarget(route);
  if (place === null || attempt.seed === null) return parameters;
  const seeded = { ...parameters };
  put(seeded, place, attempt.seed);
  return seeded;
}

/** Where the provider may tell us, or null where it cannot reach us or does not call. */
export function callbackUrl(run: Run, { provider, attempt }: Pick<Purchase, 'provider' | 'attempt'>): string | null {
  const { world } = run;
  const style = world.catalog.providers.get(provider.id)?.callbackStyle;
  if (style !== 'url-per-request' || !world.upstream.canReachUs(provider.id)) return null;
  return `${world.publicUrl()}/callbacks/${provider.id}/${attempt.id}/${attempt.callbackToken}`;
}

/** The caller's seed, or one of ours where the route takes one: it makes the run recognisable and repeatable. */
function seedFor(run: Run, { route }: Pick<Purchase, 'route'>, parameters: Record<string, unknown>): number | null {
  const name = seedTarget(route);
  if (name === null) return null;
  const given = valueAt(parameters, name);
  if (typeof given === 'number') return given;
  return Buffer.from(run.world.random.bytes(4)).readUInt32BE() % SEED_LIMIT;
}

async function commitIntent(run: Run, attempt: Attempt, request: ProviderRequest): Promise<void> {
  const { world, lease } = run;
  const requestHash = createHash('sha256')
    .update(`${request.method} ${request.url}\n${request.body ?? ''}${JSON.stringify(request.form) ?? ''}`)
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
  sending: { purchase: Purchase; request: ProviderRequest; isRepeated: boolean },
): Promise<Bought> {
  const { world } = run;
  const { purchase, request, isRepeated } = sending;
  const { provider, attempt } = purchase;
  const startedMs = world.clock.monotonicMs();
  const withdrawn = new AbortController();
  const result = await world.upstream.exchange(provider.id, request, {
    timeoutMs: limitMs(run, world.catalog.providers.get(provider.id)?.startMsMax ?? START_MS_MAX),
    signal: AbortSignal.any([run.signal, withdrawn.signal]),
    keyId: attempt.providerKey,
    onSending: () => {
      // A process that was stopped on the way may have lost the job, and what it was about to buy be written off.
      if (world.clock.monotonicMs() - startedMs >= SENDING_MS_MAX) return withdrawn.abort('the sender was stopped');
      void world.reachCrashPoint('C10');
    },
  });
  await world.reachCrashPoint('C11');
  if (isRepeated && result.kind !== 'answer') return { state: 'ambiguous', attempt };
  if (result.kind === 'refused')
    return refuse(run, attempt, { kind: 'unavailable', text: result.detail, retryAfterMs: null });
  const started = readStarted(purchase, { result, baseUrl: world.upstream.baseUrl(provider.id) });
  if (started === null) return isRepeated ? { state: 'ambiguous', attempt } : ambiguous(run, attempt, result);
  if (started.state === 'failed') {
    return isRepeated && !IS_DEFINITE.has(started.kind)
      ? { state: 'ambiguous', attempt }
      : refuse(run, attempt, started);
  }
  return take(run, attempt, started);
}

async function take(run: Run, attempt: Attempt, started: Exclude<Started, { state: 'failed' }>): Promise<Bought> {
  const outcome = started.state === 'accepted-done' ? started.outcome : null;
  const ready = outcome?.state === 'completed' ? await spool(run, attempt, outcome) : null;
  const costMicroUsd = started.state === 'accepted' ? started.costMicroUsd : (ready?.costMicroUsd ?? null);
  const isOurs = await accept(run, attempt, { reference: started.reference, ready, costMicroUsd });
  if (!isOurs) return { state: 'ambiguous', attempt };
  // A purchase that had to be looked up shows nothing of the kind: its answer was lost.
  reportKey(run, attempt, { kind: 'ok' });
  reportRoute(run, attempt, { state: 'taken' });
  reportCost(run, attempt, costMicroUsd);
  await run.world.reachCrashPoint('C12');
  const kept = ready === null ? outcome : { state: 'completed' as const, ...ready };
  return { state: 'accepted', attempt, reference: started.reference, outcome: kept };
}

/** null when the answer leaves open whether the provider has acted: lost, cut off, a gateway's error page, not to be read. */
function readStarted(
  { provider, attempt }: Purchase,
  { result, baseUrl }: { result: Exclude<ExchangeResult, { kind: 'refused' }>; baseUrl: string },
): Started | null {
  if (result.kind === 'lost' || result.truncated || isOpenEnded(result.status)) return null;
  try {
    const started = provider.started(readAnswer(result), { baseUrl, upstreamModel: attempt.upstreamModel });
    const isUnreadable = started.state === 'failed' && started.kind === 'unknown' && result.status < 300;
    return isUnreadable ? null : started;
  } catch (error) {
    if (error instanceof UnreadableAnswer) return null;
    throw error;
  }
}

/** An error of the server, or of a gateway in front of it, leaves open whether it has acted; 503 says that it has not. */
function isOpenEnded(status: number): boolean {
  return status >= 500 && status !== 503;
}

/** Why an attempt is ambiguous although the provider has answered. */
export const FOREIGN_GENERATION = 'the provider named a generation that belongs to another attempt';

/**
 * Commits that the provider has the request, with everything needed to find it again. False when the provider has
 * named a generation that belongs to another attempt: whose result that is, nobody knows.
 */
export async function accept(
  run: Run,
  attempt: Attempt,
  taken: { reference: ProviderReference; ready?: ReadyResult | null; costMicroUsd: MicroUsd | null },
): Promise<boolean> {
  const { world, lease } = run;
  const at = world.clock.now();
  const { provider, number } = attempt;
  const state = await world.database.transaction(async (tx) => {
    await assertLease(tx, lease);
    const marked = await markAccepted(tx, { id: attempt.id, jobId: lease.jobId, provider, at, ...taken });
    if (marked === 'foreign') {
      await markAmbiguous(tx, attempt.id, FOREIGN_GENERATION);
      const data = { attempt: number, provider, reason: FOREIGN_GENERATION };
      await insertEvent(tx, { jobId: lease.jobId, kind: 'ambiguous', at, data });
    }
    if (marked === 'new')
      await insertEvent(tx, { jobId: lease.jobId, kind: 'taken', at, data: { attempt: number, provider } });
    return marked;
  });
  world.database.notify('job', lease.jobId);
  return state !== 'foreign';
}

/** The provider has refused by an answer of its own, which also says something about route and key. */
function refuse(
  run: Run,
  attempt: Attempt,
  failure: { kind: FailureKind; text: string; retryAfterMs: number | null },
): Promise<Bought> {
  reportRoute(run, attempt, { state: 'failed', kind: failure.kind });
  reportKey(run, attempt, failure);
  return reject(run, attempt, failure);
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
  reportRoute(run, attempt, { state: 'failed', kind: 'lost' });
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
