import type { OutputRole } from '../core/outcome.ts';
import type { Database, Row, Tx } from '../database/database.ts';

/** A stored result file of a job. Instants are UTC milliseconds. */
export interface Output {
  id: string;
  jobId: string;
  teamId: string;
  /** 1 for the first; what belongs to the results comes after them. */
  position: number;
  role: OutputRole;
  /** The unguessable part of its URL. */
  token: string;
  fileName: string;
  blobKey: string;
  contentType: string;
  sizeBytes: number;
  sha256: string;
  width: number | null;
  height: number | null;
  /** How long it plays; null for pictures and where nobody can tell. */
  seconds: number | null;
  createdAt: number;
  retainUntil: number;
}

const INSERT = `
INSERT INTO outputs (id, job_id, team_id, position, token, file_name, blob_key, content_type, size_bytes, sha256,
  width, height, created_at, retain_until, role, seconds)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`;

/** Adds the rows of stored files, in the transaction that completes their job. */
export async function insertOutputs(tx: Tx, outputs: readonly Output[]): Promise<void> {
  await Promise.all(
    outputs.map((output) =>
      tx.query(INSERT, [
        output.id,
        output.jobId,
        output.teamId,
        output.position,
        output.token,
        output.fileName,
        output.blobKey,
        output.contentType,
        output.sizeBytes,
        output.sha256,
        output.width,
        output.height,
        output.createdAt,
        output.retainUntil,
        output.role,
        output.seconds,
      ]),
    ),
  );
}

/** The address of a stored file: `<public url>/media/<token>/<file name>`. */
export function mediaUrl(publicUrl: string, file: { token: string; fileName: string }): string {
  return `${publicUrl}/media/${file.token}/${file.fileName}`;
}

const DUE = `
SELECT id, job_id, blob_key FROM outputs WHERE deleted_at IS NULL AND retain_until <= $1 ORDER BY retain_until LIMIT $2`;
const MARK_DELETED = `UPDATE outputs SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL`;

/** Outputs whose retention has ended, oldest first. */
export async function listExpiredOutputs(
  database: Database,
  now: number,
  limit: number,
): Promise<{ id: string; jobId: string; blobKey: string }[]> {
  const rows = await database.query<Row & { id: string; job_id: string; blob_key: string }>(DUE, [now, limit]);
  return rows.map((row) => ({ id: row.id, jobId: row.job_id, blobKey: row.blob_key }));
}

/** Marks an output as deleted; the file itself goes afterwards, so that a crash leaves no link to a missing file. */
export async function markOutputDeleted(tx: Tx, outputId: string, now: number): Promise<void> {
  await tx.query(MARK_DELETED, [outputId, now]);
}

const RELEASE = `UPDATE outputs SET retain_until = $2 WHERE job_id = $1 AND retain_until > $2`;

/** Ends the time of all files of a job; the next sweep deletes them. */
export async function releaseOutputs(tx: Tx, jobId: string, now: number): Promise<void> {
  await tx.query(RELEASE, [jobId, now]);
}

const KNOWN = `SELECT id FROM outputs WHERE blob_key = $1 AND deleted_at IS NULL`;

/** True while a row points at the blob. */
export async function isOutputBlob(database: Database, blobKey: string): Promise<boolean> {
  return (await database.query(KNOWN, [blobKey])).length > 0;
}
