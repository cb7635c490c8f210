import type { NewId } from '../core/ids.ts';
import type { Database, Row, Tx } from '../database/database.ts';
import type { ProviderVault } from './provider-vault.ts';

/** A provider's key as lists show it: everything but the secret. */
export interface ProviderKeyRecord {
  id: string;
  provider: string;
  /** The team that brought it; null for the operator's own. */
  teamId: string | null;
  /** Words for people; several keys may have the same. */
  label: string;
  /** The last four characters; empty for a secret so short that they would tell too much. */
  last4: string;
  /** Generations under way at once with this key; null for the provider's usual number. */
  maxInFlight: number | null;
  /** UTC milliseconds. */
  createdAt: number;
}

/** A key with what the store holds of its secret. */
export interface SealedProviderKey extends ProviderKeyRecord {
  sealedSecret: string;
  sealedKey: string;
  /** It buys nothing any more; what was bought with it is still asked about. */
  isRemoved: boolean;
}

/** Live keys of one owner at one provider. More spread nothing any further, and a list must have an end. */
export const PROVIDER_KEYS_MAX = 20;
/** The form of a secret: visible ASCII, as it goes into a header. */
export const PROVIDER_SECRET = /^[\x21-\x7e]{8,4096}$/;
/** Characters of a label. */
export const LABEL_LENGTH_MAX = 80;
/**
 * How long a removed key's secret can still be read: longer than the longest job (10,000 minutes), which goes on
 * being asked about with the key that bought it.
 */
export const REMOVED_READABLE_MS = 8 * 86_400_000;
/** Of a shorter secret the last four characters would give away too much. */
const SHOWN_LENGTH_MIN = 16;
/** Keys of all teams that one process knows; beyond that the oldest stay. */
const ROWS_MAX = 50_000;

const COLUMNS = `id, provider, team_id, label, last4, max_in_flight, created_at`;

const COUNT_OF_OWNER = `
SELECT COUNT(*) AS keys FROM provider_keys
WHERE provider = $1 AND COALESCE(team_id, '') = COALESCE(CAST($2 AS TEXT), '') AND removed_at IS NULL`;

const INSERT = `
INSERT INTO provider_keys (id, provider, team_id, label, last4, sealed_secret, sealed_key, max_in_flight, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;

const LIST = `SELECT ${COLUMNS} FROM provider_keys WHERE removed_at IS NULL ORDER BY created_at, id LIMIT ${ROWS_MAX}`;

const LIST_OF_TEAM = `
SELECT ${COLUMNS} FROM provider_keys WHERE team_id = $1 AND removed_at IS NULL ORDER BY created_at, id LIMIT ${ROWS_MAX}`;

const LIST_SEALED = `
SELECT ${COLUMNS}, sealed_secret, sealed_key, removed_at FROM provider_keys
WHERE removed_at IS NULL OR removed_at > $1 ORDER BY created_at, id LIMIT ${ROWS_MAX}`;

const HAS_KEYS = `SELECT id FROM provider_keys LIMIT 1`;

const REMOVE = `
UPDATE provider_keys SET removed_at = $4
WHERE id = $1 AND removed_at IS NULL AND (CAST($2 AS TEXT) IS NULL OR provider = $2)
  AND (CAST($3 AS TEXT) IS NULL OR team_id = $3)
RETURNING id`;

const FORGET_STATE = `DELETE FROM provider_key_states WHERE key_id = $1`;

const ERASE = `
UPDATE provider_keys SET sealed_secret = '', sealed_key = ''
WHERE removed_at <= $1 AND sealed_secret <> '' RETURNING id`;

/** What lists may show of a secret: its last four characters, or nothing of a short one. */
export function shownEnd(secret: string): string {
  return secret.length < SHOWN_LENGTH_MIN ? '' : secret.slice(-4);
}

/** A new key to be stored; `provider` is one that the catalogue knows, `secret` matches PROVIDER_SECRET. */
export interface NewProviderKey {
  provider: string;
  teamId: string | null;
  label: string;
  secret: string;
  maxInFlight: number | null;
}

/** Stores a key, sealed; every process knows it within 5 s. `too-many` when its owner has PROVIDER_KEYS_MAX there. */
export async function insertProviderKey(
  database: Database,
  options: NewProviderKey & { newId: NewId; now: number; vault: ProviderVault },
): Promise<ProviderKeyRecord | 'too-many'> {
  const { provider, teamId, label, secret, maxInFlight, newId, now, vault } = options;
  if (!PROVIDER_SECRET.test(secret)) throw new RangeError('the secret is not 8 to 4096 visible ASCII characters');
  const id = newId();
  const last4 = shownEnd(secret);
  const { sealedSecret, sealedKey } = vault.seal(id, secret);
  return database.transaction(async (tx) => {
    // Two at once could both find room for one.
    await tx.lock('provider-keys');
    const [count] = await tx.query<{ keys: number }>(COUNT_OF_OWNER, [provider, teamId]);
    if ((count?.keys ?? 0) >= PROVIDER_KEYS_MAX) return 'too-many';
    await tx.query(INSERT, [id, provider, teamId, label, last4, sealedSecret, sealedKey, maxInFlight, now]);
    tx.afterCommit(() => database.notify('provider-keys', id));
    return { id, provider, teamId, label, last4, maxInFlight, createdAt: now };
  });
}

/** Live keys in the order of their creation: of one team, or with null those of everybody. */
export async function listProviderKeys(
  database: Pick<Database, 'query'>,
  teamId: string | null,
): Promise<ProviderKeyRecord[]> {
  const rows =
    teamId === null ? await database.query<KeyRow>(LIST) : await database.query<KeyRow>(LIST_OF_TEAM, [teamId]);
  return rows.map(recordOf);
}

/** Every key whose secret may still be asked for: live ones, and those removed less than REMOVED_READABLE_MS ago. */
export async function listSealedKeys(database: Pick<Database, 'query'>, now: number): Promise<SealedProviderKey[]> {
  const rows = await database.query<SealedRow>(LIST_SEALED, [now - REMOVED_READABLE_MS]);
  return rows.map((row) => ({
    ...recordOf(row),
    sealedSecret: row.sealed_secret,
    sealedKey: row.sealed_key,
    isRemoved: row.removed_at !== null,
  }));
}

/** Whether the store holds any provider's key: then its master key must exist. */
export async function hasProviderKeys(database: Pick<Database, 'query'>): Promise<boolean> {
  return (await database.query(HAS_KEYS)).length > 0;
}

/**
 * Takes a key out of use; no process starts anything with it after 5 s. Only a key of `provider` and of `teamId`
 * (null: of whoever) is taken; false for any other, as for one that does not exist.
 */
export async function removeProviderKey(
  database: Database,
  options: { keyId: string; provider: string | null; teamId: string | null; now: number },
): Promise<boolean> {
  const { keyId, provider, teamId, now } = options;
  return database.transaction(async (tx) => {
    const removed = await tx.query(REMOVE, [keyId, provider, teamId, now]);
    if (removed.length === 0) return false;
    await tx.query(FORGET_STATE, [keyId]);
    await eraseRemovedSecrets(tx, now);
    tx.afterCommit(() => database.notify('provider-keys', keyId));
    return true;
  });
}

/** Wipes the sealed secrets of keys that were removed REMOVED_READABLE_MS ago; returns how many. Safe at any time. */
export async function eraseRemovedSecrets(tx: Pick<Tx, 'query'>, now: number): Promise<number> {
  return (await tx.query(ERASE, [now - REMOVED_READABLE_MS])).length;
}

type KeyRow = {
  id: string;
  provider: string;
  team_id: string | null;
  label: string;
  last4: string;
  max_in_flight: number | null;
  created_at: number;
} & Row;

type SealedRow = KeyRow & { sealed_secret: string; sealed_key: string; removed_at: number | null };

function recordOf(row: KeyRow): ProviderKeyRecord {
  return {
    id: row.id,
    provider: row.provider,
    teamId: row.team_id,
    label: row.label,
    last4: row.last4,
    maxInFlight: row.max_in_flight,
    createdAt: row.created_at,
  };
}
