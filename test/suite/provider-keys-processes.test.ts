import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { listProviderKeys, removeProviderKey } from '../../server/src/teams/provider-keys.ts';
import { engines } from '../support/engines.ts';
import { openKeysWorld } from './provider-keys-world.ts';

for (const engine of engines()) {
  describe(`provider keys of several processes and teams on ${engine.name}`, { skip: engine.skip }, () => {
    it('two processes share what they learn: one alert, one trial, one end', async (t) => {
      const world = await openKeysWorld(t, engine);
      const id = await world.addKey();
      const [one, two] = [await world.openRing(), await world.openRing()];
      one.report(id, { kind: 'unauthorized', text: 'no' });
      two.report(id, { kind: 'unauthorized', text: 'no' });
      await Promise.all([one.settled(), two.settled()]);
      assert.equal((await world.alerts()).length, 1);
      const third = await world.openRing();
      assert.equal(third.usable('bfl', null).length, 0);
      await world.pass(30_000);
      await Promise.all([one, two, third].map((ring) => ring.refresh()));
      assert.equal(one.takeStart(id), 0);
      await one.settled();
      await two.refresh();
      assert.ok(two.takeStart(id) > 0, 'the other one tries it already');
      one.report(id, { kind: 'ok' });
      await one.settled();
      await Promise.all([two.refresh(), third.refresh()]);
      assert.deepEqual(
        [two, third].map((ring) => ring.takeStart(id)),
        [0, 0],
      );
      assert.deepEqual(
        (await world.alerts()).map(({ kind }) => kind),
        ['provider-key-refused', 'provider-key-well-again'],
      );
    });

    it('a key given, refused or removed in one process is known in the other by the hint alone', async (t) => {
      const world = await openKeysWorld(t, engine);
      const ring = await world.openRing();
      // The clock stands still, so nothing is read again but for a hint.
      const until = async (isSo: () => boolean): Promise<void> => {
        for (let turns = 0; !isSo(); turns += 1) {
          assert.ok(turns < 10_000, 'no hint has come');
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      };
      const id = await world.addKey();
      await until(() => ring.usable('bfl', null).length === 1);
      const other = await world.openRing();
      other.report(id, { kind: 'unauthorized', text: 'no' });
      await until(() => ring.usable('bfl', null).length === 0);
      other.clear(id);
      await until(() => ring.usable('bfl', null).length === 1);
      await removeProviderKey(world.database, { keyId: id, provider: null, teamId: null, now: world.clock.now() });
      await until(() => ring.usable('bfl', null).length === 0);
    });

    it('a team uses its own keys alone, the operator his; a team’s refused key alerts nobody', async (t) => {
      const world = await openKeysWorld(t, engine);
      const [team, stranger] = [await world.addTeam(), await world.addTeam()];
      const [own, operators] = [await world.addKey({ teamId: team }), await world.addKey()];
      const ring = await world.openRing();
      const usable = (teamId: string | null): string[] => ring.usable('bfl', teamId).map(({ id }) => id);
      assert.deepEqual([usable(team), usable(stranger), usable(null)], [[own], [], [operators]]);
      assert.deepEqual([...ring.configured(team)], ['bfl']);
      assert.deepEqual([...ring.configured(stranger)], []);
      const foreign = { keyId: own, provider: null, teamId: stranger, now: world.clock.now() };
      assert.equal(await removeProviderKey(world.database, foreign), false);
      assert.deepEqual((await listProviderKeys(world.database, stranger)).length, 0);
      ring.report(own, { kind: 'quota', text: 'no money' });
      await ring.settled();
      assert.deepEqual(await world.alerts(), []);
      assert.deepEqual(
        ring.problems().map(({ keyId, teamId }) => [keyId, teamId]),
        [[own, team]],
      );
      assert.deepEqual([usable(team), usable(null)], [[], [operators]]);
    });

    it('a store that is away keeps what is known in force, and throws at nobody', async (t) => {
      const world = await openKeysWorld(t, engine);
      const id = await world.addKey();
      const outage = { isOn: false };
      const away = (): Promise<never> => Promise.reject(new Error('the store is away'));
      const { database } = world;
      const ring = await world.openRing({
        database: {
          ...database,
          query: (sql, values) => (outage.isOn ? away() : database.query(sql, values)),
          transaction: (work) => (outage.isOn ? away() : database.transaction(work)),
        },
      });
      outage.isOn = true;
      ring.report(id, { kind: 'unauthorized', text: 'no' });
      await ring.settled();
      await assert.rejects(ring.refresh(), /away/);
      assert.deepEqual([ring.usable('bfl', null).length, ring.problems().length], [0, 1]);
      assert.deepEqual(
        world.lines.map(({ event }) => event),
        ['provider.key-state-not-written'],
      );
      outage.isOn = false;
      await ring.refresh();
      assert.equal(ring.usable('bfl', null).length, 1, 'what was never written is found out anew');
    });
  });
}
