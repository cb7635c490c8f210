import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { systemRandom } from '../core/random.ts';
import type { Database, Row, Topic } from '../database/database.ts';
import { createAuthenticator, KEY_CACHE_MS, KNOWN_KEYS_MAX, type Authenticator } from './authenticate.ts';
import { makeKey } from './key-format.ts';
import { openKeyVault } from './key-vault.ts';

/** Revocation must be seen within this time in every process. */
const REVOKED_WITHIN_MS = 5_000;

const random = systemRandom();
const vault = openKeyVault({ pepper: Buffer.alloc(32, 1), masterKey: Buffer.alloc(32, 2), random });

/** A store that knows rows by their hash, and time that passes only when told to. */
function world() {
  const rows = new Map<string, Row>();
  const listeners: ((id: string) => void)[] = [];
  const time = { ms: 1_000_000 };
  const asked = { count: 0 };
  let delay: Promise<void> | null = null;
  const clock: Clock = { now: () => time.ms, monotonicMs: () => time.ms, sleep: async () => {} };
  const unused = (): never => assert.fail('the authenticator only reads');
  const database: Database = {
    engine: 'sqlite',
    query: async <R extends Row>(_sql: string, values: readonly unknown[] = []) => {
      asked.count += 1;
      const row = rows.get(String(values[0]));
      const answer = row === undefined ? [] : [{ ...row }];
      await delay;
      // Safe: the rows of this test have the columns of the one statement that the authenticator sends.
      return answer as unknown as R[];
    },
    transaction: unused,
    notify: unused,
    subscribe: (topic: Topic, listener) => {
      assert.equal(topic, 'keys');
      listeners.push(listener);
      return () => listeners.splice(listeners.indexOf(listener), 1);
    },
    close: unused,
  };
  const addKey = (change: Partial<Row> = {}): { text: string; row: Row } => {
    const text = makeKey(random, 'live');
    const hash = vault.lookupHash(text);
    const row: Row = {
      id: 'key-1',
      name: 'first',
      prefix: text.slice(0, 12),
      lookup_hash: hash,
      mode: 'live',
      status: 'active',
      max_concurrent_jobs: null,
      is_admin: 0,
      expires_at: null,
      team_id: 'team-1',
      team_name: 'Team',
      plan: 'free',
      customer_id: null,
      team_max_concurrent_jobs: 50,
      user_id: 'user-1',
      email: 'a@example.org',
      role: 'OWNER',
      ...change,
    };
    rows.set(hash, row);
    return { text, row };
  };
  const hint = (): void => listeners.forEach((listener) => listener('key-1'));
  const hold = (until: Promise<void> | null): void => {
    delay = until;
  };
  const authenticator = createAuthenticator({ database, vault, clock, random: systemRandom() });
  return { authenticator, addKey, rows, time, asked, hint, hold, listeners };
}

async function assertRefused(authenticator: Authenticator, key: string | undefined, code: string): Promise<void> {
  await assert.rejects(authenticator.find(key), (error) => error instanceof GatewayError && error.code === code);
}

test('a known key gives its caller, with everything a request needs', async () => {
  const { authenticator, addKey } = world();
  const { text } = addKey({ max_concurrent_jobs: 3, customer_id: 'customer-1' });
  assert.deepEqual(await authenticator.find(text), {
    keyId: 'key-1',
    keyName: 'first',
    keyPrefix: text.slice(0, 12),
    keyMaxConcurrentJobs: 3,
    teamId: 'team-1',
    teamName: 'Team',
    teamPlan: 'free',
    customerId: 'customer-1',
    teamMaxConcurrentJobs: 50,
    userId: 'user-1',
    email: 'a@example.org',
    role: 'OWNER',
    mode: 'live',
    isAdmin: false,
  });
});

test('no key is missing; unknown, revoked and expired keys are refused alike; an inactive one is told so', async () => {
  const { authenticator, addKey, time } = world();
  await assertRefused(authenticator, undefined, 'key_missing');
  await assertRefused(authenticator, '', 'key_missing');
  await assertRefused(authenticator, 'nonsense', 'key_invalid');
  await assertRefused(authenticator, makeKey(random, 'live'), 'key_invalid');
  await assertRefused(authenticator, addKey({ status: 'revoked' }).text, 'key_invalid');
  await assertRefused(authenticator, addKey({ expires_at: time.ms }).text, 'key_invalid');
  await assertRefused(authenticator, addKey({ status: 'revoked', expires_at: 1 }).text, 'key_invalid');
  await assertRefused(authenticator, addKey({ status: 'inactive' }).text, 'key_inactive');
});

test('a text that cannot be a key never reaches the store', async () => {
  const { authenticator, asked } = world();
  for (const text of ['x', `afk_${'!'.repeat(40)}`, 'afk_short', `afk_${'a'.repeat(500)}`]) {
    await assertRefused(authenticator, text, 'key_invalid');
  }
  assert.equal(asked.count, 0);
});

test('an unknown key with a wrong checksum asks the store once, not for each request', async () => {
  const { authenticator, asked } = world();
  const wrong = `afk_${'a'.repeat(38)}`;
  for (let index = 0; index < 20; index += 1) await assertRefused(authenticator, wrong, 'key_invalid');
  assert.equal(asked.count, 1);
});

test('a revocation is seen within 5 s even where its hint is lost, by asking the store again', async () => {
  const { authenticator, addKey, time, asked } = world();
  const { text, row } = addKey();
  await authenticator.find(text);
  row['status'] = 'revoked';
  time.ms += KEY_CACHE_MS - 1;
  await authenticator.find(text);
  assert.equal(asked.count, 1);
  time.ms += REVOKED_WITHIN_MS - KEY_CACHE_MS;
  await assertRefused(authenticator, text, 'key_invalid');
});

test('steady traffic does not make an answer of the store live longer', async () => {
  const { authenticator, addKey, time } = world();
  const { text, row } = addKey();
  await authenticator.find(text);
  row['status'] = 'revoked';
  let admittedMs = 0;
  for (let ms = 5; ms <= 10_000; ms += 5) {
    time.ms += 5;
    const admitted = await authenticator.find(text).then(
      () => true,
      () => false,
    );
    if (admitted) admittedMs = ms;
  }
  assert.ok(admittedMs < REVOKED_WITHIN_MS, `admitted ${admittedMs} ms after the revocation`);
});

test('a hint makes a revocation hold at once', async () => {
  const { authenticator, addKey, hint } = world();
  const { text, row } = addKey();
  await authenticator.find(text);
  row['status'] = 'revoked';
  hint();
  await assertRefused(authenticator, text, 'key_invalid');
});

test('an answer that was under way when keys changed is not kept', async () => {
  const { authenticator, addKey, hint, hold } = world();
  const { text, row } = addKey();
  const gate = Promise.withResolvers<void>();
  hold(gate.promise);
  const early = authenticator.find(text);
  row['status'] = 'revoked';
  hint();
  hold(null);
  gate.resolve();
  await early;
  await assertRefused(authenticator, text, 'key_invalid');
});

test('a key expires at its instant although it is cached', async () => {
  const { authenticator, addKey, time, asked } = world();
  const { text } = addKey({ expires_at: time.ms + 100 });
  await authenticator.find(text);
  time.ms += 99;
  await authenticator.find(text);
  time.ms += 1;
  await assertRefused(authenticator, text, 'key_invalid');
  assert.equal(asked.count, 1);
});

test('guessing keys neither grows the memory beyond its bound nor pushes known keys out', async () => {
  const { authenticator, addKey, asked } = world();
  const { text } = addKey();
  const first = makeKey(random, 'live');
  await authenticator.find(text);
  await assertRefused(authenticator, first, 'key_invalid');
  for (let index = 0; index < KNOWN_KEYS_MAX; index += 1) {
    await authenticator.find(makeKey(random, 'live')).catch(() => {});
  }
  const before = asked.count;
  await authenticator.find(text);
  assert.equal(asked.count, before, 'the known key is still cached');
  await assertRefused(authenticator, first, 'key_invalid');
  assert.equal(asked.count, before + 1, 'the oldest guess was dropped');
});

test('closing stops listening to the store', () => {
  const { authenticator, listeners } = world();
  assert.equal(listeners.length, 1);
  authenticator.close();
  assert.equal(listeners.length, 0);
});
