import type { Catalog } from '../catalog/load-catalog.ts';
import type { ProviderFacts } from '../catalog/model.ts';
import { nearestName } from '../catalog/spelling.ts';
import { isUuid } from '../core/ids.ts';
import type { Settings } from '../core/settings.ts';
import { probeKey } from '../http/admin/probe-key.ts';
import { createNet } from '../net/net.ts';
import type { KeyCard, ProviderKeyRing } from '../teams/provider-key-ring.ts';
import { insertProviderKey, LABEL_LENGTH_MAX, PROVIDER_KEYS_MAX, removeProviderKey } from '../teams/provider-keys.ts';
import { findTeam } from '../teams/teams.ts';
import { openStore, type Machine, type Store } from './open-store.ts';
import { CommandProblem, type Output } from './output.ts';
import { openCatalog } from './live-catalog.ts';
import { missingDestinations } from './missing-destinations.ts';
import { openProviderKeys } from './provider-world.ts';
import { insideProblem } from './inside-problem.ts';
import { readSecret } from './read-secret.ts';
import type { CommandWorld } from './serve.ts';
import { createUpstream } from './upstream.ts';
import { verifyProvider } from './verify-provider.ts';
import { readWords, wholeNumber } from './words.ts';
import { loadAdapters } from './vendors.ts';

const USE =
  'use one of: provider list, provider set <id> [--label <text>] [--max-in-flight <n>] [--team <id>] [--from-env <NAME>], provider remove <key id>, provider test [<id>], provider verify <id> [--only <models>] [--picture <file>] [--video <file>] [--yes]';
const IN_FLIGHT_MAX = 1_000_000;

interface ProviderWorld {
  machine: Machine;
  output: Output;
  store: Store;
  catalog: Catalog;
  ring: ProviderKeyRing;
}

/**
 * `lumegate provider list|set|remove|test|verify`: the keys with which this gateway buys. Works beside a running server, which
 * notices within 5 s. Exit code 1 when a tested key is not accepted.
 */
export async function manageProviders(world: CommandWorld, words: string[]): Promise<number> {
  const { machine, output } = world;
  const [verb, ...rest] = words;
  if (verb === 'verify') return verify(world, rest);
  const actions: Record<string, (opened: ProviderWorld, words: string[]) => Promise<number>> = {
    list,
    set,
    remove,
    test,
  };
  const action = actions[verb ?? ''];
  if (action === undefined) throw new CommandProblem(USE);
  const { catalog } = openCatalog(machine);
  const store = await openStore(machine);
  try {
    const ring = await openProviderKeys(machine, store, catalog);
    try {
      return await action({ machine, output, store, catalog, ring }, rest);
    } finally {
      await ring.close();
    }
  } finally {
    await store.database.close();
  }
}

async function list({ machine, output, catalog, ring }: ProviderWorld): Promise<number> {
  const cards = Map.groupBy(ring.cards(), ({ provider }) => provider);
  const missing = missingDestinations(catalog, machine.settings);
  for (const facts of catalog.providers.values()) {
    const own = cards.get(facts.id) ?? [];
    const hint = own.length > 0 ? '' : hintFor(facts, machine.settings);
    output.say(`${facts.id.padEnd(16)}${facts.label}${hint}`);
    for (const card of own) output.say(`    ${lineFor(card)}`);
    for (const { provider, models, setting } of missing) {
      if (provider === facts.id && own.length > 0)
        output.say(`    trains no ${models.join(', ')}: ${setting} is not set`);
    }
  }
  return 0;
}

/** What is missing before a provider without keys can be used. */
function hintFor(facts: ProviderFacts, settings: Settings): string {
  if (facts.inside === true) return `  ${insideProblem(facts.id, settings) ?? ''}`;
  if (facts.baseUrl === null && settings.providerUrls[facts.id] === undefined) {
    return `  no address: LUMEGATE_PROVIDER_${facts.id.toUpperCase().replaceAll('-', '_')}_URL`;
  }
  return `  no key: lumegate provider set ${facts.id}`;
}

function lineFor(card: KeyCard): string {
  const end = card.last4 === '' ? '' : `  …${card.last4}`;
  const owner = card.teamId === null ? '' : `  team ${card.teamId}`;
  const said = card.text === null ? '' : `  ${card.text}`;
  return `${card.id}  ${card.label}${end}  ${card.maxInFlight} at once${owner}  ${card.state}${said}`;
}

async function set({ machine, output, store, catalog, ring }: ProviderWorld, words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, {
    label: { type: 'string' },
    'max-in-flight': { type: 'string' },
    team: { type: 'string' },
    'from-env': { type: 'string' },
  });
  if (positionals.length !== 1) throw new CommandProblem(`${USE}; the key itself is read from standard input`);
  const facts = findProvider(catalog, positionals[0]);
  if (facts.authHeader === null) throw new CommandProblem(`${facts.id} takes no key`);
  const { label = 'key', team = null } = values;
  if (label.length < 1 || label.length > LABEL_LENGTH_MAX || /\p{Cc}/u.test(label)) {
    throw new CommandProblem(`--label must be 1 to ${LABEL_LENGTH_MAX} characters on one line`);
  }
  const wanted = values['max-in-flight'];
  const maxInFlight =
    wanted === undefined ? null : wholeNumber(wanted, '--max-in-flight', { min: 1, max: IN_FLIGHT_MAX });
  if (team !== null && (!isUuid(team) || (await findTeam(store.database, team.toLowerCase())) === null)) {
    throw new CommandProblem('there is no such team: lumegate team list');
  }
  const secret = await readSecret({ output, settings: machine.settings }, values['from-env']);
  const key = { provider: facts.id, teamId: team?.toLowerCase() ?? null, label, secret, maxInFlight };
  const made = await insertProviderKey(store.database, {
    ...key,
    newId: store.newId,
    now: machine.clock.now(),
    vault: store.providerVault,
  });
  if (made === 'too-many') {
    throw new CommandProblem(`there are ${PROVIDER_KEYS_MAX} keys at ${facts.id} already: remove one first`);
  }
  await ring.refresh();
  output.tell(`Kept, sealed. Try it: lumegate provider test ${facts.id}`);
  output.say(made.id);
  return 0;
}

async function remove({ machine, output, store }: ProviderWorld, words: string[]): Promise<number> {
  const [text] = readWords(words, {}).positionals;
  if (text === undefined) throw new CommandProblem('name the key by its id: lumegate provider list');
  if (/^(env|none):/.test(text))
    throw new CommandProblem(`${text} stands in the environment: change the setting there`);
  const removal = { keyId: text.toLowerCase(), provider: null, teamId: null, now: machine.clock.now() };
  if (!isUuid(text) || !(await removeProviderKey(store.database, removal))) {
    throw new CommandProblem('there is no such key: lumegate provider list');
  }
  output.say('Removed. What was bought with it is still followed to its end.');
  return 0;
}

async function test({ machine, output, catalog, ring }: ProviderWorld, words: string[]): Promise<number> {
  const [wanted] = readWords(words, {}).positionals;
  const chosen = wanted === undefined ? null : findProvider(catalog, wanted).id;
  const { settings, clock, log } = machine;
  // What works inside the server has nothing to call here, unless it has an address of its own.
  const isCallable = ({ provider, state }: KeyCard): boolean =>
    state !== 'unreadable' &&
    state !== 'no-address' &&
    (catalog.providers.get(provider)?.inside !== true || settings.providerUrls[provider] !== undefined);
  const cards = ring.cards().filter((card) => isCallable(card) && (chosen === null || card.provider === chosen));
  if (cards.length === 0) throw new CommandProblem('there is no key to test: lumegate provider set <id>');
  const net = createNet({ allowPrivate: settings.allowPrivateUrls, clock, log });
  const { providerUrls } = settings;
  const upstream = createUpstream({ net, catalog, keys: ring, providerUrls, publicUrl: () => '', inside: {} });
  const providers = { keys: ring, adapters: await loadAdapters(catalog.providers.values()), upstream };
  let failed = 0;
  try {
    for (const { id, provider, label } of cards) {
      const { signal } = new AbortController();
      const probe = await probeKey({ clock, providers }, { provider, keyId: id, signal });
      const money = probe.balanceMicroUsd === null ? '' : `  $${(probe.balanceMicroUsd / 1_000_000).toFixed(2)} left`;
      output.say(`${provider}  ${label}  ${probe.ok ? 'ok' : 'FAILED'}  ${probe.text}${money}  ${probe.durationMs} ms`);
      if (!probe.ok) failed += 1;
    }
  } finally {
    await ring.settled();
    await net.close();
  }
  return failed === 0 ? 0 : 1;
}

/** Opens no store of its own: the gateway that it starts does. */
function verify(world: CommandWorld, words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, {
    only: { type: 'string' },
    picture: { type: 'string' },
    video: { type: 'string' },
    yes: { type: 'boolean' },
  });
  const { catalog } = openCatalog(world.machine);
  const facts = findProvider(catalog, positionals[0]);
  const options = {
    only: values.only?.split(',') ?? null,
    picture: values.picture ?? null,
    video: values.video ?? null,
    isAgreed: values.yes === true,
  };
  return verifyProvider(world, { facts, catalog, options });
}

/** The provider of that name; throws CommandProblem with the nearest one. */
export function findProvider(catalog: Catalog, id: string | undefined): ProviderFacts {
  if (id === undefined) throw new CommandProblem(`name the provider: ${[...catalog.providers.keys()].join(', ')}`);
  const facts = catalog.providers.get(id);
  if (facts !== undefined) return facts;
  const nearest = nearestName(id, catalog.providers.keys());
  const hint = nearest === null ? `there are ${[...catalog.providers.keys()].join(', ')}` : `did you mean ${nearest}?`;
  throw new CommandProblem(`unknown provider "${id}": ${hint}`);
}
