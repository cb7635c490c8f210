import { errorCode } from '../core/error-code.ts';
import type { FailureKind } from '../core/outcome.ts';
import type { Route } from '../catalog/model.ts';
import type { Provider } from '../core/provider.ts';
import { assertLease, closeAttempt, type Attempt } from './attempts.ts';
import type { Bought } from './buy.ts';
import { chooseRoute, failureOf, mayBuyOnceMore, triesOn, verdictOn, WRITTEN_OFF } from './choose-route.ts';
import { BadResult, collect, LinkFailed, StorageFailed, type Collected } from './collect.ts';
import { insertEvent } from './job-events.ts';
import { observe, type EndedOutcome } from './observe.ts';
import { reportCost, reportKey, reportRoute } from './report.ts';
import type { Run } from './run.ts';
import { dropSpooled } from './spool.ts';
import { completeJob, failJob } from './settle.ts';

/** The disk is full, over its quota, broken or read-only; the bucket takes nothing from us. */
const DISK_ERRORS: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'BLOB_REFUSED']);

/** Where a purchase is made, and all of the job's, this one included. */
interface Place {
  provider: Provider;
  route: Route;
  attempts: readonly Attempt[];
}

/**
 * Leads a purchase to its end, whatever it turned out to be. True when the job has ended (or the process
 * stops, `bought` null); false when the next attempt is due.
 */
export async function finishPurchase(run: Run, place: Place, bought: Bought | null): Promise<boolean> {
  if (bought === null) return true;
  if (bought.state === 'ambiguous') return writeOff(run, place, bought.attempt);
  if (bought.state === 'rejected') {
    const attempt = { ...bought.attempt, failureKind: bought.kind, failureText: bought.text };
    return decide(run, attempt, {
      tries: triesOn(place.attempts, attempt.provider),
      retryAfterMs: bought.retryAfterMs,
    });
  }
  const acceptedAt = bought.attempt.acceptedAt ?? run.world.clock.now();
  const accepted = { ...bought.attempt, reference: bought.reference, acceptedAt };
  const outcome =
    bought.outcome === null || bought.outcome.state === 'pending'
      ? await observe(run, { provider: place.provider, attempt: accepted, reference: bought.reference })
      : bought.outcome;
  if (outcome === null) return true;
  // What came with the start was told when it was taken.
  if (outcome !== bought.outcome && outcome.state === 'completed') reportCost(run, accepted, outcome.costMicroUsd);
  if (outcome.state === 'completed') return deliver(run, place, { attempt: accepted, outcome });
  reportRoute(run, accepted, { state: 'failed', kind: outcome.kind });
  reportKey(run, accepted, outcome);
  await close(run, accepted, { kind: outcome.kind, text: outcome.text });
  const attempt = { ...accepted, failureKind: outcome.kind, failureText: outcome.text };
  return decide(run, attempt, { tries: triesOn(place.attempts, attempt.provider), retryAfterMs: outcome.retryAfterMs });
}

async function deliver(
  run: Run,
  place: Place,
  purchase: { attempt: Attempt; outcome: Extract<EndedOutcome, { state: 'completed' }> },
): Promise<boolean> {
  const { attempt, outcome } = purchase;
  const { world } = run;
  try {
    const readyAt = world.clock.now();
    const collected = await collectFresh(run, place, purchase);
    // A clock that was set back makes no duration negative.
    reportRoute(run, attempt, { state: 'done', latencyMs: Math.max(0, readyAt - attempt.intentAt) });
    if (isToBeMadeGood(run, place, collected)) return await buyInstead(run, attempt, collected);
    await completeJob(world, run.lease, {
      ...collected,
      readyAt,
      storedAt: world.clock.now(),
      attempt: { id: attempt.id, number: attempt.number, costMicroUsd: outcome.costMicroUsd },
    });
    await dropSpooled(run, outcome.outputs);
  } catch (error) {
    const text = unusable(error);
    if (text === null) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    // A route that delivers what nobody can use is no better than one that does not answer.
    if (error instanceof BadResult) reportRoute(run, attempt, { state: 'failed', kind: 'unavailable' });
    world.log.warn('job.result-unusable', { jobId: run.job.id, provider: attempt.provider, reason });
    await close(run, attempt, { kind: 'unknown', text: reason });
    await failJob(world, run.lease, { kind: 'unknown', text });
    await dropSpooled(run, outcome.outputs);
  }
  return true;
}

/** Links expire within minutes: where one fails, the generation is looked at again for another. */
const LOOKS_MAX = 3;

async function collectFresh(
  run: Run,
  place: Place,
  purchase: { attempt: Attempt; outcome: Extract<EndedOutcome, { state: 'completed' }> },
): Promise<Collected> {
  const { attempt } = purchase;
  let { outputs } = purchase.outcome;
  for (let looks = 1; ; looks += 1) {
    try {
      return await collect(run, { attempt, route: place.route, outputs });
    } catch (error) {
      // A finished answer that was stored is all there is; it has nothing to look at again.
      const { reference, ready } = attempt;
      const canLook = reference !== null && reference.id !== '' && ready === null;
      if (!(error instanceof LinkFailed) || !canLook || looks >= LOOKS_MAX) throw error;
      const again = await observe(run, { provider: place.provider, attempt, reference });
      if (again?.state !== 'completed') throw error;
      ({ outputs } = again);
    }
  }
}

/** Less came than was ordered, the operator wants it made good, and there is where to buy it. */
function isToBeMadeGood(run: Run, place: Place, { shortfalls }: Collected): boolean {
  if (shortfalls.length === 0 || run.world.settings.shortfall !== 'reroute') return false;
  const others = chooseRoute(
    run,
    place.attempts.map((one) => ({ ...one, failureKind: one.failureKind ?? 'short' })),
  );
  return others.state === 'buy';
}

async function buyInstead(run: Run, attempt: Attempt, { shortfalls }: Collected): Promise<boolean> {
  await run.world.database.transaction(async (tx) => {
    await assertLease(tx, run.lease);
    const at = run.world.clock.now();
    const text = shortfalls.map((one) => `${one.what}: ${one.delivered} for ${one.ordered}`).join('; ');
    await closeAttempt(tx, { id: attempt.id, state: 'DONE', at, failureKind: 'short', failureText: text });
    const data = { attempt: attempt.number, provider: attempt.provider, shortfalls, rerouted: true };
    await insertEvent(tx, { jobId: run.job.id, kind: 'short', at, data });
  });
  run.world.database.notify('job', run.job.id);
  return false;
}

/** What the caller reads when a result cannot be kept; null for errors of another kind. */
function unusable(error: unknown): string | null {
  if (error instanceof BadResult) return `Generation failed: ${error.message}`;
  return error instanceof StorageFailed || DISK_ERRORS.has(errorCode(error) ?? '')
    ? 'The result could not be stored'
    : null;
}

async function decide(
  run: Run,
  attempt: Attempt,
  timing: { tries: number; retryAfterMs: number | null },
): Promise<boolean> {
  const { world } = run;
  const verdict = verdictOn(run, attempt, { ...timing, jitter: world.random.fraction() });
  if (verdict.step === 'fail') {
    await failJob(world, run.lease, failureOf(attempt, null));
    return true;
  }
  if (verdict.step === 'retry') {
    await world.database.transaction(async (tx) => {
      await assertLease(tx, run.lease);
      const data = { attempt: attempt.number, kind: attempt.failureKind, waitMs: verdict.waitMs };
      await insertEvent(tx, { jobId: run.job.id, kind: 'retrying', at: world.clock.now(), data });
    });
    world.database.notify('job', run.job.id);
    run.rest(attempt.provider, verdict.waitMs);
  }
  return false;
}

async function close(run: Run, attempt: Attempt, failure: { kind: FailureKind; text: string }): Promise<void> {
  await run.world.database.transaction(async (tx) => {
    await assertLease(tx, run.lease);
    const at = run.world.clock.now();
    await closeAttempt(tx, { id: attempt.id, state: 'DONE', at, failureKind: failure.kind, failureText: failure.text });
    const data = { attempt: attempt.number, provider: attempt.provider, kind: failure.kind };
    await insertEvent(tx, { jobId: run.job.id, kind: 'refused', at, data });
  });
}

/**
 * Never found again: the possible cost is the operator's and is booked as such. The customer is released, unless the
 * operator has said that he would rather buy once more.
 */
async function writeOff(run: Run, place: Place, attempt: Attempt): Promise<boolean> {
  const { world, job } = run;
  world.log.warn('purchase.written-off', { jobId: job.id, attemptId: attempt.id, provider: attempt.provider });
  await world.database.transaction(async (tx) => {
    await assertLease(tx, run.lease);
    const at = world.clock.now();
    const failureText = 'the provider never confirmed that it took the request';
    await closeAttempt(tx, { id: attempt.id, state: 'DONE', at, failureKind: WRITTEN_OFF, failureText });
    const data = { attempt: attempt.number, provider: attempt.provider, kind: WRITTEN_OFF };
    await insertEvent(tx, { jobId: job.id, kind: 'refused', at, data });
  });
  const attempts = place.attempts.map((one) => (one.id === attempt.id ? { ...one, failureKind: WRITTEN_OFF } : one));
  if (mayBuyOnceMore(run, attempts, attempt.provider)) return false;
  await failJob(world, run.lease, {
    kind: 'unknown',
    text: 'Generation failed: the provider never confirmed that it took the request',
  });
  return true;
}
