import type { TestContext } from 'node:test';

import { handClock, type HandClock } from '../../server/src/core/hand-clock.ts';
import { idMaker } from '../../server/src/core/ids.ts';
import type { LogFields } from '../../server/src/core/log-port.ts';
import { systemRandom } from '../../server/src/core/random.ts';
import type { Database } from '../../server/src/database/database.ts';
import type { ProviderKeyFacts } from '../../server/src/teams/known-provider-keys.ts';
import {
  createProviderKeyRing,
  type KeyRingOptions,
  type ProviderKeyRing,
} from '../../server/src/teams/provider-key-ring.ts';
import { insertProviderKey, type NewProviderKey } from '../../server/src/teams/provider-keys.ts';
import { openProviderVault, type ProviderVault } from '../../server/src/teams/provider-vault.ts';
import { insertTeam } from '../../server/src/teams/teams.ts';
import { insertAlert, listAlerts, type OperatorAlert } from '../../server/src/webhooks/operator-alerts.ts';
import type { Engine } from '../support/engines.ts';

const random = systemRandom();

/** Secrets of tests begin like this, so that a search for it finds each of them. */
export const CANARY = 'canary-secret-';

/** A store with keys in it, and rings that stand for processes. */
export interface KeysWorld {
  database: Database;
  vault: ProviderVault;
  clock: HandClock;
  newId: () => string;
  lines: { level: string; event: string; fields: LogFields }[];
  /** A process of its own: its ring is open, and nothing it knows is shared but the store. */
  openRing(options?: Partial<KeyRingOptions>): Promise<ProviderKeyRing>;
  addKey(key?: Partial<NewProviderKey>): Promise<string>;
  addTeam(): Promise<string>;
  alerts(): Promise<OperatorAlert[]>;
  /** Lets this much time pass, for the store as well: states of keys are told by its clock. */
  pass(ms: number): Promise<void>;
}

/** A provider as most are. */
export function provider(id: string, changes: Partial<ProviderKeyFacts> = {}): ProviderKeyFacts {
  return {
    id,
    setting: `${id.toUpperCase()}_KEY`,
    isOptional: false,
    maxInFlight: 10,
    startsPerMinute: null,
    hasAddress: true,
    ...changes,
  };
}

export async function openKeysWorld(t: TestContext, engine: Engine): Promise<KeysWorld> {
  const clock = handClock(Date.now());
  const { database, dispose } = await engine.open({ clock });
  const newId = idMaker(clock, random);
  const vault = openProviderVault({ masterKey: Buffer.alloc(32, 2), random });
  const lines: KeysWorld['lines'] = [];
  const write =
    (level: string) =>
    (event: string, fields: LogFields = {}): void =>
      void lines.push({ level, event, fields });
  const log = { info: write('info'), warn: write('warn'), error: write('error') };
  const rings: ProviderKeyRing[] = [];
  t.after(async () => {
    for (const ring of rings) await ring.close();
    await dispose();
  });
  let secrets = 0;
  return {
    database,
    vault,
    clock,
    newId,
    lines,
    openRing: async (options = {}) => {
      const ring = createProviderKeyRing({
        database,
        vault,
        clock,
        log,
        providers: [provider('bfl'), provider('fal'), provider('sandbox', { setting: null })],
        secrets: {},
        urls: {},
        maxInFlight: {},
        tellOperator: (tx, alert) => insertAlert(tx, { id: newId(), now: clock.now(), hasReceiver: false, ...alert }),
        ...options,
      });
      rings.push(ring);
      await ring.open();
      return ring;
    },
    addKey: async (key = {}) => {
      secrets += 1;
      const made = await insertProviderKey(database, {
        newId,
        now: clock.now(),
        vault,
        provider: 'bfl',
        teamId: null,
        label: 'main',
        secret: `${CANARY}${secrets}-abcdefgh`,
        maxInFlight: null,
        ...key,
      });
      if (made === 'too-many') throw new Error('the test stores too many keys');
      return made.id;
    },
    addTeam: async () => {
      const team = { name: 'Team', plan: 'free', customerId: null, maxConcurrentJobs: 5 };
      return (await database.transaction((tx) => insertTeam(tx, { newId, now: clock.now(), ...team }))).id;
    },
    alerts: async () => (await listAlerts(database)).toReversed(),
    pass: async (ms) => {
      // PostgreSQL has a clock of its own: there what it has written moves back instead, and first, since a ring that
      // reads between the two would see a rest of before against a clock of after.
      if (database.engine === 'postgres') {
        await database.query('UPDATE provider_key_states SET retry_at = retry_at - $1', [ms]);
      }
      clock.advance(ms);
    },
  };
}
