import type { Database, Row } from '../database/database.ts';

/** A stored file as its address serves it. Instants are UTC milliseconds. */
export interface PublicFile {
  fileName: string;
  blobKey: string;
  contentType: string;
  sizeBytes: number;
  sha256: string;
  /** From then on the address answers 404. */
  expiresAt: number;
}

// Both tables have unguessable tokens, so at most one row of the two is found.
const FIND = `
SELECT file_name, blob_key, content_type, size_bytes, sha256, retain_until AS expires_at FROM outputs
WHERE token = $1 AND deleted_at IS NULL AND retain_until > $2
UNION ALL
SELECT file_name, blob_key, content_type, size_bytes, sha256, expires_at FROM uploads
WHERE token = $1 AND deleted_at IS NULL AND expires_at > $2`;

interface FileRow extends Row {
  file_name: string;
  blob_key: string;
  content_type: string;
  size_bytes: number;
  sha256: string;
  expires_at: number;
}

/** The result or upload behind a token and file name; null when there is none, or none any more. */
export async function findPublicFile(
  database: Database,
  { token, fileName, now }: { token: string; fileName: string; now: number },
): Promise<PublicFile | null> {
  const row = (await database.query<FileRow>(FIND, [token, now]))[0];
  if (row === undefined || row.file_name !== fileName) return null;
  return {
    fileName: row.file_name,
    blobKey: row.blob_key,
    contentType: row.content_type,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    expiresAt: row.expires_at,
  };
}
