import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log-port.ts';
import type { Database, Tx } from '../database/database.ts';
import {
  beginRefusals,
  endRefusals,
  goOnRefusing,
  listRefusals,
  restMs,
  takeTrial,
  type KeyRefusal,
  type RefusalKind,
} from './provider-key-states.ts';

/** A key as the operator is told about it. */
export interface RefusedKey {
  id: string;
  stateId: string;
  provider: string;
  teamId: string | null;
  label: string;
  last4: string;
}

/** Something that the operator must hear; written in the transaction that makes it true. */
export interface KeyAlert {
  kind: 'provider-key-refused' | 'provider-out-of-money' | 'provider-key-well-again';
  subject: string;
  text: string;
}

/** How a refused key stands. */
export interface Refusal {
  kind: RefusalKind;
  text: string;
  /** UTC milliseconds. */
  since: number;
}

/** The runs of refusals of all keys: known here at once, in the store a moment later, from there in every process. */
export interface RefusalBook {
  /** Reads what all processes know. */
  refresh(): Promise<void>;
  find(stateId: string): Refusal | null;
  /** Milliseconds until the key may be tried again; 0 for a key that is due, or well. */
  restMs(stateId: string): number;
  /** To be called at a start: the one start that a key which is due is given until its next rest ends. */
  takeTrial(key: RefusedKey): void;
  refuse(key: RefusedKey, refusal: { kind: RefusalKind; text: string }): void;
  /** A good answer. It ends a run only at a trial, as an answer that was under way before the first refusal says nothing. */
  accept(key: RefusedKey): void;
  /** Ends a run at any time: the key was tested, and is well. */
  clear(key: RefusedKey): void;
  /** Resolves when all that was noted is written, or given up with a line in the log. */
  settled(): Promise<void>;
}

interface Standing extends Refusal {
  refusals: number;
  /** On the monotonic clock. */
  retryAtMs: number;
  isOnTrial: boolean;
}

/** An empty book; `refresh` fills it. */
export function createRefusalBook(world: {
  database: Database;
  clock: Clock;
  log: Log;
  /** Writes an alert; called for the operator's own keys alone. */
  tellOperator: (tx: Tx, alert: KeyAlert) => Promise<void>;
}): RefusalBook {
  const { database, clock, log, tellOperator } = world;
  const standings = new Map<string, Standing>();
  const writes = createWrites(world);

  const begin = async (tx: Tx, key: RefusedKey, refusal: { kind: RefusalKind; text: string }): Promise<void> => {
    const { id: keyId, stateId, provider, teamId } = key;
    if (!(await beginRefusals(tx, { stateId, provider, teamId, ...refusal }))) return;
    if (teamId === null) await tellOperator(tx, refusedAlert(key, refusal));
    log.warn('provider.key-refused', { keyId, provider, teamId, kind: refusal.kind, text: refusal.text });
  };
  const end = (key: RefusedKey): void => {
    standings.delete(key.stateId);
    writes.add(key, async (tx) => {
      if (!(await endRefusals(tx, key.stateId))) return;
      if (key.teamId === null) await tellOperator(tx, wellAlert(key));
      log.info('provider.key-well-again', { keyId: key.id, provider: key.provider, teamId: key.teamId });
    });
  };

  return {
    refresh: async () => {
      const asOf = writes.now();
      const nowMs = clock.monotonicMs();
      const rows = await listRefusals(database);
      const listed = new Set(rows.map(({ stateId }) => stateId));
      for (const stateId of standings.keys()) {
        if (!listed.has(stateId) && !writes.isNewer(stateId, asOf)) standings.delete(stateId);
      }
      for (const row of rows) {
        if (!writes.isNewer(row.stateId, asOf)) standings.set(row.stateId, standingOf(row, standings, nowMs));
      }
    },
    find: (stateId) => standings.get(stateId) ?? null,
    restMs: (stateId) => Math.max(0, (standings.get(stateId)?.retryAtMs ?? 0) - clock.monotonicMs()),
    takeTrial: (key) => {
      const standing = standings.get(key.stateId);
      if (standing === undefined) return;
      const { refusals } = standing;
      Object.assign(standing, { isOnTrial: true, retryAtMs: clock.monotonicMs() + restMs(refusals) });
      writes.add(key, (tx) => takeTrial(tx, { stateId: key.stateId, refusals }));
    },
    refuse: (key, refusal) => {
      const known = standings.get(key.stateId);
      // What was under way when the key was first refused tells nothing new, and must not lengthen its rest.
      if (known !== undefined && !known.isOnTrial) return;
      const refusals = (known?.refusals ?? 0) + 1;
      const since = known?.since ?? clock.now();
      const retryAtMs = clock.monotonicMs() + restMs(refusals);
      standings.set(key.stateId, { ...refusal, refusals, since, retryAtMs, isOnTrial: false });
      writes.add(key, async (tx) => {
        const isKnown = known !== undefined && (await goOnRefusing(tx, { stateId: key.stateId, refusals, ...refusal }));
        if (!isKnown) await begin(tx, key, refusal);
      });
    },
    accept: (key) => {
      if (standings.get(key.stateId)?.isOnTrial === true) end(key);
    },
    clear: (key) => {
      if (standings.has(key.stateId)) end(key);
    },
    settled: writes.settled,
  };
}

function standingOf(row: KeyRefusal, known: ReadonlyMap<string, Standing>, nowMs: number): Standing {
  const { kind, text, refusals, since, retryInMs, stateId } = row;
  const before = known.get(stateId);
  const isOnTrial = before?.isOnTrial === true && before.refusals === refusals;
  return { kind, text, refusals, since, retryAtMs: nowMs + retryInMs, isOnTrial };
}

/** Writes that follow a change in memory, those of one key in order. */
interface Writes {
  add(key: RefusedKey, write: (tx: Tx) => Promise<void>): void;
  /** A number that rises with each change. */
  now(): number;
  /** True when a key was changed after `asOf`, or its change is still being written: what was read then is older. */
  isNewer(stateId: string, asOf: number): boolean;
  settled(): Promise<void>;
}

function createWrites({ database, log }: { database: Database; log: Log }): Writes {
  const underWay = new Map<string, Promise<void>>();
  const changedAt = new Map<string, number>();
  let changes = 0;
  return {
    add: (key, write) => {
      const { stateId } = key;
      const before = underWay.get(stateId) ?? Promise.resolve();
      const writing = before
        .then(() =>
          database.transaction((tx) => {
            tx.afterCommit(() => database.notify('provider-keys', key.id));
            return write(tx);
          }),
        )
        .catch((error: unknown) => log.error('provider.key-state-not-written', { keyId: key.id }, error))
        .finally(() => {
          changedAt.set(stateId, (changes += 1));
          if (underWay.get(stateId) === writing) underWay.delete(stateId);
        });
      underWay.set(stateId, writing);
    },
    now: () => changes,
    isNewer: (stateId, asOf) => underWay.has(stateId) || (changedAt.get(stateId) ?? 0) > asOf,
    settled: async () => {
      while (underWay.size > 0) await Promise.all(underWay.values());
    },
  };
}

function refusedAlert(key: RefusedKey, { kind, text }: { kind: RefusalKind; text: string }): KeyAlert {
  const what = kind === 'quota' ? 'is out of money or quota' : 'is refused';
  return {
    kind: kind === 'quota' ? 'provider-out-of-money' : 'provider-key-refused',
    subject: key.provider,
    text:
      `${nameOf(key)} ${what}: ${text} It buys nothing until a try succeeds; ` +
      `lumegate provider test ${key.provider} tries it now.`,
  };
}

function wellAlert(key: RefusedKey): KeyAlert {
  return { kind: 'provider-key-well-again', subject: key.provider, text: `${nameOf(key)} is accepted again.` };
}

function nameOf({ provider, label, last4 }: RefusedKey): string {
  return `The key "${label}"${last4 === '' ? '' : ` (…${last4})`} of ${provider}`;
}
