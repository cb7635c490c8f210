import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { StoreUnavailable, type Database } from '../../server/src/database/database.ts';
import { engines } from '../support/engines.ts';
import { openWebhooksWorld } from './webhooks-world.ts';

const ok = { kind: 'status', status: 200 } as const;
const TEST_MS_MAX = 30_000;

for (const engine of engines()) {
  describe(`a claim whose answer is lost, on ${engine.name}`, { skip: engine.skip, timeout: TEST_MS_MAX }, () => {
    test('is sent by the same worker all the same, and what is under way is left alone', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const slow = await world.receiver(() => ({ kind: 'hang' }));
      const receiver = await world.receiver(() => ok);
      const { database, loseNextClaim } = losingClaims(world.database);
      const underWay = await world.addEvent('completed', slow.url);
      const workerId = await world.addWorker();
      const loop = await world.startLoop({ database, workerId });
      await slow.waitForHits(1);

      const failed = world.expectError('delivery.turn-failed');
      loseNextClaim();
      const lost = await world.addEvent('completed', receiver.url);
      loop.wake();
      await failed;
      assert.equal((await leaseOf(world.database, lost.id)).lease_epoch, 1);
      loop.wake();
      await world.waitForTries(1);

      assert.partialDeepStrictEqual(await world.stateOf(lost.id), { state: 'delivered', tries: 1 });
      assert.equal(receiver.hits.length, 1);
      assert.deepEqual(await leaseOf(world.database, underWay.id), { lease_owner: workerId, lease_epoch: 1 });
      assert.equal(slow.hits.length, 1);
    });

    test('is found by the rescue when the failure was not noticed', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(() => ok);
      const { id } = await world.addEvent('completed', receiver.url);
      const workerId = await world.addWorker();
      await world.database.transaction((tx) =>
        tx.query(`UPDATE deliveries SET lease_owner = $2, lease_epoch = 1 WHERE id = $1`, [id, workerId]),
      );
      await world.startLoop({ workerId });
      await world.waitForTries(1);
      assert.partialDeepStrictEqual(await world.stateOf(id), { state: 'delivered', tries: 1 });
    });

    test('rescue after rescue leaves a try that is under way alone', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const slow = await world.receiver(() => ({ kind: 'hang' }));
      const receiver = await world.receiver(() => ok);
      const { id } = await world.addEvent('completed', slow.url);
      const workerId = await world.addWorker();
      const loop = await world.startLoop({ workerId });
      await slow.waitForHits(1);
      for (const count of [1, 2, 3]) {
        world.clock.advance(2_000);
        // An event that is sent shows that the rounds before it are over.
        await world.addEvent('completed', receiver.url);
        loop.wake();
        await world.waitForTries(count);
      }
      assert.deepEqual(await leaseOf(world.database, id), { lease_owner: workerId, lease_epoch: 1 });
      assert.equal(slow.hits.length, 1);
    });

    test('loses a progress rather than sending it after its ending', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(() => ok);
      const { database, loseNextClaim } = losingClaims(world.database);
      const failed = world.expectError('delivery.turn-failed');
      loseNextClaim();
      const progress = await world.addEvent('progress', receiver.url);
      const loop = await world.startLoop({ database });
      await failed;
      await world.addEvent('completed', receiver.url, { id: progress.jobId });
      loop.wake();
      await world.waitForTries(1);
      assert.deepEqual(
        receiver.hits.map((hit) => hit.headers['x-webhook-event']),
        ['completed'],
      );
      assert.equal((await world.stateOf(progress.id)).state, 'failed');
    });
  });
}

/** A store that keeps the next claim which leases something and loses the answer. */
function losingClaims(database: Database): { database: Database; loseNextClaim: () => void } {
  let isLosing = false;
  return {
    database: {
      ...database,
      transaction: async (work) => {
        let isClaim = false;
        const value = await database.transaction((tx) =>
          work({
            ...tx,
            query: async (sql, values) => {
              const rows = await tx.query<never>(sql, values);
              isClaim ||= sql.includes('SET lease_owner = $2') && rows.length > 0;
              return rows;
            },
          }),
        );
        if (!isLosing || !isClaim) return value;
        isLosing = false;
        throw new StoreUnavailable('the answer was lost');
      },
    },
    loseNextClaim: () => {
      isLosing = true;
    },
  };
}

async function leaseOf(database: Database, id: string): Promise<Record<string, unknown>> {
  const [row] = await database.query(`SELECT lease_owner, lease_epoch FROM deliveries WHERE id = $1`, [id]);
  return { ...row };
}
