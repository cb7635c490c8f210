import { hash, timingSafeEqual } from 'node:crypto';

import type { Clock } from '../core/clock.ts';
import { randomBase62, type Random } from '../core/random.ts';
import { GatewayError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import { boundedCache } from './bounded-cache.ts';
import { readKey } from './key-format.ts';
import type { KeyVault } from './key-vault.ts';
import type { KeyStatus } from './keys.ts';
import type { Role } from './teams.ts';

/** Who is asking: the key, its team and its user, as one request needs them. */
export interface Caller {
  keyId: string;
  keyName: string;
  keyPrefix: string;
  keyMaxConcurrentJobs: number | null;
  teamId: string;
  teamName: string;
  teamPlan: string;
  customerId: string | null;
  teamMaxConcurrentJobs: number;
  userId: string;
  email: string;
  role: Role;
  mode: 'live' | 'test';
  /** May use the admin routes: the key was made for that, is live, and belongs to an OWNER. */
  isAdmin: boolean;
}

/** Tells who is asking. */
export interface Authenticator {
  /** Throws GatewayError: key_missing, key_invalid (unknown, revoked or expired alike) or key_inactive. */
  find(keyText: string | undefined): Promise<Caller>;
  /** Drops what is cached. */
  forget(): void;
  /** Stops listening to the store. */
  close(): void;
}

/**
 * How long an answer of the store is believed. A revocation must hold within 5 s in every process, even where its hint
 * is lost; the second less is for a request that was let in last and is still being answered.
 */
export const KEY_CACHE_MS = 4_000;
const SALT_CHARACTERS = 22;
/** Known keys kept; about 6 MB. */
export const KNOWN_KEYS_MAX = 10_000;
/** Unknown keys kept, apart from the known ones so that guessing does not push those out. */
export const UNKNOWN_KEYS_MAX = 10_000;

const FIND_CALLER = `
SELECT k.id, k.name, k.prefix, k.lookup_hash, k.mode, k.status, k.max_concurrent_jobs, k.is_admin, k.expires_at,
  t.id AS team_id, t.name AS team_name, t.plan, t.customer_id, t.max_concurrent_jobs AS team_max_concurrent_jobs,
  u.id AS user_id, u.email, u.role
FROM api_keys k JOIN teams t ON t.id = k.team_id JOIN users u ON u.id = k.user_id
WHERE k.lookup_hash = $1`;

interface KnownKey {
  caller: Caller;
  status: KeyStatus;
  expiresAt: number | null;
  believedUntilMs: number;
}

/**
 * Looks keys up by their hash, with a short memory. Keys themselves are never kept: what is remembered is found by a
 * digest with a salt of this process, a fifth of the work of the peppered hash and worth nothing to anybody.
 */
export function createAuthenticator(options: {
  database: Database;
  vault: KeyVault;
  clock: Clock;
  random: Random;
}): Authenticator {
  const { database, vault, clock, random } = options;
  const salt = randomBase62(random, SALT_CHARACTERS);
  const known = boundedCache<KnownKey>(KNOWN_KEYS_MAX);
  const unknownUntilMs = boundedCache<number>(UNKNOWN_KEYS_MAX);
  let generation = 0;
  const forget = (): void => {
    generation += 1;
    known.clear();
    unknownUntilMs.clear();
  };
  const unsubscribe = database.subscribe('keys', forget);

  async function look(keyText: string): Promise<KnownKey | null> {
    const memo = hash('sha256', salt + keyText);
    const cached = known.get(memo);
    if (cached !== undefined && cached.believedUntilMs > clock.monotonicMs()) return cached;
    if ((unknownUntilMs.get(memo) ?? -Infinity) > clock.monotonicMs()) return null;
    const asked = generation;
    // From before the question: what the store answers is as old as that.
    const believedUntilMs = clock.monotonicMs() + KEY_CACHE_MS;
    const found = await readKnownKey(database, { hash: vault.lookupHash(keyText), believedUntilMs });
    // An answer that was under way while keys changed is used once and not kept.
    if (asked !== generation) return found;
    if (found === null) unknownUntilMs.set(memo, believedUntilMs);
    else known.set(memo, found);
    return found;
  }

  return {
    find: async (keyText) => {
      if (keyText === undefined || keyText === '') throw new GatewayError('key_missing');
      if (!readKey(keyText).ok) throw new GatewayError('key_invalid');
      const found = await look(keyText);
      if (found === null || found.status === 'revoked' || isPast(found.expiresAt, clock)) {
        throw new GatewayError('key_invalid');
      }
      if (found.status === 'inactive') throw new GatewayError('key_inactive');
      return found.caller;
    },
    forget,
    close: unsubscribe,
  };
}

function isPast(at: number | null, clock: Clock): boolean {
  return at !== null && at <= clock.now();
}

/** The table's CHECKs allow these modes, states and roles only. */
type CallerRow = {
  id: string;
  name: string;
  prefix: string;
  lookup_hash: string;
  mode: 'live' | 'test';
  status: KeyStatus;
  max_concurrent_jobs: number | null;
  is_admin: number;
  expires_at: number | null;
  team_id: string;
  team_name: string;
  plan: string;
  customer_id: string | null;
  team_max_concurrent_jobs: number;
  user_id: string;
  email: string;
  role: Role;
};

async function readKnownKey(
  database: Database,
  asked: { hash: string; believedUntilMs: number },
): Promise<KnownKey | null> {
  const [row] = await database.query<CallerRow>(FIND_CALLER, [asked.hash]);
  if (row === undefined) return null;
  // The index compares byte by byte, but what it compares is a keyed hash that a caller cannot steer; this
  // comparison in constant time makes sure that the row is the one that was asked for.
  if (!timingSafeEqual(Buffer.from(row.lookup_hash, 'hex'), Buffer.from(asked.hash, 'hex'))) return null;
  const caller: Caller = Object.freeze({
    keyId: row.id,
    keyName: row.name,
    keyPrefix: row.prefix,
    keyMaxConcurrentJobs: row.max_concurrent_jobs,
    teamId: row.team_id,
    teamName: row.team_name,
    teamPlan: row.plan,
    customerId: row.customer_id,
    teamMaxConcurrentJobs: row.team_max_concurrent_jobs,
    userId: row.user_id,
    email: row.email,
    role: row.role,
    mode: row.mode,
    isAdmin: row.is_admin === 1 && row.mode === 'live' && row.role === 'OWNER',
  });
  return { caller, status: row.status, expiresAt: row.expires_at, believedUntilMs: asked.believedUntilMs };
}
