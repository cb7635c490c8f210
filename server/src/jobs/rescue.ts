import { CRASHES_MAX } from './claim.ts';
import { LeaseLost, type JobsWorld } from './world.ts';
import { insertEvent } from './job-events.ts';
import { failJob, type Failure } from './settle.ts';
import { findDeadWorkers, forgetWorker } from './workers.ts';
import type { Row } from '../database/database.ts';

/** Jobs failed for their deadline in one sweep. */
const OVERDUE_MAX = 200;

const ORPHAN = `
UPDATE jobs SET lease_owner = NULL, crashes = crashes + 1
WHERE status = 'PROCESSING' AND lease_owner = $1 RETURNING id, crashes`;

const RETURN = `
UPDATE jobs SET lease_owner = NULL
WHERE status = 'PROCESSING' AND lease_owner = $1 RETURNING id`;

/** Takes the leases of dead workers away, so that the next claim finds the jobs. Returns the jobs' ids. */
export async function rescueOrphans(world: JobsWorld): Promise<string[]> {
  const rescued = await world.database.transaction(async (tx) => {
    await tx.lock('rescue');
    const ids: string[] = [];
    for (const workerId of await findDeadWorkers(tx)) {
      // The row goes first: a claim that is still open holds it, and its leases are there to be seen afterwards.
      if (!(await forgetWorker(tx, workerId))) continue;
      const now = world.clock.now();
      const rows = await tx.query<Row & { id: string; crashes: number }>(ORPHAN, [workerId]);
      for (const row of rows) {
        ids.push(row.id);
        await insertEvent(tx, { jobId: row.id, kind: 'resumed', at: now, data: { crashes: row.crashes } });
      }
    }
    return ids;
  });
  if (rescued.length > 0) world.database.notify('work', '');
  return rescued;
}

/** Gives back, in good order, what a stopping worker still runs; it counts as no crash. */
export async function returnLeases(world: JobsWorld, workerId: string): Promise<number> {
  const rows = await world.database.transaction((tx) => tx.query(RETURN, [workerId]));
  if (rows.length > 0) world.database.notify('work', '');
  return rows.length;
}

const POISONED = `
SELECT id, lease_epoch FROM jobs WHERE status = 'PROCESSING' AND lease_owner IS NULL AND crashes >= $1 LIMIT $2`;
const OVERDUE_WAITING = `
SELECT id, lease_epoch FROM jobs WHERE completed_at IS NULL AND lease_owner IS NULL AND deadline_at < lumegate_now() LIMIT $1`;

/**
 * Fails jobs that nobody runs: those past their deadline, and those that have killed their worker too often.
 * Returns how many.
 */
export async function failHopeless(world: JobsWorld): Promise<number> {
  const poisoned = await world.database.query<IdleRow>(POISONED, [CRASHES_MAX, OVERDUE_MAX]);
  const overdue = await world.database.query<IdleRow>(OVERDUE_WAITING, [OVERDUE_MAX]);
  let count = 0;
  for (const job of poisoned) if (await failIdle(world, job, POISON)) count += 1;
  for (const job of overdue) if (await failIdle(world, job, OVERDUE)) count += 1;
  return count;
}

interface IdleRow extends Row {
  id: string;
  lease_epoch: number;
}

const POISON: Failure = { kind: 'unknown', text: 'Generation failed: the job was given up after repeated crashes' };
const OVERDUE: Failure = { kind: 'timed_out', text: 'The job was not finished in time' };

/** False when the job is idle no more: another worker has claimed or failed it between the two statements. */
async function failIdle(world: JobsWorld, job: IdleRow, failure: Failure): Promise<boolean> {
  try {
    await failJob(world, { jobId: job.id, workerId: null, epoch: job.lease_epoch }, failure);
    return true;
  } catch (error) {
    if (error instanceof LeaseLost) return false;
    throw error;
  }
}
