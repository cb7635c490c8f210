import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { listTries } from '../../server/src/webhooks/delivery-log.ts';
import { engines } from '../support/engines.ts';
import { openWebhooksWorld } from './webhooks-world.ts';

for (const engine of engines()) {
  describe(`webhooks of a dead worker on ${engine.name}`, { skip: engine.skip }, () => {
    for (const { point, hits } of [
      { point: 'C23', hits: 1 },
      { point: 'C24', hits: 2 },
      { point: 'C25', hits: 2 },
    ] as const) {
      test(`an event whose worker died at ${point} is sent by another under the same id`, async (t) => {
        const world = await openWebhooksWorld(t, engine);
        const receiver = await world.receiver(() => ({ kind: 'status', status: 200 }));
        const { id } = await world.addEvent('completed', receiver.url);
        const dead = await world.addWorker();
        const reached = Promise.withResolvers<void>();
        const revived = Promise.withResolvers<void>();
        await world.startLoop({
          workerId: dead,
          reachCrashPoint: (at) => {
            if (at !== point) return;
            reached.resolve();
            return revived.promise;
          },
        });
        await reached.promise;
        if (point !== 'C23') await receiver.waitForHits(1);
        await world.killWorker(dead);
        await world.startLoop();
        await world.waitForTries(1);
        assert.equal(receiver.hits.length, hits);
        assert.deepEqual(new Set(receiver.hits.map((hit) => hit.headers['webhook-id'])), new Set([id]));
        assert.partialDeepStrictEqual(await world.stateOf(id), {
          state: 'delivered',
          tries: 1,
          webhookStatus: 'delivered',
        });
        // The dead one was only asleep: what it still writes must change nothing.
        revived.resolve();
        await world.waitForTries(2);
        assert.equal(world.tried[1]?.['result'], 'lease-lost');
        assert.equal((await listTries(world.database, id)).length, 1);
      });
    }

    test('progress of a dead worker is not sent again, since it may be old news', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(() => ({ kind: 'status', status: 200 }));
      const progress = await world.addEvent('progress', receiver.url);
      const dead = await world.addWorker();
      const reached = Promise.withResolvers<void>();
      const revived = Promise.withResolvers<void>();
      t.after(() => revived.resolve());
      await world.startLoop({
        workerId: dead,
        reachCrashPoint: (at) => {
          if (at === 'C25') reached.resolve();
          return at === 'C25' ? revived.promise : undefined;
        },
      });
      await reached.promise;
      await world.killWorker(dead);
      await world.addEvent('completed', receiver.url, { id: progress.jobId });
      await world.startLoop();
      await world.waitForTries(1);
      assert.deepEqual(
        receiver.hits.map((hit) => hit.headers['x-webhook-event']),
        ['progress', 'completed'],
      );
      assert.equal((await world.stateOf(progress.id)).state, 'failed');
      revived.resolve();
    });
  });
}
