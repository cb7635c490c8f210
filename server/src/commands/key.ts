import { fromCredits, microCredits } from '../core/money.ts';
import { findKeyBudget, setKeyBudget } from '../credits/budgets.ts';
import { findKey, insertKey, listKeys, revokeKey, rotateKey, type KeyRecord } from '../teams/keys.ts';
import { listUsers } from '../teams/teams.ts';
import { chooseTeam } from './grant.ts';
import { openStore, type Machine, type Store } from './open-store.ts';
import { CommandProblem, type Output } from './output.ts';
import type { CommandWorld } from './serve.ts';
import { readWords, wholeNumber } from './words.ts';

interface KeyWorld {
  machine: Machine;
  output: Output;
  store: Store;
}

const OVERLAP_HOURS_MAX = 7 * 24;

/** `lumegate key create|list|rotate|revoke`; works beside a running server, which notices within 5 s. */
export async function manageKeys({ machine, output }: CommandWorld, words: string[]): Promise<void> {
  const [verb, ...rest] = words;
  const actions: Record<string, (world: KeyWorld, words: string[]) => Promise<void>> = {
    create: createKey,
    list: showKeys,
    rotate,
    revoke,
  };
  const action = actions[verb ?? ''];
  if (action === undefined)
    throw new CommandProblem('use one of: key create, key list, key rotate <key>, key revoke <key>');
  const store = await openStore(machine);
  try {
    await action({ machine, output, store }, rest);
  } finally {
    await store.database.close();
  }
}

async function createKey({ machine, output, store }: KeyWorld, words: string[]): Promise<void> {
  const { values } = readWords(words, {
    name: { type: 'string' },
    team: { type: 'string' },
    email: { type: 'string' },
    test: { type: 'boolean' },
    admin: { type: 'boolean' },
    budget: { type: 'string' },
    concurrency: { type: 'string' },
    days: { type: 'string' },
  });
  const team = await chooseTeam(store, values.team);
  const users = await listUsers(store.database, team.id);
  const email = values.email?.toLowerCase();
  const user = email === undefined ? users[0] : users.find((one) => one.email === email);
  if (user === undefined) throw new CommandProblem('the team has no such user: lumegate team add --email …');
  const isAdmin = values.admin === true;
  if (isAdmin && (values.test === true || user.role !== 'OWNER')) {
    throw new CommandProblem('an admin key is a live key of an OWNER');
  }
  const now = machine.clock.now();
  const optional = (text: string | undefined, name: string, max: number): number | null =>
    text === undefined ? null : wholeNumber(text, name, { min: 1, max });
  const days = optional(values.days, '--days', 36_500);
  const budget = optional(values.budget, '--budget', 1_000_000_000);
  const concurrency = optional(values.concurrency, '--concurrency', 1_000_000);
  const made = await store.database.transaction(async (tx) => {
    const created = await insertKey(tx, {
      newId: store.newId,
      now,
      random: machine.random,
      vault: store.vault,
      teamId: team.id,
      userId: user.id,
      name: values.name ?? 'key',
      mode: values.test === true ? 'test' : 'live',
      maxConcurrentJobs: concurrency,
      isAdmin,
      expiresAt: days === null ? null : now + days * 86_400_000,
    });
    if (budget !== null) await setKeyBudget(tx, { keyId: created.key.id, capMicro: fromCredits(budget) });
    return created;
  });
  output.tell(`${isAdmin ? 'Admin key' : 'Key'} "${made.key.name}" of ${team.name}; it is shown only now:`);
  output.say(made.text);
}

async function showKeys({ output, store }: KeyWorld): Promise<void> {
  const keys = await listKeys(store.database, null);
  for (const key of keys) output.say(lineFor(key));
  if (keys.length === 0) output.tell('There are no keys yet: start the server once.');
}

function lineFor(key: KeyRecord): string {
  const until = key.expiresAt === null ? '' : `  until ${new Date(key.expiresAt).toISOString()}`;
  const admin = key.isAdmin ? '  admin' : '';
  return `${key.id}  ${key.prefix}…  ${key.mode}  ${key.status.padEnd(8)}  ${key.name}${admin}${until}`;
}

async function rotate({ machine, output, store }: KeyWorld, words: string[]): Promise<void> {
  const { values, positionals } = readWords(words, { 'overlap-hours': { type: 'string' } });
  const key = await selectKey(store, positionals[0]);
  const hours = wholeNumber(values['overlap-hours'] ?? '24', '--overlap-hours', { min: 0, max: OVERLAP_HOURS_MAX });
  const made = await rotateKey(store.database, {
    newId: store.newId,
    now: machine.clock.now(),
    random: machine.random,
    vault: store.vault,
    keyId: key.id,
    overlapMs: hours * 3_600_000,
  });
  if (made === null) throw new CommandProblem(`key ${key.prefix}… is ${key.status} and cannot be rotated`);
  await carryBudget(store, { from: key.id, to: made.key.id });
  output.tell(`The old key works for ${hours} more hours. The new one is shown only now:`);
  output.say(made.text);
}

/** The successor may spend what the old key had left; what the old one still spends in the overlap comes on top. */
async function carryBudget(store: Store, keys: { from: string; to: string }): Promise<void> {
  const budget = await findKeyBudget(store.database, keys.from);
  if (budget.capMicro === null) return;
  const capMicro = microCredits(Math.max(0, budget.capMicro - budget.spentMicro - budget.heldMicro));
  await store.database.transaction((tx) => setKeyBudget(tx, { keyId: keys.to, capMicro }));
}

async function revoke({ machine, output, store }: KeyWorld, words: string[]): Promise<void> {
  const key = await selectKey(store, words[0]);
  const changed = await revokeKey(store.database, { keyId: key.id, now: machine.clock.now() });
  output.say(changed ? `Key ${key.prefix}… is revoked.` : `Key ${key.prefix}… was revoked before.`);
}

async function selectKey(store: Store, selector: string | undefined): Promise<KeyRecord> {
  if (selector === undefined) throw new CommandProblem('name the key: its id, its prefix or its full text');
  const found = await findKey(store.database, { vault: store.vault, selector });
  if (found === 'unknown') throw new CommandProblem('there is no such key');
  if (found === 'several') throw new CommandProblem('several keys begin like this: use the id (key list)');
  return found;
}
