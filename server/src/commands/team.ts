import { isUniqueViolation } from '../database/database.ts';
import { findBalance } from '../credits/accounts.ts';
import { wholeCredits } from '../core/money.ts';
import { insertUser, listTeams, listUsers, type Role } from '../teams/teams.ts';
import { chooseTeam } from './grant.ts';
import { makeTeam } from './make-team.ts';
import { openStore, type Machine, type Store } from './open-store.ts';
import { CommandProblem, type Output } from './output.ts';
import type { CommandWorld } from './serve.ts';
import { readWords, wholeNumber } from './words.ts';

const USE =
  'use one of: team list, team create <name> --email <owner>, team add --email <user> [--role ADMIN|MEMBER] [--team <id>]';
const EMAIL = /^[^\s@]+@[^\s@]+$/;
const CREDITS_MAX = 1_000_000_000;

interface TeamWorld {
  machine: Machine;
  output: Output;
  store: Store;
}

/** `lumegate team list|create|add`: teams and their users; keys are made with `lumegate key create`. */
export async function manageTeams({ machine, output }: CommandWorld, words: string[]): Promise<void> {
  const [verb, ...rest] = words;
  const actions: Record<string, (world: TeamWorld, words: string[]) => Promise<void>> = { list, create, add };
  const action = actions[verb ?? ''];
  if (action === undefined) throw new CommandProblem(USE);
  const store = await openStore(machine);
  try {
    await action({ machine, output, store }, rest);
  } catch (error) {
    throw isUniqueViolation(error) ? new CommandProblem('there is a user with this e-mail address already') : error;
  } finally {
    await store.database.close();
  }
}

async function list({ output, store }: TeamWorld): Promise<void> {
  for (const team of await listTeams(store.database)) {
    const balance = await findBalance(store.database, team.id, 'live');
    output.say(`${team.id}  ${team.name}  ${wholeCredits(balance.availableMicro)} credits free`);
    for (const user of await listUsers(store.database, team.id)) output.say(`    ${user.email}  ${user.role}`);
  }
}

async function create({ machine, output, store }: TeamWorld, words: string[]): Promise<void> {
  const { values, positionals } = readWords(words, { email: { type: 'string' }, credits: { type: 'string' } });
  const [name] = positionals;
  if (name === undefined) throw new CommandProblem(USE);
  const startCredits =
    values.credits === undefined
      ? machine.settings.startCredits
      : wholeNumber(values.credits, '--credits', { min: 0, max: CREDITS_MAX });
  const wanted = { name, ownerEmail: emailFrom(values.email), startCredits };
  const { team } = await store.database.transaction((tx) => makeTeam(machine, store, tx, wanted));
  output.say(`Team ${team.id} "${name}". A key for it: lumegate key create --team ${team.id}`);
}

async function add({ machine, output, store }: TeamWorld, words: string[]): Promise<void> {
  const { values } = readWords(words, {
    email: { type: 'string' },
    role: { type: 'string' },
    team: { type: 'string' },
  });
  const team = await chooseTeam(store, values.team);
  const user = { teamId: team.id, email: emailFrom(values.email), role: roleFrom(values.role) };
  await store.database.transaction((tx) => insertUser(tx, { newId: store.newId, now: machine.clock.now(), ...user }));
  output.say(
    `${user.email} is ${user.role} of ${team.name}. A key: lumegate key create --team ${team.id} --email ${user.email}`,
  );
}

function emailFrom(text: string | undefined): string {
  if (text === undefined || !EMAIL.test(text)) throw new CommandProblem('--email must be an e-mail address');
  return text;
}

function roleFrom(text: string = 'MEMBER'): Role {
  const role = text.toUpperCase();
  if (role !== 'ADMIN' && role !== 'MEMBER' && role !== 'OWNER')
    throw new CommandProblem('--role must be OWNER, ADMIN or MEMBER');
  return role;
}
