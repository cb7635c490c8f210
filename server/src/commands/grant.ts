import { AMOUNT_MICRO_MAX, fromCredits, MICRO_PER_CREDIT, wholeCredits } from '../core/money.ts';
import { findBalance } from '../credits/accounts.ts';
import { grant } from '../credits/grant.ts';
import { findTeam, listTeams, type Team } from '../teams/teams.ts';
import { openStore, type Store } from './open-store.ts';
import { CommandProblem } from './output.ts';
import type { CommandWorld } from './serve.ts';
import { readWords, wholeNumber } from './words.ts';

/** `lumegate grant 500 [--team id] [--reason text]`: a negative number takes credits back, as far as they are free. */
export async function grantCredits({ machine, output }: CommandWorld, words: string[]): Promise<void> {
  // A negative amount would be read as an option.
  const amountAt = words.findIndex((word) => /^-?\d+$/.test(word));
  const rest = words.filter((_, index) => index !== amountAt);
  const { values } = readWords(rest, { team: { type: 'string' }, reason: { type: 'string' } });
  const max = Math.floor(AMOUNT_MICRO_MAX / MICRO_PER_CREDIT);
  const credits = wholeNumber(words[amountAt], 'the number of credits', { min: -max, max });
  if (credits === 0) throw new CommandProblem('the number of credits must not be 0');
  const store = await openStore(machine);
  try {
    const team = await chooseTeam(store, values.team);
    const result = await store.database.transaction((tx) =>
      grant(tx, {
        newId: store.newId,
        now: machine.clock.now(),
        teamId: team.id,
        mode: 'live',
        amountMicro: fromCredits(credits),
        actor: 'operator',
        reason: values.reason ?? 'granted by the operator',
        externalRef: null,
      }),
    );
    if (!result.ok) {
      throw new CommandProblem(`only ${wholeCredits(result.availableMicro)} credits are free to be taken back`);
    }
    const balance = await findBalance(store.database, team.id, 'live');
    output.say(`${team.name} now has ${wholeCredits(balance.availableMicro)} credits.`);
  } finally {
    await store.database.close();
  }
}

/** The named team, or the only one. */
export async function chooseTeam(store: Store, teamId: string | undefined): Promise<Team> {
  if (teamId !== undefined) {
    const team = await findTeam(store.database, teamId);
    if (team === null) throw new CommandProblem(`there is no team ${teamId}`);
    return team;
  }
  const [first, ...others] = await listTeams(store.database);
  if (first === undefined) throw new CommandProblem('there is no team yet: start the server once');
  if (others.length > 0)
    throw new CommandProblem(
      `there are several teams: name one with --team (${[first, ...others].map((team) => `${team.id} ${team.name}`).join(', ')})`,
    );
  return first;
}
