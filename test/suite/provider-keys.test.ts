import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  hasProviderKeys,
  insertProviderKey,
  listProviderKeys,
  PROVIDER_KEYS_MAX,
  REMOVED_READABLE_MS,
  removeProviderKey,
} from '../../server/src/teams/provider-keys.ts';
import { engines } from '../support/engines.ts';
import { CANARY, openKeysWorld, provider, type KeysWorld } from './provider-keys-world.ts';

const DAY_MS = 86_400_000;

/** Every row of the tables that know of provider keys, as text. */
async function dump({ database }: KeysWorld): Promise<string> {
  const tables = ['provider_keys', 'provider_key_states', 'operator_alerts'];
  const rows = await Promise.all(tables.map((table) => database.query(`SELECT * FROM ${table}`)));
  return JSON.stringify(rows);
}

for (const engine of engines()) {
  describe(`provider keys on ${engine.name}`, { skip: engine.skip }, () => {
    it('a stored key can be used, and neither the store nor a list nor the log holds its secret', async (t) => {
      const world = await openKeysWorld(t, engine);
      assert.equal(await hasProviderKeys(world.database), false);
      const ring = await world.openRing();
      const secret = `${CANARY}0123456789`;
      const id = await world.addKey({ secret, label: 'Main account' });
      await ring.refresh();
      assert.equal(await hasProviderKeys(world.database), true);
      assert.equal(ring.secret(id), secret);
      assert.deepEqual(ring.usable('bfl', null), [{ id, provider: 'bfl', teamId: null, maxInFlight: 10 }]);
      // Providers like to say the key back.
      ring.report(id, { kind: 'unauthorized', text: `The key ${secret} is unknown.` });
      await ring.settled();
      assert.match(
        (await world.alerts())[0]?.text ?? '',
        /"Main account" \(…6789\) of bfl is refused: The key \[key\]/,
      );
      const seen = [await dump(world), ring.cards(), ring.problems(), await listProviderKeys(world.database, null)];
      for (const text of [...seen, world.lines].map((part) => JSON.stringify(part))) {
        assert.ok(text.includes(id) || text.includes('bfl'));
        assert.ok(!text.includes(CANARY), text.slice(0, 300));
        assert.ok(!text.includes(Buffer.from(CANARY).toString('base64url').slice(0, 14)));
      }
    });

    it('a sealing moved to another row opens nowhere: the key is told unreadable and is not used', async (t) => {
      const world = await openKeysWorld(t, engine);
      const [one, two] = [await world.addKey(), await world.addKey()];
      await world.database.query(
        `UPDATE provider_keys SET sealed_secret = (SELECT sealed_secret FROM provider_keys WHERE id = $2),
           sealed_key = (SELECT sealed_key FROM provider_keys WHERE id = $2) WHERE id = $1`,
        [one, two],
      );
      const ring = await world.openRing();
      await ring.refresh();
      assert.deepEqual(
        ring.usable('bfl', null).map(({ id }) => id),
        [two],
      );
      assert.throws(() => ring.secret(one));
      assert.deepEqual(ring.cards().find(({ id }) => id === one)?.state, 'unreadable');
      assert.deepEqual(
        world.lines.filter(({ level }) => level === 'error').map(({ event, fields }) => [event, fields['keyId']]),
        [['provider.key-unreadable', one]],
        'told once',
      );
    });

    it('a removed key starts nothing any more, and is still there for what was bought with it', async (t) => {
      const world = await openKeysWorld(t, engine);
      const ring = await world.openRing();
      const secret = `${CANARY}removed`;
      const [id, other] = [await world.addKey({ secret }), await world.addKey()];
      await ring.refresh();
      const chosen = ring.usable('bfl', null)[0]?.id;
      assert.equal(chosen, id);
      const remove = { keyId: id, provider: 'bfl', teamId: null, now: world.clock.now() };
      assert.equal(await removeProviderKey(world.database, { ...remove, provider: 'fal' }), false);
      assert.equal(await removeProviderKey(world.database, remove), true);
      assert.equal(await removeProviderKey(world.database, remove), false);
      await ring.refresh();
      assert.deepEqual(
        ring.usable('bfl', null).map((key) => key.id),
        [other],
      );
      assert.ok(ring.takeStart(id) > 0, 'who has chosen it before must choose anew');
      assert.equal(ring.secret(id), secret);
      ring.report(id, { kind: 'unauthorized', text: 'revoked there too' });
      assert.deepEqual(ring.problems(), []);
      await world.pass(DAY_MS);
      await ring.refresh();
      assert.equal(ring.secret(id), secret, 'a day later');
      await world.pass(REMOVED_READABLE_MS);
      await removeProviderKey(world.database, { ...remove, keyId: other, now: world.clock.now() });
      await ring.refresh();
      assert.throws(() => ring.secret(id), /is gone/);
      const [row] = await world.database.query('SELECT sealed_secret, sealed_key FROM provider_keys WHERE id = $1', [
        id,
      ]);
      assert.deepEqual({ ...row }, { sealed_secret: '', sealed_key: '' });
      assert.deepEqual([...ring.configured(null)], ['sandbox']);
    });

    it('an owner has a bounded number of keys at one provider, even when two are given at once', async (t) => {
      const world = await openKeysWorld(t, engine);
      const { database, vault, newId, clock } = world;
      const teamId = await world.addTeam();
      const give = (owner: string | null): ReturnType<typeof insertProviderKey> => {
        const key = { provider: 'bfl', teamId: owner, label: 'x', secret: '12345678', maxInFlight: null };
        return insertProviderKey(database, { ...key, newId, now: clock.now(), vault });
      };
      for (let count = 1; count < PROVIDER_KEYS_MAX; count += 1) await give(teamId);
      const both = await Promise.all([give(teamId), give(teamId)]);
      assert.equal(both.filter((made) => made === 'too-many').length, 1);
      assert.notEqual(await give(null), 'too-many', 'the operator’s keys are counted apart');
      await assert.rejects(
        insertProviderKey(database, {
          provider: 'bfl',
          teamId: null,
          label: 'x',
          secret: 'new\nline',
          maxInFlight: null,
          newId,
          now: 1,
          vault,
        }),
        RangeError,
      );
    });

    it('a key of the environment is used under a name of its own, several with commas between', async (t) => {
      const world = await openKeysWorld(t, engine);
      const ring = await world.openRing({
        providers: [
          provider('bfl'),
          provider('local', { isOptional: true, hasAddress: false }),
          provider('gone', { hasAddress: false }),
        ],
        secrets: { BFL_KEY: `${CANARY}one-long-enough, ${CANARY}two-long-enough,,`, GONE_KEY: 'x' },
        urls: { local: 'http://127.0.0.1:1' },
        maxInFlight: { bfl: 3 },
      });
      assert.deepEqual(ring.usable('bfl', null), [
        { id: 'env:bfl', provider: 'bfl', teamId: null, maxInFlight: 3 },
        { id: 'env:bfl:2', provider: 'bfl', teamId: null, maxInFlight: 3 },
      ]);
      assert.equal(ring.secret('env:bfl:2'), `${CANARY}two-long-enough`);
      assert.deepEqual(
        ring.usable('local', null).map(({ id }) => id),
        ['none:local'],
      );
      assert.equal(ring.secret('none:local'), null);
      assert.deepEqual([...ring.configured(null)], ['bfl', 'local']);
      assert.deepEqual(
        ring.cards().map(({ id, label, last4, source }) => [id, label, last4, source]),
        [
          ['env:bfl', 'BFL_KEY', 'ough', 'env'],
          ['env:bfl:2', 'BFL_KEY (2)', 'ough', 'env'],
          ['none:local', 'no key', '', 'none'],
        ],
      );
      await world.addKey({ provider: 'local' });
      await ring.refresh();
      assert.equal(ring.usable('local', null).length, 1);
      assert.ok(!ring.usable('local', null)[0]?.id.startsWith('none:'), 'a key that is given is used');
    });

    it('a refused key of the environment is well again once another secret stands there', async (t) => {
      const world = await openKeysWorld(t, engine);
      const before = await world.openRing({ secrets: { BFL_KEY: 'old-secret' } });
      before.report('env:bfl', { kind: 'unauthorized', text: 'no' });
      await before.settled();
      assert.equal((await world.openRing({ secrets: { BFL_KEY: 'old-secret' } })).usable('bfl', null).length, 0);
      const after = await world.openRing({ secrets: { BFL_KEY: 'new-secret' } });
      assert.equal(after.usable('bfl', null).length, 1);
      assert.deepEqual(after.problems(), []);
    });

    it('work is spread over the keys: whoever started least recently stands first', async (t) => {
      const world = await openKeysWorld(t, engine);
      const ids = [await world.addKey(), await world.addKey({ maxInFlight: 2 }), await world.addKey()];
      const ring = await world.openRing();
      const started = Array.from({ length: 9 }, () => {
        world.clock.advance(1);
        const [key] = ring.usable('bfl', null);
        assert.ok(key !== undefined && ring.takeStart(key.id) === 0);
        return key.id;
      });
      assert.deepEqual(started, [...ids, ...ids, ...ids]);
      assert.deepEqual(
        ring.usable('bfl', null).map(({ maxInFlight }) => maxInFlight),
        [10, 2, 10],
      );
    });

    it('a 429 pauses one key for its Retry-After, and the others go on', async (t) => {
      const world = await openKeysWorld(t, engine);
      const [one, two] = [await world.addKey(), await world.addKey()];
      const ring = await world.openRing();
      const usable = (): string[] => ring.usable('bfl', null).map(({ id }) => id);
      ring.report(one, { kind: 'rate_limited', retryAfterMs: 4_000 });
      assert.deepEqual(usable(), [two]);
      assert.equal(ring.cards()[0]?.state, 'paused');
      world.clock.advance(3_999);
      assert.deepEqual([usable(), ring.takeStart(one)], [[two], 1]);
      world.clock.advance(1);
      assert.deepEqual(usable(), [one, two]);
      ring.report(one, { kind: 'rate_limited', retryAfterMs: null });
      world.clock.advance(4_000);
      ring.report(one, { kind: 'ok' });
      ring.report(one, { kind: 'rate_limited', retryAfterMs: null });
      assert.equal(ring.takeStart(one), 2_000, 'after a good answer the pause begins anew');
      assert.deepEqual(await world.alerts(), []);
    });

    it('a key starts no more in a minute than its provider allows', async (t) => {
      const world = await openKeysWorld(t, engine);
      const id = await world.addKey();
      const ring = await world.openRing({ providers: [provider('bfl', { startsPerMinute: 2 })] });
      const waits = [0, 10_000, 0].map((ms) => (world.clock.advance(ms), ring.takeStart(id)));
      assert.deepEqual(waits, [0, 0, 50_000]);
      world.clock.advance(50_000);
      assert.equal(ring.takeStart(id), 0);
    });

    it('a refused key rests, then one start may try it, for 30 s at first and 30 min at most', async (t) => {
      const world = await openKeysWorld(t, engine);
      const id = await world.addKey();
      const ring = await world.openRing();
      const isUsable = (): boolean => ring.usable('bfl', null).length === 1;
      ring.report(id, { kind: 'unauthorized', text: 'no such key' });
      assert.ok(!isUsable() && ring.configured(null).has('bfl'));
      let restMs = 30_000;
      for (let round = 0; round < 9; round += 1) {
        await ring.settled();
        await world.pass(restMs - 1_000);
        await ring.refresh();
        assert.ok(!isUsable(), `rests for ${restMs} ms`);
        await world.pass(1_000);
        // Many look, as an estimate does; one starts.
        assert.ok(isUsable() && isUsable());
        assert.equal(ring.takeStart(id), 0);
        assert.ok(!isUsable() && ring.takeStart(id) > 0, 'the second start waits');
        ring.report(id, { kind: 'unauthorized', text: 'still no such key' });
        restMs = Math.min(1_800_000, restMs * 2);
      }
      await world.pass(restMs);
      assert.equal(ring.takeStart(id), 0);
      ring.report(id, { kind: 'ok' });
      assert.ok(isUsable());
      await ring.settled();
      assert.deepEqual(ring.problems(), []);
      assert.deepEqual(
        (await world.alerts()).map(({ kind, subject }) => [kind, subject]),
        [
          ['provider-key-refused', 'bfl'],
          ['provider-key-well-again', 'bfl'],
        ],
      );
      assert.deepEqual(
        world.lines.map(({ level, event }) => `${level} ${event}`),
        ['warn provider.key-refused', 'info provider.key-well-again'],
      );
    });

    it('answers that were under way neither lengthen a rest, nor end it, nor alert again', async (t) => {
      const world = await openKeysWorld(t, engine);
      const id = await world.addKey();
      const ring = await world.openRing();
      for (let count = 0; count < 20; count += 1) ring.report(id, { kind: 'quota', text: 'no money' });
      ring.report(id, { kind: 'ok' });
      await ring.settled();
      await ring.refresh();
      assert.deepEqual(
        ring.problems().map(({ keyId, kind }) => [keyId, kind]),
        [[id, 'quota']],
      );
      assert.deepEqual(
        (await world.alerts()).map(({ kind }) => kind),
        ['provider-out-of-money'],
      );
      await world.pass(30_000);
      await ring.refresh();
      assert.equal(ring.usable('bfl', null).length, 1);
    });

    it('a trial that tells nothing makes room for another one after a rest', async (t) => {
      const world = await openKeysWorld(t, engine);
      const id = await world.addKey();
      const ring = await world.openRing();
      ring.report(id, { kind: 'quota', text: 'no money' });
      await ring.settled();
      await world.pass(30_000);
      assert.equal(ring.takeStart(id), 0);
      await ring.settled();
      await world.pass(30_000);
      await ring.refresh();
      assert.equal(ring.takeStart(id), 0);
    });
  });
}
