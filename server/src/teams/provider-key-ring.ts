import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log-port.ts';
import type { KeyProblem, KeyVerdict, ProviderKey, ProviderKeys } from '../core/provider-keys-port.ts';
import type { Database, Tx } from '../database/database.ts';
import { newPace, pause, takeStart, type KeyPace } from './provider-key-pace.ts';
import { createRefusalBook, type KeyAlert, type RefusalBook } from './provider-key-refusals.ts';
import { forgetRefusals } from './provider-key-states.ts';
import { listSealedKeys } from './provider-keys.ts';
import { keysOfSettings, keysOfStore, knownKeys, type KnownKey, type ProviderKeyFacts } from './known-provider-keys.ts';
import type { ProviderVault } from './provider-vault.ts';

/** A key as lists show it, with how it stands. */
export interface KeyCard {
  id: string;
  provider: string;
  teamId: string | null;
  label: string;
  /** Empty where a secret is too short to show a part of it, or none is wanted. */
  last4: string;
  /** `none`: the provider is used without a key. */
  source: 'env' | 'store' | 'none';
  maxInFlight: number;
  /** UTC milliseconds; null for what is not kept in the store. */
  createdAt: number | null;
  state: 'ok' | 'paused' | 'unauthorized' | 'quota' | 'unreadable' | 'no-address';
  /** UTC milliseconds; null while all is well. */
  since: number | null;
  /** What the provider said; null while all is well. */
  text: string | null;
}

/** The keys of this gateway, followed in the store. */
export interface ProviderKeyRing extends ProviderKeys {
  /** Reads everything and begins to follow; nothing is usable before. */
  open(): Promise<void>;
  /** Reads everything again; resolves when what was committed before the call is known. */
  refresh(): Promise<void>;
  /** Every live key, in the order of provider and age. */
  cards(): KeyCard[];
  /** A provider's words without the key's secret, which some like to repeat; at most 500 characters. */
  clean(keyId: string, text: string): string;
  /** Ends a key's refusals: it was tested, and is well. */
  clear(keyId: string): void;
  /** Resolves when all reports so far are in the store. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface KeyRingOptions {
  database: Database;
  vault: ProviderVault;
  clock: Clock;
  log: Log;
  providers: readonly ProviderKeyFacts[];
  /** Values of the environment by name: `settings.providerSecrets`. */
  secrets: Readonly<Record<string, string>>;
  /** Base addresses that the operator has set, by provider. */
  urls: Readonly<Record<string, string>>;
  /** The operator's own limits, by provider. */
  maxInFlight: Readonly<Record<string, number>>;
  /** Writes an alert about one of the operator's own keys. */
  tellOperator: (tx: Tx, alert: KeyAlert) => Promise<void>;
}

/** A hint may be lost; a key given or taken counts everywhere after this time all the same. */
export const KEYS_REFRESH_MS = 5_000;
/** Who wants to start with a key that is gone chooses anew after this time. */
const CHOOSE_ANEW_MS = 1_000;
/** A provider's words are kept to this length. */
const TEXT_LENGTH_MAX = 500;
const SECRET_PART_MIN = 6;

/** Builds the ring; `open` makes it usable. Reports are taken at once and written behind the caller's back. */
export function createProviderKeyRing(options: KeyRingOptions): ProviderKeyRing {
  const { database, clock, log, providers } = options;
  const facts = new Map(providers.map((one) => [one.id, one]));
  const book = createRefusalBook(options);
  const paces = new Map<string, KeyPace>();
  let known = knownKeys([]);

  const paceOf = (keyId: string): KeyPace => {
    const found = paces.get(keyId) ?? newPace();
    paces.set(keyId, found);
    return found;
  };
  const read = async (): Promise<void> => {
    const [rows] = await Promise.all([listSealedKeys(database, clock.now()), book.refresh()]);
    const keys = [...keysOfStore(rows, { ...options, before: known.byId }), ...keysOfSettings(options, rows)];
    known = knownKeys(keys);
    for (const keyId of paces.keys()) if (!known.byId.has(keyId)) paces.delete(keyId);
  };
  const follower = createFollower({ database, clock, log, read });

  return {
    open: async () => {
      await database.transaction((tx) => forgetRefusals(tx));
      await follower.open();
    },
    refresh: follower.refresh,
    close: async () => {
      await follower.close();
      await book.settled();
    },
    settled: book.settled,
    configured: (teamId) => known.configuredBy(teamId),
    usable: (provider, teamId) =>
      usableKeys(known.ownedBy(teamId, provider), { nowMs: clock.monotonicMs(), book, paceOf }),
    secret: (keyId) => {
      const key = known.byId.get(keyId);
      if (key === undefined) throw new Error(`the provider key ${keyId} is gone`);
      return key.secret();
    },
    takeStart: (keyId) => {
      const key = known.byId.get(keyId);
      if (key === undefined || key.isRemoved || key.flaw !== null) return CHOOSE_ANEW_MS;
      const restMs = book.restMs(key.stateId);
      if (restMs > 0) return Math.ceil(restMs);
      const perMinute = facts.get(key.provider)?.startsPerMinute ?? null;
      const waitMs = takeStart(paceOf(keyId), { nowMs: clock.monotonicMs(), perMinute });
      if (waitMs === 0) book.takeTrial(key);
      return waitMs;
    },
    report: (keyId, verdict) => {
      const key = known.byId.get(keyId);
      if (key !== undefined) report({ key, verdict, book, pace: paceOf(keyId), nowMs: clock.monotonicMs() });
    },
    problems: () => [...known.byId.values()].flatMap((key) => problemOf(key, book)),
    cards: () =>
      liveKeys(known.byId).map((key) => cardOf(key, { book, pace: paceOf(key.id), nowMs: clock.monotonicMs() })),
    clean: (keyId, text) => {
      const key = known.byId.get(keyId);
      return key === undefined ? text.slice(0, TEXT_LENGTH_MAX) : withoutSecret(text, key);
    },
    clear: (keyId) => {
      const key = known.byId.get(keyId);
      if (key === undefined) return;
      paces.delete(keyId);
      book.clear(key);
    },
  };
}

interface Choice {
  nowMs: number;
  book: RefusalBook;
  paceOf: (keyId: string) => KeyPace;
}

/** The key that started least recently stands first, so that work is spread evenly. */
function usableKeys(keys: readonly KnownKey[], { nowMs, book, paceOf }: Choice): ProviderKey[] {
  const found: { key: KnownKey; lastStartMs: number }[] = [];
  for (const key of keys) {
    const pace = paceOf(key.id);
    if (nowMs < pace.pausedUntilMs || book.restMs(key.stateId) > 0) continue;
    found.push({ key, lastStartMs: pace.lastStartMs });
  }
  // Subtracting would give NaN for two that have never started.
  found.sort((one, other) => (one.lastStartMs < other.lastStartMs ? -1 : one.lastStartMs > other.lastStartMs ? 1 : 0));
  return found.map(({ key: { id, provider, teamId, maxInFlight } }) => ({ id, provider, teamId, maxInFlight }));
}

function report(told: { key: KnownKey; verdict: KeyVerdict; book: RefusalBook; pace: KeyPace; nowMs: number }): void {
  const { key, verdict, book, pace, nowMs } = told;
  switch (verdict.kind) {
    case 'ok':
      pace.strikes = 0;
      return book.accept(key);
    case 'rate_limited':
      return pause(pace, { nowMs, retryAfterMs: verdict.retryAfterMs });
    case 'unauthorized':
    case 'quota':
      // A removed key may be revoked as well: that is as it should be.
      if (!key.isRemoved) book.refuse(key, { kind: verdict.kind, text: withoutSecret(verdict.text, key) });
  }
}

/** Providers like to repeat the key that they refuse. */
function withoutSecret(text: string, key: KnownKey): string {
  const secret = key.secret();
  let clean = text;
  // Some keys are an id and a secret with a colon between; a short part could be any word.
  for (const part of secret === null ? [] : [secret, ...secret.split(':')]) {
    if (part.length >= SECRET_PART_MIN) clean = clean.replaceAll(part, '[key]');
  }
  return clean.slice(0, TEXT_LENGTH_MAX);
}

function liveKeys(known: ReadonlyMap<string, KnownKey>): KnownKey[] {
  const live = [...known.values()].filter(({ isRemoved }) => !isRemoved);
  // Sorting is stable: the keys of one provider stay in the order of their age.
  return live.sort((one, other) => (one.provider < other.provider ? -1 : one.provider > other.provider ? 1 : 0));
}

function problemOf(key: KnownKey, book: RefusalBook): KeyProblem[] {
  const refusal = key.isRemoved ? null : book.find(key.stateId);
  if (refusal === null) return [];
  const { kind, text, since } = refusal;
  return [{ keyId: key.id, provider: key.provider, teamId: key.teamId, kind, text, since }];
}

const FLAWS = {
  unreadable: 'It was sealed with another master key: give it again.',
  'no-address': 'No address of this provider is set.',
} as const;

function cardOf(key: KnownKey, { book, pace, nowMs }: { book: RefusalBook; pace: KeyPace; nowMs: number }): KeyCard {
  const { id, provider, teamId, label, last4, source, maxInFlight, createdAt } = key;
  const card = { id, provider, teamId, label, last4, source, maxInFlight, createdAt };
  if (key.flaw !== null) return { ...card, state: key.flaw, since: null, text: FLAWS[key.flaw] };
  const refusal = book.find(key.stateId);
  if (refusal !== null) return { ...card, state: refusal.kind, since: refusal.since, text: refusal.text };
  return { ...card, state: nowMs < pace.pausedUntilMs ? 'paused' : 'ok', since: null, text: null };
}

/** Reads at hints and from time to time; one reading at a time, and one more for those who asked meanwhile. */
function createFollower(world: {
  database: Database;
  clock: Clock;
  log: Log;
  read: () => Promise<void>;
}): Pick<ProviderKeyRing, 'open' | 'refresh' | 'close'> {
  const { database, clock, log, read } = world;
  const closing = new AbortController();
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  let unsubscribe = (): void => {};
  let following: Promise<void> = Promise.resolve();
  const refresh = (): Promise<void> => {
    next ??= last.then(() => {
      next = null;
      const reading = read();
      last = reading.catch(() => {});
      return reading;
    });
    return next;
  };
  const refreshQuietly = async (): Promise<void> => {
    // What is known stays in force; the next round comes in any case.
    if (!closing.signal.aborted)
      await refresh().catch((error: unknown) => log.error('provider.keys-unread', {}, error));
  };
  const follow = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await clock.sleep(KEYS_REFRESH_MS, closing.signal);
      await refreshQuietly();
    }
  };
  return {
    refresh,
    open: async () => {
      unsubscribe = database.subscribe('provider-keys', () => void refreshQuietly());
      await refresh();
      following = follow();
    },
    close: async () => {
      closing.abort();
      unsubscribe();
      await following;
      await last;
    },
  };
}
