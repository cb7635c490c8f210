import { insertKey } from '../teams/keys.ts';
import { listTeams } from '../teams/teams.ts';
import { makeTeam } from './make-team.ts';
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
  return database.transaction(async (tx) => {
    await tx.lock('first-start');
    if ((await tx.query('SELECT id FROM teams LIMIT 1')).length > 0) return null;
    const { team, owner } = await makeTeam(machine, store, tx, {
      name: 'My team',
      ownerEmail: 'owner@lumegate.invalid',
      startCredits: settings.startCredits,
    });
    const now = clock.now();
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
