import { fromCredits } from '../core/money.ts';
import { openAccounts } from '../credits/accounts.ts';
import { grant } from '../credits/grant.ts';
import { insertKey } from '../teams/keys.ts';
import { insertTeam, insertUser, listTeams } from '../teams/teams.ts';
import type { Machine, Store } from './open-store.ts';

/** The keys of the first team's owner, shown once. */
export interface FirstKeys {
  live: string;
  test: string;
}

/**
 * Makes the first team, its owner, their keys and the start credits in a store that has no team yet.
 * Null when there is one already. Of two processes that start at once, one makes them.
 */
export async function firstStart(machine: Machine, store: Store): Promise<FirstKeys | null> {
  const { settings, clock, random } = machine;
  const { database, vault, newId } = store;
  if ((await listTeams(database)).length > 0) return null;
  const now = clock.now();
  return database.transaction(async (tx) => {
    await tx.lock('first-start');
    if ((await tx.query('SELECT id FROM teams LIMIT 1')).length > 0) return null;
    const team = await insertTeam(tx, {
      newId,
      now,
      name: 'My team',
      plan: 'self-hosted',
      customerId: null,
      maxConcurrentJobs: settings.teamConcurrency,
    });
    const owner = await insertUser(tx, { newId, now, teamId: team.id, email: 'owner@lumegate.invalid', role: 'OWNER' });
    await openAccounts(tx, { newId, teamId: team.id });
    if (settings.startCredits > 0) {
      await grant(tx, {
        newId,
        now,
        teamId: team.id,
        mode: 'live',
        amountMicro: fromCredits(settings.startCredits),
        actor: 'first-start',
        reason: 'start credits',
        externalRef: `start:${team.id}`,
      });
    }
    const maker = { newId, now, random, vault, teamId: team.id, userId: owner.id, maxConcurrentJobs: null };
    const live = await insertKey(tx, {
      ...maker,
      name: 'First key',
      mode: 'live',
      ...(settings.bootstrapKey === null ? {} : { text: settings.bootstrapKey }),
    });
    const test = await insertKey(tx, { ...maker, name: 'First test key', mode: 'test' });
    return { live: live.text, test: test.text };
  });
}
