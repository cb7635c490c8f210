import type { BlobEntry } from '../core/blob-port.ts';
import type { Database } from '../database/database.ts';
import { isOutputBlob, listExpiredOutputs, markOutputDeleted } from '../files/outputs.ts';
import { isUploadBlob } from '../files/uploads.ts';
import { insertEvent } from './job-events.ts';
import type { JobsWorld } from './world.ts';

/** Rows read or deleted at a time. */
const SWEEP_PAGE = 200;
/** A stored file without a row is left over from a crash once it is older than this. */
const ORPHAN_MS = 24 * 3_600_000;

const EXPIRE = `UPDATE jobs SET expired = 1 WHERE id = $1 AND expired = 0 RETURNING id`;

/**
 * Deletes every result whose retention has ended, until there is none left or the signal says stop; their jobs then
 * say `expired: true`. Returns how many.
 */
export async function expireOutputs(world: JobsWorld, signal?: AbortSignal): Promise<number> {
  for (let count = 0; ;) {
    const now = world.clock.now();
    const due = await listExpiredOutputs(world.database, now, SWEEP_PAGE);
    for (const output of due) {
      if (signal?.aborted === true) return count;
      await expireOutput(world, output, now);
      count += 1;
    }
    if (due.length < SWEEP_PAGE) return count;
  }
}

async function expireOutput(
  world: JobsWorld,
  output: { id: string; jobId: string; blobKey: string },
  now: number,
): Promise<void> {
  await world.database.transaction(async (tx) => {
    await markOutputDeleted(tx, output.id, now);
    const first = await tx.query(EXPIRE, [output.jobId]);
    if (first.length > 0) await insertEvent(tx, { jobId: output.jobId, kind: 'expired', at: now });
  });
  world.database.notify('job', output.jobId);
  // After the row: a crash in between leaves a file without a row, which the sweep of orphans finds.
  await world.blobs.delete(output.blobKey);
}

/** Where files are kept, and who knows the rows that point at them. */
const FOLDERS: readonly { folder: string; isKnown: (database: Database, blobKey: string) => Promise<boolean> }[] = [
  { folder: 'outputs/', isKnown: isOutputBlob },
  { folder: 'uploads/', isKnown: isUploadBlob },
];

/**
 * Deletes stored files that no row knows, left over from crashes, and unfinished ones. Returns how many. Walks the
 * whole store: seldom. A file is deleted a day after it came at the earliest, so one that is about to get its row stays.
 */
export async function sweepOrphanBlobs(world: JobsWorld, signal?: AbortSignal): Promise<number> {
  let count = 0;
  for (const { folder, isKnown } of FOLDERS) {
    let looked = 0;
    for await (const blob of world.blobs.list(folder)) {
      if (signal?.aborted === true) return count;
      looked += 1;
      // On SQLite the look for the row takes this thread: callers get their turn in between.
      if (looked % SWEEP_PAGE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      if (!isOld(world, blob) || (await isKnown(world.database, blob.key))) continue;
      await world.blobs.delete(blob.key);
      count += 1;
    }
  }
  return count + (await world.blobs.sweepTemporary(ORPHAN_MS));
}

function isOld(world: JobsWorld, blob: BlobEntry): boolean {
  return blob.modifiedAt <= world.clock.now() - ORPHAN_MS;
}

// The outer condition is read again when the row was changed meanwhile: a key that was given anew stays.
const FORGET_KEYS = `
DELETE FROM idempotency WHERE expires_at <= $1 AND (team_id, key) IN (
  SELECT team_id, key FROM idempotency WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
) RETURNING job_id`;

/** Forgets Idempotency-Keys whose day is over. */
export async function forgetOldKeys(world: JobsWorld, signal?: AbortSignal): Promise<void> {
  for (;;) {
    const values = [world.clock.now(), SWEEP_PAGE];
    const gone = await world.database.transaction((tx) => tx.query(FORGET_KEYS, values));
    if (gone.length < SWEEP_PAGE || signal?.aborted === true) return;
  }
}
