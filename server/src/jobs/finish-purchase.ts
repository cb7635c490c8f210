import { errorCode } from '../core/error-code.ts';
import type { FailureKind } from '../core/outcome.ts';
import type { Provider } from '../core/provider.ts';
import { assertLease, closeAttempt, type Attempt } from './attempts.ts';
import type { Bought } from './buy.ts';
import { failureOf, verdictOn } from './choose-route.ts';
import { BadResult, collect, StorageFailed } from './collect.ts';
import { insertEvent } from './job-events.ts';
import { observe, type EndedOutcome } from './observe.ts';
import { pauseRun, type Run } from './run.ts';
import { completeJob, failJob } from './settle.ts';

/** The disk is full, over its quota, broken or read-only. */
const DISK_ERRORS: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS']);

/** Where a purchase is made and the how-manieth it is on that route. */
interface Place {
  provider: Provider;
  tries: number;
}

/**
 * Leads a purchase to its end, whatever it turned out to be. True when the job has ended (or the process
 * stops, `bought` null); false when the next attempt is due.
 */
export async function finishPurchase(run: Run, place: Place, bought: Bought | null): Promise<boolean> {
  if (bought === null) return true;
  if (bought.state === 'ambiguous') return writeOff(run, bought.attempt);
  if (bought.state === 'rejected') {
    const attempt = { ...bought.attempt, failureKind: bought.kind, failureText: bought.text };
    return decide(run, attempt, { tries: place.tries, retryAfterMs: bought.retryAfterMs });
  }
  const accepted = { ...bought.attempt, acceptedAt: bought.attempt.acceptedAt ?? run.world.clock.now() };
  const outcome =
    bought.outcome === null || bought.outcome.state === 'pending'
      ? await observe(run, { provider: place.provider, attempt: accepted, reference: bought.reference })
      : bought.outcome;
  if (outcome === null) return true;
  if (outcome.state === 'completed') return deliver(run, accepted, outcome);
  await close(run, accepted, { kind: outcome.kind, text: outcome.text });
  const attempt = { ...accepted, failureKind: outcome.kind, failureText: outcome.text };
  return decide(run, attempt, { tries: place.tries, retryAfterMs: outcome.retryAfterMs });
}

async function deliver(
  run: Run,
  attempt: Attempt,
  outcome: Extract<EndedOutcome, { state: 'completed' }>,
): Promise<boolean> {
  try {
    const readyAt = run.world.clock.now();
    const urls = outcome.outputs.map((output) => output.url);
    const collected = await collect(run, { attempt, urls });
    await completeJob(run.world, run.lease, {
      ...collected,
      readyAt,
      storedAt: run.world.clock.now(),
      attempt: { id: attempt.id, costMicroUsd: outcome.costMicroUsd },
    });
  } catch (error) {
    const text = unusable(error);
    if (text === null) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    run.world.log.warn('job.result-unusable', { jobId: run.job.id, provider: attempt.provider, reason });
    await close(run, attempt, { kind: 'unknown', text: reason });
    await failJob(run.world, run.lease, { kind: 'unknown', text });
  }
  return true;
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
  const verdict = verdictOn(attempt, timing.tries, {
    retryAfterMs: timing.retryAfterMs,
    jitter: world.random.fraction(),
  });
  if (verdict.step === 'fail') {
    await failJob(world, run.lease, failureOf(attempt));
    return true;
  }
  if (verdict.step === 'retry') {
    await world.database.transaction(async (tx) => {
      await assertLease(tx, run.lease);
      const data = { attempt: attempt.number, kind: attempt.failureKind, waitMs: verdict.waitMs };
      await insertEvent(tx, { jobId: run.job.id, kind: 'retrying', at: world.clock.now(), data });
    });
    world.database.notify('job', run.job.id);
    await pauseRun(run, verdict.waitMs);
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

/** Never found again: the customer is released, the possible cost is the operator's and stays on the attempt. */
async function writeOff(run: Run, attempt: Attempt): Promise<boolean> {
  run.world.log.warn('purchase.written-off', { jobId: run.job.id, attemptId: attempt.id, provider: attempt.provider });
  await failJob(run.world, run.lease, {
    kind: 'unknown',
    text: 'Generation failed: the provider never confirmed that it took the request',
  });
  return true;
}
