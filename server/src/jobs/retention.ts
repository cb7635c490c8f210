import { isOutputBlob, listExpiredOutputs, markOutputDeleted } from '../files/outputs.ts';
import { insertEvent } from './job-events.ts';
import type { JobsWorld } from './world.ts';

/** Rows handled in one sweep; the next sweep goes on. */
const SWEEP_MAX = 200;
/** A stored file without a row is left over from a crash once it is older than this. */
const ORPHAN_MS = 24 * 3_600_000;

const EXPIRE = `UPDATE jobs SET expired = 1 WHERE id = $1 AND expired = 0 RETURNING id`;
const FORGET_KEYS = `DELETE FROM idempotency WHERE expires_at <= $1`;

/** Deletes results whose retention has ended; their jobs then say `expired: true`. Returns how many. */
export async function expireOutputs(world: JobsWorld): Promise<number> {
  const now = world.clock.now();
  const due = await listExpiredOutputs(world.database, now, SWEEP_MAX);
  for (const output of due) {
    await world.database.transaction(async (tx) => {
      await markOutputDeleted(tx, output.id, now);
      const first = await tx.query(EXPIRE, [output.jobId]);
      if (first.length > 0) await insertEvent(tx, { jobId: output.jobId, kind: 'expired', at: now });
    });
    world.database.notify('job', output.jobId);
    // After the row: a crash in between leaves a file without a row, which the sweep of orphans finds.
    await world.blobs.delete(output.blobKey);
  }
  return due.length;
}

/** Deletes stored results that no job knows, left over from crashes. Returns how many. Reads the whole store: seldom. */
export async function sweepOrphanBlobs(world: JobsWorld): Promise<number> {
  const oldest = await world.blobs.list('outputs/', SWEEP_MAX);
  let count = 0;
  for (const blob of oldest) {
    if (blob.modifiedAt > world.clock.now() - ORPHAN_MS) break;
    if (await isOutputBlob(world.database, blob.key)) continue;
    await world.blobs.delete(blob.key);
    count += 1;
  }
  return count + (await world.blobs.sweepTemporary(ORPHAN_MS));
}

/** Forgets Idempotency-Keys whose day is over. */
export async function forgetOldKeys(world: JobsWorld): Promise<void> {
  await world.database.transaction((tx) => tx.query(FORGET_KEYS, [world.clock.now()]));
}
