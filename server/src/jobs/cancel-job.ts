import { GatewayError } from '../core/errors.ts';
import type { Row } from '../database/database.ts';
import { unindexed } from '../database/unindexed.ts';
import { insertEvent } from './job-events.ts';
import { findJob, type JobRecord } from './job-record.ts';
import { cancelJobNow } from './settle.ts';
import { isFinal } from './states.ts';
import { waitForJob } from './watch-job.ts';
import { LeaseLost, type JobCaller, type JobsWorld } from './world.ts';

/** The answer waits this long for the runner to stop the work, then tells how things stand. */
const WAIT_MS = 5_000;

const REQUEST = `
UPDATE jobs SET cancel_requested_at = $2
WHERE id = $1 AND ${unindexed('status')} = 'PROCESSING' AND cancel_requested_at IS NULL RETURNING id`;
const WAITING = `SELECT lease_epoch FROM jobs WHERE id = $1 AND ${unindexed('status')} = 'QUEUED'`;

/**
 * Ends a waiting job at once; asks the runner of a running one to stop. Throws 404 for a missing or foreign
 * job and 409 for one that has ended. Cancelling twice is cancelling once.
 */
export async function cancelJob(world: JobsWorld, caller: JobCaller, jobId: string): Promise<JobRecord> {
  const job = await findJob(world, caller, jobId);
  if (job === null) throw new GatewayError('job_not_found');
  if (isFinal(job.status)) throw alreadyFinal(job);
  if (!(await cancelWaiting(world, job.id))) await requestCancel(world, job.id);
  const after = await waitForJob(world, caller, job.id, { ms: WAIT_MS });
  if (after === null) throw new GatewayError('job_not_found');
  // The race may be lost to completion; then the job was delivered and is charged.
  if (after.status === 'COMPLETED' || after.status === 'FAILED') throw alreadyFinal(after);
  return after;
}

function alreadyFinal(job: JobRecord): GatewayError {
  return new GatewayError('job_already_final', { text: `The job has already ended: it is ${job.status}` });
}

async function cancelWaiting(world: JobsWorld, jobId: string): Promise<boolean> {
  const row = (await world.database.query<Row & { lease_epoch: number }>(WAITING, [jobId]))[0];
  if (row === undefined) return false;
  try {
    await cancelJobNow(world, { jobId, workerId: null, epoch: row.lease_epoch });
    return true;
  } catch (error) {
    // A worker has taken it between the two statements.
    if (error instanceof LeaseLost) return false;
    throw error;
  }
}

async function requestCancel(world: JobsWorld, jobId: string): Promise<void> {
  await world.database.transaction(async (tx) => {
    const now = world.clock.now();
    const rows = await tx.query(REQUEST, [jobId, now]);
    if (rows.length > 0) await insertEvent(tx, { jobId, kind: 'cancel-requested', at: now });
  });
  world.database.notify('hint', jobId);
  world.database.notify('job', jobId);
}
