import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';

import { replayDelivery } from '../../server/src/webhooks/delivery-log.ts';
import { RETRY_DELAYS_MS } from '../../server/src/webhooks/schedule.ts';
import { webhookSecret } from '../../server/src/webhooks/sign.ts';
import { engines } from '../support/engines.ts';
import type { ReceiverAnswer } from '../support/receiver.ts';
import { KEY_DIGEST, openWebhooksWorld } from './webhooks-world.ts';

const status = (code: number, headers: Record<string, string> = {}): ReceiverAnswer => ({
  kind: 'status',
  status: code,
  headers,
});
const ok = (): ReceiverAnswer => status(200);
const HOUR_MS = 3_600_000;

for (const engine of engines()) {
  describe(`webhooks on ${engine.name}`, { skip: engine.skip }, () => {
    test('a good receiver gets an event once, signed over what it receives', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(ok);
      const { id, jobId } = await world.addEvent('completed', receiver.url);
      const loop = await world.startLoop();
      await world.waitForTries(1);
      const [hit] = receiver.hits;
      assert.ok(hit);
      assert.equal(hit.path, '/hook?variant_id=7');
      assert.equal(hit.headers['content-type'], 'application/json');
      assert.equal(hit.headers['x-webhook-event'], 'completed');
      assert.equal(hit.headers['webhook-id'], id);
      assert.equal(hit.headers['webhook-sequence'], '1');
      assert.deepEqual(new Webhook(webhookSecret(KEY_DIGEST)).verify(hit.body, hit.headers), JSON.parse(hit.body));
      assert.equal(JSON.parse(hit.body).jobId, jobId);
      assert.partialDeepStrictEqual(await world.stateOf(id), {
        state: 'delivered',
        tries: 1,
        webhookStatus: 'delivered',
      });
      world.clock.advance(100 * HOUR_MS);
      await loop.stop();
      assert.equal(receiver.hits.length, 1);
    });

    test('an event written while the loop sleeps is sent when the hint comes', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(ok);
      await world.startLoop();
      await world.addEvent('completed', receiver.url);
      world.database.notify('delivery', '');
      await world.waitForTries(1);
      assert.equal(receiver.hits.length, 1);
    });

    test('a receiver that is back on the last day gets the event, unchanged, under the same id', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver((number) => status(number <= RETRY_DELAYS_MS.length ? 500 : 204));
      const { id } = await world.addEvent('completed', receiver.url);
      const beganAt = world.clock.now();
      const loop = await world.startLoop();
      for (const [index, delayMs] of RETRY_DELAYS_MS.entries()) {
        await world.waitForTries(index + 1);
        const { dueAt, state, webhookStatus } = await world.stateOf(id);
        assert.deepEqual({ state, webhookStatus }, { state: 'pending', webhookStatus: 'pending' });
        assert.equal(dueAt - world.clock.now(), delayMs);
        world.clock.advance(delayMs);
        loop.wake();
      }
      await world.waitForTries(RETRY_DELAYS_MS.length + 1);
      assert.equal(world.clock.now() - beganAt, 75 * HOUR_MS + 35 * 60_000 + 5_000);
      assert.equal(new Set(receiver.hits.map((hit) => hit.headers['webhook-id'])).size, 1);
      assert.equal(new Set(receiver.hits.map((hit) => hit.body)).size, 1);
      assert.equal(new Set(receiver.hits.map((hit) => hit.headers['webhook-timestamp'])).size, receiver.hits.length);
      assert.partialDeepStrictEqual(await world.stateOf(id), {
        state: 'delivered',
        tries: 10,
        webhookStatus: 'delivered',
      });
    });

    test('after the whole schedule the delivery fails for all to see', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(() => status(500));
      const { id } = await world.addEvent('failed', receiver.url);
      const loop = await world.startLoop();
      for (const [index, delayMs] of RETRY_DELAYS_MS.entries()) {
        await world.waitForTries(index + 1);
        world.clock.advance(delayMs);
        loop.wake();
      }
      await world.waitForTries(10);
      assert.partialDeepStrictEqual(await world.stateOf(id), { state: 'failed', tries: 10, webhookStatus: 'failed' });
    });

    test('receivers that hang do not keep an event from a healthy one', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      // More hanging hosts than there are places: the healthy one must not wait for their time limits.
      const dead = await Promise.all(Array.from({ length: 70 }, () => world.receiver(() => ({ kind: 'hang' }))));
      const healthy = await world.receiver(ok);
      await world.addEvent('completed', healthy.url);
      const loop = await world.startLoop();
      await world.waitForTries(1);
      for (const receiver of [...dead, ...dead]) await world.addEvent('completed', receiver.url);
      loop.wake();
      await Promise.all(dead.slice(0, 48).map((receiver) => receiver.waitForHits(1)));
      for (let count = 0; count < 20; count += 1) await world.addEvent('completed', healthy.url);
      loop.wake();
      await world.waitForTries(21);
      assert.deepEqual(new Set(world.tried.map((fields) => fields['host'])), new Set([new URL(healthy.url).host]));
      world.clock.advance(15_000);
      await world.waitForTries(21 + 48);
      assert.equal(world.tried.at(-1)?.['failure'], 'timeout');
    });

    test('a redirect is a failure and its target is not called', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const target = await world.receiver(ok);
      const receiver = await world.receiver(() => status(301, { location: target.url }));
      const { id } = await world.addEvent('completed', receiver.url);
      await world.startLoop();
      await world.waitForTries(1);
      assert.partialDeepStrictEqual(await world.stateOf(id), { state: 'pending', tries: 1 });
      assert.equal(target.hits.length, 0);
    });

    test('410 ends the delivery at once', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(() => status(410));
      const { id } = await world.addEvent('completed', receiver.url);
      await world.startLoop();
      await world.waitForTries(1);
      assert.partialDeepStrictEqual(await world.stateOf(id), { state: 'failed', tries: 1, webhookStatus: 'failed' });
    });

    test('Retry-After puts the next try off', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(() => status(503, { 'retry-after': '3600' }));
      const { id } = await world.addEvent('completed', receiver.url);
      await world.startLoop();
      await world.waitForTries(1);
      assert.equal((await world.stateOf(id)).dueAt - world.clock.now(), HOUR_MS);
    });

    test('a body without end is not read to its end, and 200 counts', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(() => ({ kind: 'endless' }));
      const { id } = await world.addEvent('completed', receiver.url);
      await world.startLoop();
      await world.waitForTries(1);
      assert.partialDeepStrictEqual(await world.stateOf(id), { state: 'delivered', tries: 1 });
      // What the two sockets buffer is taken beyond our 64 KB; a reader that went on would take it for ever.
      assert.ok(receiver.endlessBytes() < 32_000_000);
    });

    for (const kind of ['cut', 'reset'] as const) {
      test(`a connection that breaks (${kind}) is tried again`, async (t) => {
        const world = await openWebhooksWorld(t, engine);
        const receiver = await world.receiver((number) => (number === 1 ? { kind } : ok()));
        const { id } = await world.addEvent('completed', receiver.url);
        const loop = await world.startLoop();
        await world.waitForTries(1);
        assert.equal(world.tried[0]?.['failure'], 'reset');
        world.clock.advance(5_000);
        loop.wake();
        await world.waitForTries(2);
        assert.partialDeepStrictEqual(await world.stateOf(id), { state: 'delivered', tries: 2 });
      });
    }

    for (const kind of ['hang', 'stall'] as const) {
      test(`a receiver that keeps us waiting (${kind}) has 15 s from connect to end`, async (t) => {
        const world = await openWebhooksWorld(t, engine);
        const receiver = await world.receiver(() => ({ kind }));
        await world.addEvent('completed', receiver.url);
        const loop = await world.startLoop();
        await receiver.waitForHits(1);
        world.clock.advance(14_999);
        // An end that came too early would be written down before the try of an event that comes after it.
        const other = await world.receiver(ok);
        await world.addEvent('completed', other.url);
        loop.wake();
        await world.waitForTries(1);
        assert.equal(world.tried[0]?.['host'], new URL(other.url).host);
        world.clock.advance(1);
        await world.waitForTries(2);
        assert.partialDeepStrictEqual(world.tried[1], { failure: 'timeout', durationMs: 15_000 });
      });
    }

    test('a dead host with a long backlog does not keep events from another', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const dead = await world.receiver(() => ({ kind: 'hang' }));
      const healthy = await world.receiver(ok);
      await Promise.all(Array.from({ length: 600 }, () => world.addEvent('completed', dead.url)));
      await world.addEvent('completed', healthy.url);
      await world.startLoop();
      await world.waitForTries(1);
      assert.equal(world.tried[0]?.['host'], new URL(healthy.url).host);
      assert.equal(dead.hits.length, 1);
    });

    test('without its signing key nothing is sent', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(ok);
      const { id } = await world.addEvent('completed', receiver.url);
      await world.startLoop({ findDigest: async () => null });
      await world.waitForTries(1);
      assert.partialDeepStrictEqual(await world.stateOf(id), { state: 'failed', webhookStatus: 'failed' });
      assert.equal(receiver.hits.length, 0);
    });

    test('a fault of our own is a failed try, not a lease that nobody gives back', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      void world.expectError('delivery.broken');
      const { id } = await world.addEvent('completed', 'http://127.0.0.1:1/');
      await world.startLoop({ net: { exchange: () => Promise.reject(new Error('broken')) } });
      await world.waitForTries(1);
      assert.partialDeepStrictEqual(await world.stateOf(id), { state: 'pending', tries: 1 });
    });

    test('a store that is away when the try is to be written down gets the record later', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(ok);
      const { id } = await world.addEvent('completed', receiver.url);
      const failed = world.expectError('delivery.not-recorded');
      let failures = 0;
      await world.startLoop({
        updateWebhookStatus: async (tx, jobId, webhookStatus) => {
          if (failures++ === 0) throw new Error('The store is away.');
          await tx.query('UPDATE jobs SET webhook_status = $2 WHERE id = $1', [jobId, webhookStatus]);
        },
      });
      await failed;
      assert.partialDeepStrictEqual(await world.stateOf(id), { state: 'pending', tries: 0, webhookStatus: 'pending' });
      world.clock.advance(1_000);
      await world.waitForTries(1);
      assert.partialDeepStrictEqual(await world.stateOf(id), {
        state: 'delivered',
        tries: 1,
        webhookStatus: 'delivered',
      });
      assert.equal(receiver.hits.length, 1);
    });

    test('progress is never sent after its ending', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver((number) => (number === 1 ? { kind: 'hang' } : ok()));
      const { jobId } = await world.addEvent('progress', receiver.url);
      const loop = await world.startLoop();
      await receiver.waitForHits(1);
      // The first progress is under way; the second and the ending wait for it, and the ending replaces the second.
      const second = await world.addEvent('progress', receiver.url, { id: jobId });
      const ending = await world.addEvent('completed', receiver.url, { id: jobId });
      await world.addEvent('progress', receiver.url, { id: jobId });
      loop.wake();
      world.clock.advance(15_000);
      await world.waitForTries(2);
      world.clock.advance(100 * HOUR_MS);
      await loop.stop();
      assert.deepEqual(
        receiver.hits.map((hit) => [hit.headers['x-webhook-event'], hit.headers['webhook-sequence']]),
        [
          ['progress', '1'],
          ['completed', '3'],
        ],
      );
      assert.equal((await world.stateOf(second.id)).state, 'superseded');
      assert.partialDeepStrictEqual(await world.stateOf(ending.id), { state: 'delivered', webhookStatus: 'delivered' });
    });

    test('a replay sends the same id and body again, and what was delivered stays delivered', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver((number) => status([410, 200, 410][number - 1] ?? 500));
      const { id } = await world.addEvent('completed', receiver.url);
      const loop = await world.startLoop();
      await world.waitForTries(1);
      assert.equal((await world.stateOf(id)).webhookStatus, 'failed');
      for (const tries of [2, 3]) {
        assert.ok(await world.database.transaction((tx) => replayDelivery(tx, id)));
        // The database's clock says when a replay is due; on PostgreSQL it runs ahead of the one that stands still.
        world.clock.advance(60_000);
        loop.wake();
        await world.waitForTries(tries);
        assert.equal((await world.stateOf(id)).webhookStatus, 'delivered');
      }
      assert.equal(new Set(receiver.hits.map((hit) => `${hit.headers['webhook-id']} ${hit.body}`)).size, 1);
    });

    test('stopping lets a try under way end and be written down', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const receiver = await world.receiver(() => ({ kind: 'hang' }));
      const { id } = await world.addEvent('completed', receiver.url);
      const loop = await world.startLoop();
      await receiver.waitForHits(1);
      const stopped = loop.stop();
      world.clock.advance(15_000);
      await stopped;
      assert.partialDeepStrictEqual(await world.stateOf(id), { state: 'pending', tries: 1 });
    });
  });
}
