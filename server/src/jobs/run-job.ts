import { AFTER_FAILURE } from './after-failure.ts';
import { listAttempts, type Attempt } from './attempts.ts';
import { buy } from './buy.ts';
import { cancelUpstream } from './cancel-upstream.ts';
import { moveJob } from './claim.ts';
import { routeOf } from './call-plan.ts';
import { chooseRoute, failureOf, type RouteChoice } from './choose-route.ts';
import { InputUnreadable } from './inline-files.ts';
import { finishPurchase } from './finish-purchase.ts';
import { resolveAmbiguous } from './resolve-ambiguous.ts';
import {
  CancelRequested,
  checkRun,
  checkStart,
  DeadlinePassed,
  isStopping,
  RunStopped,
  loadRunningJob,
  pauseRun,
  providerRests,
  type Run,
} from './run.ts';
import { cancelJobNow, failJob } from './settle.ts';
import { LeaseLost, type JobsWorld, type Lease } from './world.ts';
import { unindexed } from '../database/unindexed.ts';

/** A job that has run this long without its worker dying is no longer suspected, and the next suspect may run. */
const SURVIVED_MS = 10_000;
/** Pause of a job that wants to move on to a provider which carries as many as it may. */
const FULL_PAUSE_MS = 1_000;

/**
 * Carries a leased job from where its rows say it stands to its end: buy, observe, collect, settle. Resolves
 * when the job has ended, when its lease is lost, or when the process stops (another run then goes on).
 */
export async function runJob(world: JobsWorld, lease: Lease, signal: AbortSignal): Promise<void> {
  await world.reachCrashPoint('C8');
  const hints = world.hints.listen(lease.jobId, signal);
  try {
    const job = await loadRunningJob(world, lease);
    if (job === null) return await failJob(world, lease, { kind: 'retired', text: 'The model has left the catalogue' });
    await acquitted({ world, lease, signal, job, hints, ...providerRests(world.clock) }, carry);
  } catch (error) {
    // Somebody else has the job; whatever this run had in hand is theirs to judge.
    if (!(error instanceof LeaseLost)) throw error;
  } finally {
    hints.stop();
  }
}

const ACQUIT = `UPDATE jobs SET crashes = 0 WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3 AND ${unindexed('status')} = 'PROCESSING'`;

/** Carries a job and, if workers have died with it before, acquits it once it has gone well for a while. */
async function acquitted(run: Run, work: (run: Run) => Promise<void>): Promise<void> {
  if (run.job.crashes === 0) return work(run);
  const ended = new AbortController();
  const acquitting = acquitLater(run, ended.signal);
  try {
    await work(run);
  } finally {
    ended.abort();
    await acquitting;
  }
}

/** Never rejects: a store that is away leaves the job suspected, and the run itself tells of the store. */
async function acquitLater(run: Run, ended: AbortSignal): Promise<void> {
  const { world, lease } = run;
  await world.clock.sleep(SURVIVED_MS, ended);
  if (ended.aborted || isStopping(run)) return;
  try {
    await world.database.transaction((tx) => tx.query(ACQUIT, [lease.jobId, lease.workerId, lease.epoch]));
    world.database.notify('work', '');
  } catch (error) {
    world.log.error('job.not-acquitted', { jobId: lease.jobId }, error);
  }
}

async function carry(run: Run): Promise<void> {
  try {
    checkStart(run);
    while (!isStopping(run)) {
      const hasEnded = await step(run);
      if (hasEnded) return;
    }
  } catch (error) {
    if (error instanceof RunStopped) return;
    if (error instanceof CancelRequested) {
      await cancelUpstream(run);
      return cancelJobNow(run.world, run.lease);
    }
    if (error instanceof DeadlinePassed) {
      await cancelUpstream(run);
      return failJob(run.world, run.lease, { kind: 'timed_out', text: 'The job was not finished in time' });
    }
    throw error;
  }
}

/** Goes on from the last attempt. True when the job has ended or the process stops. */
async function step(run: Run): Promise<boolean> {
  const attempts = await listAttempts(run.world.database, run.job.id);
  const last = attempts.at(-1);
  if (last === undefined || last.closedAt !== null) return tryNext(run, attempts);
  const provider = run.world.providers.get(last.provider);
  const route = routeOf(run.job.model, last.provider, run.job.plan);
  if (provider === undefined || route === null) {
    await failJob(run.world, run.lease, { kind: 'retired', text: 'The provider of this job is no longer configured' });
    return true;
  }
  const place = { provider, route, attempts };
  if (last.state === 'ACCEPTED' && last.reference !== null) {
    const outcome = last.ready === null ? null : ({ state: 'completed', ...last.ready } as const);
    return finishPurchase(run, place, { state: 'accepted', attempt: last, reference: last.reference, outcome });
  }
  // INTENT after a restart: the request may have left or not, and nobody has read the answer.
  return finishPurchase(run, place, await resolveAmbiguous(run, { route, provider, attempt: last }));
}

async function tryNext(run: Run, attempts: Attempt[]): Promise<boolean> {
  const next = chooseRoute(run, attempts);
  if (next.state === 'none') {
    await failJob(run.world, run.lease, failureOf(attempts.at(-1), next.because));
    return true;
  }
  if (next.state === 'wait') {
    await pauseRun(run, next.waitMs);
    return false;
  }
  const { choice } = next;
  // Beyond the deadline, until which a lost answer may have been waited for, nothing more is bought.
  if (attempts.length > 0) await checkRun(run);
  if (!(await takePlace(run, choice))) {
    await pauseRun(run, FULL_PAUSE_MS);
    return false;
  }
  try {
    const bought = await buy(run, { ...choice, number: attempts.length + 1 });
    const place = { provider: choice.provider, route: choice.route, attempts: [...attempts, bought.attempt] };
    const settled =
      bought.state === 'ambiguous'
        ? await resolveAmbiguous(run, { ...choice, attempt: { ...bought.attempt, state: 'AMBIGUOUS' } })
        : bought;
    return await finishPurchase(run, place, settled);
  } catch (error) {
    if (!(error instanceof InputUnreadable)) throw error;
    const text = `${AFTER_FAILURE.input_rejected.text}: ${error.message}`;
    await failJob(run.world, run.lease, { kind: 'input_rejected', text });
    return true;
  }
}

/** Counts the job at the key it is to buy with, and keeps to what the key may start in a minute. False to try later. */
async function takePlace(run: Run, { key, route }: RouteChoice): Promise<boolean> {
  const { world, lease, job } = run;
  if (key.id !== job.providerKey) {
    if (!(await moveJob(world, lease, key))) return false;
    job.provider = key.provider;
    job.providerKey = key.id;
  }
  const startMs = world.keys.takeStart(key.id);
  if (startMs > 0) {
    await pauseRun(run, startMs);
    return false;
  }
  return world.health.takeTurn(route);
}
