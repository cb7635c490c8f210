import { isUuid, type NewId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import type { Database, Tx } from '../database/database.ts';
import { displayPrefix, makeKey, readKey } from './key-format.ts';
import type { KeyVault } from './key-vault.ts';

export type KeyStatus = 'active' | 'inactive' | 'revoked';

/** A key as lists show it: everything but the key. */
export interface KeyRecord {
  id: string;
  teamId: string;
  userId: string;
  name: string;
  /** The first 12 characters. */
  prefix: string;
  mode: 'live' | 'test';
  status: KeyStatus;
  maxConcurrentJobs: number | null;
  /** It opens the admin routes, as long as it is a live key of an OWNER. */
  isAdmin: boolean;
  /** From then on it is refused like an unknown key. */
  expiresAt: number | null;
  createdAt: number;
  revokedAt: number | null;
}

/** What a new key needs from the world. */
export interface KeyMaker {
  newId: NewId;
  now: number;
  random: Random;
  vault: KeyVault;
}

/** A new key with its text, which is shown to its owner once and exists nowhere else. */
export interface NewKey {
  key: KeyRecord;
  text: string;
}

/** How long both keys may work after a rotation, at most. */
export const ROTATION_OVERLAP_MS_MAX = 7 * 86_400_000;
/** Keys that one listing shows. */
const KEYS_MAX = 1_000;

const INSERT_KEY = `
INSERT INTO api_keys (id, team_id, user_id, name, prefix, lookup_hash, sealed_digest, mode, status,
  max_concurrent_jobs, is_admin, expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'active', $9, $10, $11, $12)`;

const KEY_COLUMNS = `
id, team_id, user_id, name, prefix, mode, status, max_concurrent_jobs, is_admin, expires_at, created_at, revoked_at`;

const LIST_KEYS = `SELECT ${KEY_COLUMNS} FROM api_keys ORDER BY created_at, id LIMIT ${KEYS_MAX}`;

const LIST_KEYS_OF_TEAM = `
SELECT ${KEY_COLUMNS} FROM api_keys WHERE team_id = $1 ORDER BY created_at, id LIMIT ${KEYS_MAX}`;

/** Two rows are enough to know that a prefix is not one key's own. */
const FIND_KEYS = `
SELECT ${KEY_COLUMNS} FROM api_keys WHERE id = $1 OR lookup_hash = $2 OR prefix = $3 ORDER BY created_at, id LIMIT 2`;

const FIND_SEALED_DIGEST = `SELECT sealed_digest FROM api_keys WHERE id = $1`;

const HAS_KEYS = `SELECT id FROM api_keys LIMIT 1`;

const EXPIRE_KEY = `
UPDATE api_keys SET expires_at = CASE WHEN expires_at < $2 THEN expires_at ELSE $2 END
WHERE id = $1 AND status = 'active' AND (expires_at IS NULL OR expires_at > $3)
RETURNING ${KEY_COLUMNS}`;

const REVOKE_KEY = `
UPDATE api_keys SET status = 'revoked', revoked_at = $2 WHERE id = $1 AND status <> 'revoked' RETURNING id`;

const SET_STATUS = `UPDATE api_keys SET status = $2 WHERE id = $1 AND status <> 'revoked' RETURNING id`;

/** Inserts a key: a new one, or with `text` the operator's own (the bootstrap key). */
export async function insertKey(
  tx: Tx,
  options: KeyMaker & {
    teamId: string;
    userId: string;
    name: string;
    mode: 'live' | 'test';
    maxConcurrentJobs: number | null;
    isAdmin?: boolean;
    expiresAt?: number | null;
    text?: string;
  },
): Promise<NewKey> {
  const { newId, now, random, vault, teamId, userId, name, mode, maxConcurrentJobs } = options;
  const { isAdmin = false, expiresAt = null } = options;
  const text = options.text ?? makeKey(random, mode);
  const reading = readKey(text);
  if (!reading.ok || reading.mode !== mode) throw new RangeError(`the given text is not a ${mode} key`);
  const id = newId();
  const prefix = displayPrefix(text);
  const sealed = vault.sealDigest(id, text);
  const hash = vault.lookupHash(text);
  const limits = [maxConcurrentJobs, isAdmin ? 1 : 0, expiresAt, now];
  await tx.query(INSERT_KEY, [id, teamId, userId, name, prefix, hash, sealed, mode, ...limits]);
  const key: KeyRecord = {
    id,
    teamId,
    userId,
    name,
    prefix,
    mode,
    status: 'active',
    maxConcurrentJobs,
    isAdmin,
    expiresAt,
    createdAt: now,
    revokedAt: null,
  };
  return { key, text };
}

/** Keys in the order of their creation, at most 1,000; of one team, or of all when `teamId` is null. */
export async function listKeys(database: Pick<Database, 'query'>, teamId: string | null): Promise<KeyRecord[]> {
  const rows =
    teamId === null
      ? await database.query<KeyRow>(LIST_KEYS)
      : await database.query<KeyRow>(LIST_KEYS_OF_TEAM, [teamId]);
  return rows.map(recordOf);
}

/** Finds a key by its id, its prefix or its full text (a leaked key is revoked by value); `several` share a prefix. */
export async function findKey(
  database: Pick<Database, 'query'>,
  options: { vault: KeyVault; selector: string },
): Promise<KeyRecord | 'unknown' | 'several'> {
  const { vault, selector } = options;
  const id = isUuid(selector) ? selector.toLowerCase() : null;
  const hash = readKey(selector).ok ? vault.lookupHash(selector) : null;
  const rows = await database.query<KeyRow>(FIND_KEYS, [id, hash, selector]);
  const [first] = rows;
  if (first === undefined) return 'unknown';
  return rows.length > 1 ? 'several' : recordOf(first);
}

/** The key's SHA-256 digest, for the compatible webhook signature; null for a key that does not exist. */
export async function findKeyDigest(
  database: Pick<Database, 'query'>,
  options: { vault: KeyVault; keyId: string },
): Promise<Buffer | null> {
  const [row] = await database.query<{ sealed_digest: string }>(FIND_SEALED_DIGEST, [options.keyId]);
  return row === undefined ? null : options.vault.openDigest(options.keyId, row.sealed_digest);
}

/** Whether the store has any key: then its secrets must exist. */
export async function hasKeys(database: Pick<Database, 'query'>): Promise<boolean> {
  return (await database.query(HAS_KEYS)).length > 0;
}

/**
 * Makes a successor with the same owner, mode, rights and limits, but no expiry; the old key works on for `overlapMs` (0 to
 * 7 days). null when the old key is unknown, inactive, revoked or expired.
 */
export async function rotateKey(
  database: Database,
  options: KeyMaker & { keyId: string; overlapMs: number },
): Promise<NewKey | null> {
  const { keyId, overlapMs, now } = options;
  if (!Number.isSafeInteger(overlapMs) || overlapMs < 0 || overlapMs > ROTATION_OVERLAP_MS_MAX) {
    throw new RangeError(`an overlap of ${overlapMs} ms is not from 0 to ${ROTATION_OVERLAP_MS_MAX}`);
  }
  return database.transaction(async (tx) => {
    tx.afterCommit(() => database.notify('keys', keyId));
    const [row] = await tx.query<KeyRow>(EXPIRE_KEY, [keyId, now + overlapMs, now]);
    if (row === undefined) return null;
    const { teamId, userId, name, mode, maxConcurrentJobs, isAdmin } = recordOf(row);
    return insertKey(tx, { ...options, teamId, userId, name, mode, maxConcurrentJobs, isAdmin });
  });
}

/** Revokes for good, seen by every process within 5 s. False when it was unknown or revoked already. */
export async function revokeKey(database: Database, options: { keyId: string; now: number }): Promise<boolean> {
  return database.transaction(async (tx) => {
    tx.afterCommit(() => database.notify('keys', options.keyId));
    return (await tx.query(REVOKE_KEY, [options.keyId, options.now])).length > 0;
  });
}

/** Switches a key off or on again; a revoked key stays revoked, and the answer is false. */
export async function setKeyStatus(
  database: Database,
  options: { keyId: string; status: 'active' | 'inactive' },
): Promise<boolean> {
  return database.transaction(async (tx) => {
    tx.afterCommit(() => database.notify('keys', options.keyId));
    return (await tx.query(SET_STATUS, [options.keyId, options.status])).length > 0;
  });
}

/** The table's CHECKs allow these modes and states only. */
type KeyRow = {
  id: string;
  team_id: string;
  user_id: string;
  name: string;
  prefix: string;
  mode: 'live' | 'test';
  status: KeyStatus;
  max_concurrent_jobs: number | null;
  is_admin: number;
  expires_at: number | null;
  created_at: number;
  revoked_at: number | null;
};

function recordOf(row: KeyRow): KeyRecord {
  return {
    id: row.id,
    teamId: row.team_id,
    userId: row.user_id,
    name: row.name,
    prefix: row.prefix,
    mode: row.mode,
    status: row.status,
    maxConcurrentJobs: row.max_concurrent_jobs,
    isAdmin: row.is_admin === 1,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  };
}
