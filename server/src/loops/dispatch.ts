import { claimJobs, listLeases } from '../jobs/claim.ts';
import { returnLeases } from '../jobs/rescue.ts';
import { runJob } from '../jobs/run-job.ts';
import { StoreUnavailable } from '../database/database.ts';
import type { JobsWorld, Lease } from '../jobs/world.ts';
import { every, type Loop } from './every.ts';
import { patientStore } from './patient-store.ts';

/** Jobs that one process carries at once; each waits for its provider most of the time. */
const RUNNERS_MAX = 10_000;
/** A claim that found nothing has read the queue for it; under a flood of hints the next one waits this long at least. */
const FRUITLESS_REST_MS = 10;
/** And this many times as long as it took: a long queue of jobs that may not run yet costs a fifth of the time at most. */
const FRUITLESS_REST_FACTOR = 4;
/** Hints wake the loop; this is for those that got lost. */
const LOOK_MS = 1_000;
/** Pause before a broken run's lease is given back, so that a fault that stays does not spin. */
const BROKEN_PAUSE_MS = 2_000;

export interface Dispatcher {
  /** Stops claiming, lets runs come to a safe place, gives back the rest. */
  stop(): Promise<void>;
  running(): number;
}

/** Claims waiting jobs and carries each to its end. */
export function startDispatch(world: JobsWorld, options: { workerId: string; drainMs: number }): Dispatcher {
  const patient = patientStore(world.database);
  const runsWorld = { ...world, database: patient.database };
  // One signal for each run: thousands that listen to the same one would search its list of listeners at every pause.
  const runs = new Map<string, { ended: Promise<void>; ending: AbortController }>();
  let isEnding = false;
  let isUnsure = false;
  let restUntilMs = Number.NEGATIVE_INFINITY;

  const start = (lease: Lease): void => {
    const ending = new AbortController();
    if (isEnding) ending.abort();
    const ended = carry(runsWorld, lease, ending.signal).finally(() => runs.delete(nameOf(lease)));
    runs.set(nameOf(lease), { ended, ending });
  };

  const loop: Loop = every({
    name: 'dispatch',
    ms: LOOK_MS,
    clock: world.clock,
    log: world.log,
    round: async (signal) => {
      if (isUnsure) {
        const leases = await listLeases(world, options.workerId);
        for (const lease of leases) if (!runs.has(nameOf(lease))) start(lease);
      }
      const restMs = restUntilMs - world.clock.monotonicMs();
      if (restMs > 0) await world.clock.sleep(restMs, signal);
      while (!signal.aborted && runs.size < RUNNERS_MAX) {
        // A claim whose answer is lost may have been committed: the jobs would be leased to this worker and run by none.
        isUnsure = true;
        const beganMs = world.clock.monotonicMs();
        const leases = await claimJobs(world, { workerId: options.workerId, limit: RUNNERS_MAX - runs.size });
        isUnsure = false;
        if (leases.length === 0) {
          const nowMs = world.clock.monotonicMs();
          restUntilMs = nowMs + Math.max(FRUITLESS_REST_MS, FRUITLESS_REST_FACTOR * (nowMs - beganMs));
          return;
        }
        for (const lease of leases) start(lease);
      }
    },
  });
  const unsubscribe = world.database.subscribe('work', loop.wake);

  return {
    running: () => runs.size,
    stop: async () => {
      unsubscribe();
      await loop.stop();
      const done = new AbortController();
      const drained = Promise.all([...runs.values()].map(({ ended }) => ended)).then(() => done.abort());
      await world.clock.sleep(options.drainMs, done.signal);
      isEnding = true;
      patient.lift();
      for (const { ending } of runs.values()) ending.abort();
      await drained;
      await returnLeases(world, options.workerId);
    },
  };
}

/** One job may be under way twice: while a broken run still gives back its lease, the next one may have begun. */
function nameOf(lease: Lease): string {
  return `${lease.jobId} ${lease.epoch}`;
}

async function carry(world: JobsWorld, lease: Lease, signal: AbortSignal): Promise<void> {
  const startedMs = world.clock.monotonicMs();
  try {
    await runJob(world, lease, signal);
    world.log.info('job.run', {
      jobId: lease.jobId,
      epoch: lease.epoch,
      durationMs: Math.round(world.clock.monotonicMs() - startedMs),
    });
  } catch (error) {
    world.log.error('job.run-broke', { jobId: lease.jobId, epoch: lease.epoch }, error);
    // The rows say where the job stands: it is given back, and the next claim goes on from there.
    await giveBack(world, lease, { isOurFault: !(error instanceof StoreUnavailable), signal });
  }
}

const GIVE_BACK = `
UPDATE jobs SET lease_owner = NULL, crashes = crashes + $4 WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3`;

/** Goes on until the store takes it: a lease without a run would keep the job from everybody while this worker lives. */
async function giveBack(
  world: JobsWorld,
  lease: Lease,
  how: { isOurFault: boolean; signal: AbortSignal },
): Promise<void> {
  while (!how.signal.aborted) {
    await world.clock.sleep(BROKEN_PAUSE_MS, how.signal);
    try {
      const values = [lease.jobId, lease.workerId, lease.epoch, how.isOurFault ? 1 : 0];
      await world.database.transaction((tx) => tx.query(GIVE_BACK, values));
      return;
    } catch (error) {
      world.log.error('job.give-back-failed', { jobId: lease.jobId }, error);
    }
  }
}
