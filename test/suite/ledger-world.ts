import { microCredits, type MicroCredits } from '../../server/src/core/money.ts';
import { systemClock } from '../../server/src/core/clock.ts';
import { idMaker, type NewId } from '../../server/src/core/ids.ts';
import { systemRandom } from '../../server/src/core/random.ts';
import { findBalance, openAccounts, type Balance, type Mode } from '../../server/src/credits/accounts.ts';
import { grant, type GrantResult } from '../../server/src/credits/grant.ts';
import { hold, type HoldResult } from '../../server/src/credits/hold.ts';
import { capture, release, type SettleResult } from '../../server/src/credits/settle.ts';
import { isUniqueViolation, type Database } from '../../server/src/database/database.ts';

/** One team with its keys, and the ledger's functions each in a transaction of its own, as callers use them. */
export interface LedgerWorld {
  database: Database;
  newId: NewId;
  teamId: string;
  /** Ids of live keys, then of one test key. */
  keys: readonly [string, string, string];
  grant(credits: { amountMicro: number; externalRef?: string; mode?: Mode }): Promise<GrantResult>;
  /** `duplicate` when the job had a hold already. */
  hold(request: { jobId: string; keyId?: string; amountMicro: number; mode?: Mode }): Promise<HoldResult | 'duplicate'>;
  capture(jobId: string, amountMicro: number): Promise<SettleResult>;
  release(jobId: string): Promise<SettleResult>;
  balance(mode?: Mode): Promise<Balance>;
}

class HoldRefused extends Error {
  readonly result: HoldResult;
  constructor(result: HoldResult) {
    super('hold refused');
    this.result = result;
  }
}

/** Opens a new team in the store. Amounts are plain numbers here, so that tests can send wrong ones. */
export async function openLedgerWorld(
  database: Database,
  options: { openHoldsMax?: number } = {},
): Promise<LedgerWorld> {
  const clock = systemClock();
  const newId = idMaker(clock, systemRandom());
  const teamId = newId();
  const keys = [newId(), newId(), newId()] as const;
  const openHoldsMax = options.openHoldsMax ?? 1_000_000;
  await insertTeamWithKeys(database, { newId, teamId, keys });
  // Safe: the functions under test check the amount themselves; that is one of the guarantees tested.
  const unchecked = (amount: number): MicroCredits => amount as MicroCredits;

  return {
    database,
    newId,
    teamId,
    keys,
    grant: ({ amountMicro, externalRef, mode = 'live' }) =>
      database.transaction((tx) =>
        grant(tx, {
          newId,
          now: clock.now(),
          teamId,
          mode,
          amountMicro: unchecked(amountMicro),
          actor: 'test',
          reason: 'test',
          externalRef: externalRef ?? null,
        }),
      ),
    hold: async ({ jobId, keyId = keys[0], amountMicro, mode = 'live' }) => {
      try {
        return await database.transaction(async (tx) => {
          const result = await hold(tx, {
            newId,
            now: clock.now(),
            jobId,
            teamId,
            keyId,
            mode,
            amountMicro: unchecked(amountMicro),
            openHoldsMax,
          });
          if (!result.ok) throw new HoldRefused(result);
          return result;
        });
      } catch (error) {
        if (error instanceof HoldRefused) return error.result;
        if (isUniqueViolation(error)) return 'duplicate';
        throw error;
      }
    },
    capture: (jobId, amountMicro) =>
      database.transaction((tx) =>
        capture(tx, { newId, now: clock.now(), jobId, amountMicro: unchecked(amountMicro), actor: 'test' }),
      ),
    release: (jobId) => database.transaction((tx) => release(tx, { newId, now: clock.now(), jobId, actor: 'test' })),
    balance: (mode = 'live') => findBalance(database, teamId, mode),
  };
}

async function insertTeamWithKeys(
  database: Database,
  options: { newId: NewId; teamId: string; keys: readonly string[] },
): Promise<void> {
  const { newId, teamId, keys } = options;
  const userId = newId();
  await database.transaction(async (tx) => {
    await tx.query(
      `INSERT INTO teams (id, name, plan, max_concurrent_jobs, created_at) VALUES ($1, 'Team', 'free', 50, 0)`,
      [teamId],
    );
    await tx.query(`INSERT INTO users (id, team_id, email, role, created_at) VALUES ($1, $2, $1, 'OWNER', 0)`, [
      userId,
      teamId,
    ]);
    for (const [index, id] of keys.entries()) {
      await tx.query(
        `INSERT INTO api_keys (id, team_id, user_id, name, prefix, lookup_hash, sealed_digest, mode, status, created_at)
         VALUES ($1, $2, $3, 'key', 'afk_', $1, '', $4, 'active', 0)`,
        [id, teamId, userId, index === 2 ? 'test' : 'live'],
      );
    }
    await openAccounts(tx, { newId, teamId });
  });
}

/** Inserts a job row as the audit needs it: its price, its state and what it was charged. */
export async function insertJobRow(
  world: LedgerWorld,
  job: { id: string; status: 'QUEUED' | 'COMPLETED' | 'FAILED'; priceMicro: number; chargeMicro: number },
): Promise<void> {
  const ended = job.status !== 'QUEUED';
  const values = [
    job.id,
    world.teamId,
    world.keys[0],
    job.priceMicro,
    job.chargeMicro,
    job.status,
    job.status === 'COMPLETED' ? 100 : 0,
    job.status === 'COMPLETED' ? '{}' : null,
    ended ? 1 : null,
  ];
  await world.database.transaction((tx) =>
    tx.query(
      `INSERT INTO jobs (id, team_id, user_id, key_id, mode, operation, model, input_json, call_json, price_micro,
         charge_micro, status, progress, result_json, queue_rank, created_at, completed_at, deadline_at)
       VALUES ($1, $2, 'user', $3, 'live', 'images/generate', 'm', '{}', '{}', $4, $5, $6, $7, $8, 0, 0, $9, 1)`,
      values,
    ),
  );
}

/** A short way to say an amount in tests. */
export const micro = microCredits;
