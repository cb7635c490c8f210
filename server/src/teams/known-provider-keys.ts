import type { Log } from '../core/log-port.ts';
import { shownEnd, type SealedProviderKey } from './provider-keys.ts';
import type { ProviderVault } from './provider-vault.ts';

/** What the ring must know of a provider; whoever knows the catalogue tells it. */
export interface ProviderKeyFacts {
  id: string;
  /** The variable that holds its keys; null for a provider that wants none. */
  setting: string | null;
  /** It can be used without a key too. */
  isOptional: boolean;
  /** Generations under way at once with one key. */
  maxInFlight: number;
  /** Generations that may be started in a minute with one key; null for no such limit. */
  startsPerMinute: number | null;
  /** It has an address of its own; for one without, the operator must have set one. */
  hasAddress: boolean;
}

/** A key as the ring holds it in memory. */
export interface KnownKey {
  id: string;
  /** Under which its refusals are kept. */
  stateId: string;
  provider: string;
  teamId: string | null;
  label: string;
  last4: string;
  source: 'env' | 'store' | 'none';
  maxInFlight: number;
  /** UTC milliseconds; null for what is not kept in the store. */
  createdAt: number | null;
  isRemoved: boolean;
  /** Why it cannot be used, whoever asks: its secret does not open, or its provider has no address here. */
  flaw: 'unreadable' | 'no-address' | null;
  /** What is compared to find out whether the key is still the one it was. */
  sealed: string;
  /** Opened at each use: a plain secret stays in memory no longer than a request takes. */
  secret(): string | null;
}

interface Surroundings {
  providers: readonly ProviderKeyFacts[];
  secrets: Readonly<Record<string, string>>;
  urls: Readonly<Record<string, string>>;
  maxInFlight: Readonly<Record<string, number>>;
  vault: ProviderVault;
}

/** The operator's keys from the environment, and nameless ones for providers that are used without. */
export function keysOfSettings(world: Surroundings, rows: readonly SealedProviderKey[]): KnownKey[] {
  return world.providers.flatMap((facts) => {
    if (!isReachable(facts, world)) return [];
    const given = (facts.setting === null ? '' : (world.secrets[facts.setting] ?? ''))
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    const keys = given.map((secret, index) => keyOfSetting(world, facts, { secret, index }));
    if (keys.length > 0) return keys;
    const hasStored = rows.some((row) => row.provider === facts.id && row.teamId === null && !row.isRemoved);
    return facts.setting === null || (facts.isOptional && !hasStored) ? [namelessKey(world, facts)] : [];
  });
}

/** The keys of the store. One that does not open is told in the log, once, and is not used. */
export function keysOfStore(
  rows: readonly SealedProviderKey[],
  world: Surroundings & { log: Log; before: ReadonlyMap<string, KnownKey> },
): KnownKey[] {
  const facts = new Map(world.providers.map((one) => [one.id, one]));
  return rows.flatMap((row) => {
    const provider = facts.get(row.provider);
    // A provider may have left the catalogue.
    if (provider === undefined) return [];
    const { id, teamId, label, last4, isRemoved } = row;
    const sealed = `${row.sealedKey} ${row.sealedSecret}`;
    const before = world.before.get(id);
    const isReadable = before?.sealed === sealed ? before.flaw !== 'unreadable' : opens(row, world);
    const flaw = isReadable ? (isReachable(provider, world) ? null : ('no-address' as const)) : ('unreadable' as const);
    return [
      {
        id,
        stateId: id,
        provider: provider.id,
        teamId,
        label,
        last4,
        source: 'store' as const,
        maxInFlight: row.maxInFlight ?? usualMaxInFlight(world, provider),
        createdAt: row.createdAt,
        isRemoved,
        flaw,
        sealed,
        secret: () => world.vault.open(id, row),
      },
    ];
  });
}

/** All keys, by id and by those who may use them. */
export interface KnownKeys {
  byId: ReadonlyMap<string, KnownKey>;
  /** Live keys that can be read, of the operator (null) or of a team. */
  ownedBy(teamId: string | null, provider: string): readonly KnownKey[];
  /** Providers that the operator (null) or a team has live keys for. */
  configuredBy(teamId: string | null): ReadonlySet<string>;
}

/** Puts keys in order once, as they are asked for at each start. */
export function knownKeys(keys: readonly KnownKey[]): KnownKeys {
  const owners = new Map<string | null, Map<string, KnownKey[]>>();
  for (const key of keys.filter(({ isRemoved, flaw }) => !isRemoved && flaw !== 'no-address')) {
    const providers = owners.get(key.teamId) ?? new Map<string, KnownKey[]>();
    owners.set(key.teamId, providers);
    const owned = providers.get(key.provider) ?? [];
    providers.set(key.provider, owned);
    if (key.flaw === null) owned.push(key);
  }
  const configured = new Map([...owners].map(([teamId, providers]) => [teamId, new Set(providers.keys())] as const));
  return {
    byId: new Map(keys.map((key) => [key.id, key])),
    ownedBy: (teamId, provider) => owners.get(teamId)?.get(provider) ?? [],
    configuredBy: (teamId) => configured.get(teamId) ?? new Set(),
  };
}

function opens(row: SealedProviderKey, { vault, log }: { vault: ProviderVault; log: Log }): boolean {
  try {
    vault.open(row.id, row);
    return true;
  } catch (error) {
    log.error('provider.key-unreadable', { keyId: row.id, provider: row.provider, teamId: row.teamId }, error);
    return false;
  }
}

function isReachable(facts: ProviderKeyFacts, { urls }: Pick<Surroundings, 'urls'>): boolean {
  return facts.hasAddress || urls[facts.id] !== undefined;
}

function usualMaxInFlight({ maxInFlight }: Pick<Surroundings, 'maxInFlight'>, facts: ProviderKeyFacts): number {
  return maxInFlight[facts.id] ?? facts.maxInFlight;
}

function keyOfSetting(
  world: Surroundings,
  facts: ProviderKeyFacts,
  { secret, index }: { secret: string; index: number },
): KnownKey {
  const id = index === 0 ? `env:${facts.id}` : `env:${facts.id}:${index + 1}`;
  const fingerprint = world.vault.fingerprint(secret);
  return {
    id,
    // Another secret under the same name is another key: it must not inherit a refusal.
    stateId: `${id}#${fingerprint}`,
    provider: facts.id,
    teamId: null,
    label: index === 0 ? (facts.setting ?? '') : `${facts.setting} (${index + 1})`,
    last4: shownEnd(secret),
    source: 'env',
    maxInFlight: usualMaxInFlight(world, facts),
    createdAt: null,
    isRemoved: false,
    flaw: null,
    sealed: fingerprint,
    secret: () => secret,
  };
}

function namelessKey(world: Surroundings, facts: ProviderKeyFacts): KnownKey {
  return {
    id: `none:${facts.id}`,
    stateId: `none:${facts.id}`,
    provider: facts.id,
    teamId: null,
    label: 'no key',
    last4: '',
    source: 'none',
    maxInFlight: usualMaxInFlight(world, facts),
    createdAt: null,
    isRemoved: false,
    flaw: null,
    sealed: '',
    secret: () => null,
  };
}
