import { fromCredits } from '../core/money.ts';
import { openAccounts } from '../credits/accounts.ts';
import { grant } from '../credits/grant.ts';
import type { Tx } from '../database/database.ts';
import { insertTeam, insertUser, type Team, type User } from '../teams/teams.ts';
import type { Machine, Store } from './open-store.ts';

/** A new team with its owner, its accounts and its start credits, in the caller's transaction. */
export async function makeTeam(
  machine: Machine,
  store: Store,
  tx: Tx,
  wanted: { name: string; ownerEmail: string; startCredits: number },
): Promise<{ team: Team; owner: User }> {
  const { newId } = store;
  const now = machine.clock.now();
  const team = await insertTeam(tx, {
    newId,
    now,
    name: wanted.name,
    plan: 'self-hosted',
    customerId: null,
    maxConcurrentJobs: machine.settings.teamConcurrency,
  });
  const owner = await insertUser(tx, { newId, now, teamId: team.id, email: wanted.ownerEmail, role: 'OWNER' });
  await openAccounts(tx, { newId, teamId: team.id });
  if (wanted.startCredits > 0) {
    await grant(tx, {
      newId,
      now,
      teamId: team.id,
      mode: 'live',
      amountMicro: fromCredits(wanted.startCredits),
      actor: 'operator',
      reason: 'start credits',
      externalRef: `start:${team.id}`,
    });
  }
  return { team, owner };
}
