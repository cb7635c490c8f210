import { fromCredits } from '../../server/src/core/money.ts';
import type { NewId } from '../../server/src/core/ids.ts';
import { openAccounts } from '../../server/src/credits/accounts.ts';
import { grant } from '../../server/src/credits/grant.ts';
import type { Database } from '../../server/src/database/database.ts';
import type { JobCaller } from '../../server/src/jobs/world.ts';
import { insertTeam, insertUser } from '../../server/src/teams/teams.ts';

/** A team with one caller for each of its keys. */
export interface SimTeam {
  id: string;
  callers: [JobCaller, ...JobCaller[]];
  /** The provider for which it has brought a key. */
  ownKeyFor: string | null;
}

const INSERT_KEY = `
INSERT INTO api_keys (id, team_id, user_id, name, prefix, lookup_hash, sealed_digest, mode, status, max_concurrent_jobs, created_at)
VALUES ($1, $2, $3, 'key', 'afk_', $1, '', 'live', 'active', $4, $5)`;

/** Adds a team with credits and keys; a key's number is how many of its jobs may run at once, null for no limit. */
export async function addSimTeam(
  database: Database,
  options: {
    newId: NewId;
    now: number;
    concurrentMax: number;
    credits: number;
    keys: readonly [number | null, ...(number | null)[]];
  },
): Promise<SimTeam> {
  const { newId, now, concurrentMax, credits } = options;
  return database.transaction(async (tx) => {
    const team = await insertTeam(tx, {
      newId,
      now,
      name: 'Team',
      plan: 'free',
      customerId: null,
      maxConcurrentJobs: concurrentMax,
    });
    const email = `${team.id}@team.invalid`;
    const user = await insertUser(tx, { newId, now, teamId: team.id, email, role: 'OWNER' });
    await openAccounts(tx, { newId, teamId: team.id });
    if (credits > 0) {
      const amountMicro = fromCredits(credits);
      await grant(tx, {
        newId,
        now,
        teamId: team.id,
        mode: 'live',
        amountMicro,
        actor: 'test',
        reason: 'test',
        externalRef: null,
      });
    }
    const addKey = async (keyMax: number | null): Promise<JobCaller> => {
      const keyId = newId();
      await tx.query(INSERT_KEY, [keyId, team.id, user.id, keyMax, now]);
      return { teamId: team.id, userId: user.id, keyId, role: 'OWNER', mode: 'live' };
    };
    const [first, ...others] = options.keys;
    const callers: SimTeam['callers'] = [await addKey(first)];
    for (const keyMax of others) callers.push(await addKey(keyMax));
    return { id: team.id, callers, ownKeyFor: null };
  });
}
