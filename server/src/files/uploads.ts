import type { BlobStore, BlobWriter } from '../core/blob-port.ts';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { NewId } from '../core/ids.ts';
import type { MediaFacts, MediaKind, MediaPort, MediaProblem } from '../core/media-port.ts';
import { randomBase62, type Random } from '../core/random.ts';
import type { Database, Row } from '../database/database.ts';

const MEBIBYTE = 1024 * 1024;

/** The largest upload of each kind, as the contract says. */
export const UPLOAD_BYTES_MAX: Readonly<Record<MediaKind, number>> = {
  image: 25 * MEBIBYTE,
  audio: 25 * MEBIBYTE,
  video: 50 * MEBIBYTE,
};

/** No upload of any kind is larger; until its bytes have been read, nobody knows which kind it is. */
export const UPLOAD_BYTES_MAX_ANY = Math.max(...Object.values(UPLOAD_BYTES_MAX));

/** 32 characters of 5.95 bits: the address of an upload is its only protection. */
const TOKEN_LENGTH = 32;

/** What callers give us, and what we make of it for a training. */
export type UploadKind = MediaKind | 'archive';

/** A stored input file. Instants are UTC milliseconds. */
export interface Upload {
  id: string;
  teamId: string;
  userId: string;
  /** The unguessable part of its URL. */
  token: string;
  fileName: string;
  blobKey: string;
  kind: UploadKind;
  contentType: string;
  sizeBytes: number;
  sha256: string;
  createdAt: number;
  expiresAt: number;
}

export interface UploadWorld {
  database: Database;
  blobs: BlobStore;
  media: Pick<MediaPort, 'inspect'>;
  clock: Clock;
  random: Random;
  newId: NewId;
  settings: { uploadMs: number };
}

/** What an upload is to be. */
export interface UploadWish {
  /** How long it is kept; as long as uploads are where absent. */
  keepMs?: number;
  /** Files of another kind are refused; null for any. */
  kind?: MediaKind | null;
}

/**
 * Stores a caller's file for a while. What the bytes are is found in the bytes; what the caller calls them is not
 * asked. Throws `upload_refused` with a text for people; nothing of a refused file is kept.
 */
export async function receiveUpload(
  world: UploadWorld,
  owner: { teamId: string; userId: string },
  bytes: AsyncIterable<Uint8Array>,
  { keepMs = world.settings.uploadMs, kind = null }: UploadWish = {},
): Promise<Upload & { kind: MediaKind }> {
  const writer = await stored(world.blobs.create());
  try {
    await writeAll(writer, bytes);
    const facts = await inspectUpload(world.media, writer.path);
    if (kind !== null && facts.kind !== kind)
      throw refuseUpload(`The file is ${ONE_OF[facts.kind]}, not ${ONE_OF[kind]}`);
    return await keepUpload(world, owner, { writer, facts, keepMs });
  } finally {
    await writer.discard();
  }
}

type KeptFacts = Pick<Upload, 'kind' | 'contentType' | 'sizeBytes' | 'sha256'> & { extension: string };

/** Keeps a written file that has been looked at, with its row. */
export async function keepUpload<Kind extends UploadKind>(
  world: Omit<UploadWorld, 'media' | 'settings'>,
  owner: { teamId: string; userId: string },
  { writer, facts, keepMs }: { writer: BlobWriter; facts: KeptFacts & { kind: Kind }; keepMs: number },
): Promise<Upload & { kind: Kind }> {
  const upload = { ...describeUpload(world, owner, { facts, keepMs }), kind: facts.kind };
  await stored(writer.commit(upload.blobKey));
  await keepRow(world, upload);
  return upload;
}

async function writeAll(writer: BlobWriter, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.byteLength;
    if (size > UPLOAD_BYTES_MAX_ANY) throw refuseTooLarge('video');
    await stored(writer.write(chunk));
  }
  if (size === 0) throw refuseUpload(PROBLEM_TEXTS.empty);
}

const PROBLEM_TEXTS: Readonly<Record<MediaProblem, string>> = {
  empty: 'The file is empty',
  'unsupported-type': 'Unsupported file type: send PNG, JPEG, WebP, GIF, MP4, WebM, MOV, MP3, WAV, OGG or M4A',
  'too-many-pixels': 'The picture has too many pixels',
  damaged: 'The file is damaged or cut off',
  'too-slow': 'The file takes too long to read; send a simpler one',
  crashed: 'The file cannot be read; send it in another format',
  'no-tool': 'The file cannot be worked on here',
};

async function inspectUpload(
  media: Pick<MediaPort, 'inspect'>,
  path: string,
): Promise<MediaFacts & { kind: MediaKind }> {
  const found = await media.inspect(path);
  if (!found.ok) throw refuseUpload(PROBLEM_TEXTS[found.problem], found.detail);
  const { kind, ...facts } = found.value;
  if (kind === 'weights') throw refuseUpload(PROBLEM_TEXTS['unsupported-type']);
  if (facts.sizeBytes > UPLOAD_BYTES_MAX[kind]) throw refuseTooLarge(kind);
  return { ...facts, kind };
}

const ONE_OF: Readonly<Record<MediaKind, string>> = { image: 'an image', audio: 'a sound', video: 'a video' };

/** The 400 of a file that is larger than its kind may be; before its kind is known, that of a video, the largest. */
export function refuseTooLarge(kind: MediaKind): GatewayError {
  return refuseUpload(`The file is larger than ${UPLOAD_BYTES_MAX[kind] / MEBIBYTE} MB, the most for ${ONE_OF[kind]}`);
}

/** The 400 of an upload: the contract's envelope, with the field's name. */
export function refuseUpload(text: string, internal?: string): GatewayError {
  return new GatewayError('upload_refused', {
    text: `Validation error: file: ${text}`,
    details: { file: [text] },
    ...(internal === undefined ? {} : { internal }),
  });
}

function describeUpload(
  world: Pick<UploadWorld, 'newId' | 'clock' | 'random'>,
  owner: { teamId: string; userId: string },
  { facts, keepMs }: { facts: KeptFacts; keepMs: number },
): Upload {
  const id = world.newId();
  const createdAt = world.clock.now();
  return {
    id,
    ...owner,
    token: randomBase62(world.random, TOKEN_LENGTH),
    // The caller's own file name is never used: it would end up in paths, headers and logs.
    fileName: `upload.${facts.extension}`,
    blobKey: `uploads/${id}.${facts.extension}`,
    kind: facts.kind,
    contentType: facts.contentType,
    sizeBytes: facts.sizeBytes,
    sha256: facts.sha256,
    createdAt,
    expiresAt: createdAt + keepMs,
  };
}

const INSERT = `
INSERT INTO uploads (id, team_id, user_id, token, file_name, blob_key, kind, content_type, size_bytes, sha256,
  created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`;

/** The blob is there before its row, so that no address ever leads to nothing; a crash between leaves an orphan for the sweep. */
async function keepRow(world: Pick<UploadWorld, 'database' | 'blobs'>, upload: Upload): Promise<void> {
  const { teamId, userId, token, fileName, blobKey, kind, contentType, sizeBytes, sha256, createdAt, expiresAt } =
    upload;
  try {
    await world.database.transaction((tx) =>
      tx.query(INSERT, [
        upload.id,
        teamId,
        userId,
        token,
        fileName,
        blobKey,
        kind,
        contentType,
        sizeBytes,
        sha256,
        createdAt,
        expiresAt,
      ]),
    );
  } catch (error) {
    // The commit may have reached the disk although its answer did not; then the row keeps the blob.
    if (!(await isUploadBlob(world.database, blobKey).catch(() => true))) await world.blobs.delete(blobKey);
    throw error;
  }
}

const FIND = `
SELECT id, token, file_name, kind, content_type, size_bytes, created_at, expires_at FROM uploads
WHERE id = $1 AND team_id = $2 AND kind <> 'archive' AND deleted_at IS NULL AND expires_at > $3`;

interface FoundRow extends Row {
  id: string;
  token: string;
  file_name: string;
  kind: MediaKind;
  content_type: string;
  size_bytes: number;
  created_at: number;
  expires_at: number;
}

/** An upload as its team may see it. Instants are UTC milliseconds. */
export type FoundUpload = Pick<
  Upload,
  'id' | 'token' | 'fileName' | 'contentType' | 'sizeBytes' | 'createdAt' | 'expiresAt'
> & { kind: MediaKind };

/** The team's own upload; null for a foreign one, as for one that is missing or over. */
export async function findUpload(
  database: Database,
  { id, teamId, now }: { id: string; teamId: string; now: number },
): Promise<FoundUpload | null> {
  const row = (await database.query<FoundRow>(FIND, [id, teamId, now]))[0];
  if (row === undefined) return null;
  return {
    id: row.id,
    token: row.token,
    fileName: row.file_name,
    kind: row.kind,
    contentType: row.content_type,
    sizeBytes: row.size_bytes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

const END = `UPDATE uploads SET expires_at = $2 WHERE id = $1 AND expires_at > $2`;

/** Ends the time of an upload that turned out to be of no use; the next sweep deletes it. */
export async function endUpload(world: Pick<UploadWorld, 'database' | 'clock'>, id: string): Promise<void> {
  await world.database.transaction((tx) => tx.query(END, [id, world.clock.now()]));
}

const DUE = `
SELECT id, blob_key FROM uploads WHERE deleted_at IS NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2`;
const MARK_DELETED = `UPDATE uploads SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL`;
const KNOWN = `SELECT id FROM uploads WHERE blob_key = $1 AND deleted_at IS NULL`;

/** Rows read at a time. */
const SWEEP_PAGE = 200;

/**
 * Deletes every upload whose time is over, until there is none left or the signal says stop. Returns how many. The row
 * goes first, so that a crash leaves no address of a missing file but a file without a row, which the sweep of
 * orphans finds.
 */
export async function expireUploads(
  world: { database: Database; blobs: Pick<BlobStore, 'delete'>; clock: Clock },
  signal?: AbortSignal,
): Promise<number> {
  const { database, blobs, clock } = world;
  for (let count = 0; ;) {
    const now = clock.now();
    const due = await database.query<Row & { id: string; blob_key: string }>(DUE, [now, SWEEP_PAGE]);
    for (const upload of due) {
      if (signal?.aborted === true) return count;
      await database.transaction((tx) => tx.query(MARK_DELETED, [upload.id, now]));
      await blobs.delete(upload.blob_key);
      count += 1;
    }
    if (due.length < SWEEP_PAGE) return count;
  }
}

/** True while a row points at the blob. */
export async function isUploadBlob(database: Database, blobKey: string): Promise<boolean> {
  return (await database.query(KNOWN, [blobKey])).length > 0;
}

/** A store of files that fails is the operator's trouble, and not a fault of the request. */
export async function stored<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new GatewayError('storage_failed', { internal: 'a blob could not be written', cause });
  }
}
