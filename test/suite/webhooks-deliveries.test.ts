import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  claimDeliveries,
  recordTry,
  rescueDeliveries,
  type ClaimOptions,
} from '../../server/src/webhooks/deliveries.ts';
import { listDeliveries, listTries, replayDelivery, replayFailed } from '../../server/src/webhooks/delivery-log.ts';
import { engines } from '../support/engines.ts';
import { openWebhooksWorld, type WebhooksWorld } from './webhooks-world.ts';

/** Lanes that say yes to everything, so that only the rules of the table count. */
const OPEN_LANES: ClaimOptions['lanes'] = {
  busyHosts: () => [],
  onlyHosts: () => null,
  choose: (candidates) => [...candidates],
};
const MADE = { at: 1_000, durationMs: 20, statusCode: 500, failure: null };

const claimOnce = (world: WebhooksWorld, workerId: string, lanes = OPEN_LANES) =>
  world.database.transaction((tx) => claimDeliveries(tx, { workerId, now: world.clock.now(), lanes }));
const claim = async (...input: Parameters<typeof claimOnce>) => (await claimOnce(...input)).deliveries;

for (const engine of engines()) {
  describe(`deliveries on ${engine.name}`, { skip: engine.skip }, () => {
    test('three workers that race claim each delivery once, and never more than four of a host', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      await Promise.all(
        Array.from({ length: 150 }, (_, index) =>
          world.addEvent('completed', `https://host-${index % 30}.example/hook`),
        ),
      );
      const workers = await Promise.all([world.addWorker(), world.addWorker(), world.addWorker()]);
      const claimed = (
        await Promise.all(
          workers.map(async (workerId) => {
            const own = [];
            for (let more = await claim(world, workerId); more.length > 0; more = await claim(world, workerId)) {
              own.push(...more);
            }
            return own;
          }),
        )
      ).flat();
      assert.equal(claimed.length, 120);
      assert.equal(new Set(claimed.map(({ id }) => id)).size, 120);
      const ofHost = Object.values(Object.groupBy(claimed, ({ host }) => host)).map((all) => all?.length);
      assert.deepEqual(new Set(ofHost), new Set([4]));
    });

    test('the first of every host is claimed before the second of any', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      for (let count = 0; count < 3; count += 1) await world.addEvent('completed', 'https://busy.example/');
      await world.addEvent('completed', 'https://late.example./');
      const claimed = await claim(world, await world.addWorker());
      assert.deepEqual(
        claimed.map(({ host }) => host),
        ['busy.example', 'late.example', 'busy.example', 'busy.example'],
      );
    });

    test('10,000 due deliveries of a dead host do not hide another host', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      await fillBacklog(world, 10_000);
      await world.addEvent('completed', 'https://healthy.example/');
      const workerId = await world.addWorker();
      const first = await claimOnce(world, workerId);
      assert.deepEqual(
        first.deliveries.map(({ host }) => host),
        Array(4).fill('dead.example'),
      );
      assert.equal(first.isMore, true);
      const second = await claimOnce(world, workerId);
      assert.deepEqual(
        second.deliveries.map(({ host }) => host),
        ['healthy.example'],
      );
      assert.equal(second.isMore, false);
    });

    test('hosts named as busy are passed by, and a list of the only hosts is kept to', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      await fillBacklog(world, 1_000);
      await world.addEvent('completed', 'https://healthy.example/');
      const workerId = await world.addWorker();
      const only = await claim(world, workerId, { ...OPEN_LANES, onlyHosts: () => ['healthy.example'] });
      assert.deepEqual(
        only.map(({ host }) => host),
        ['healthy.example'],
      );
      const rest = await claim(world, workerId, { ...OPEN_LANES, busyHosts: () => ['dead.example'] });
      assert.deepEqual(rest, []);
    });

    test('of one job only one event is in flight', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const { jobId } = await world.addEvent('progress', 'https://one.example/');
      const workerId = await world.addWorker();
      const [progress] = await claim(world, workerId);
      assert.ok(progress);
      await world.addEvent('completed', 'https://two.example/', { id: jobId });
      assert.deepEqual(await claim(world, workerId), []);
      await record(world, workerId, progress);
      assert.equal((await claim(world, workerId)).length, 1);
    });

    test('newer progress replaces older, and after the ending none is written', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const { jobId } = await world.addEvent('progress', 'https://one.example/');
      await world.addEvent('progress', 'https://one.example/', { id: jobId });
      await world.addEvent('failed', 'https://one.example/', { id: jobId });
      await world.addEvent('progress', 'https://one.example/', { id: jobId });
      assert.deepEqual(
        (await listDeliveries(world.database, { jobId })).map(({ event, state, sequence }) => [event, state, sequence]),
        [
          ['failed', 'pending', 3],
          ['progress', 'superseded', 2],
          ['progress', 'superseded', 1],
        ],
      );
    });

    test('a job has one ending to tell, whoever else writes', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const { jobId } = await world.addEvent('completed', 'https://one.example/');
      await assert.rejects(world.addEvent('failed', 'https://one.example/', { id: jobId }));
    });

    test('a try is written down only by the worker that still has the lease', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const { id } = await world.addEvent('completed', 'https://one.example/');
      const [dead, living] = [await world.addWorker(), await world.addWorker()];
      const [stale] = await claim(world, dead);
      assert.ok(stale);
      assert.equal(await world.database.transaction(rescueDeliveries), 0);
      await world.killWorker(dead);
      assert.equal(await world.database.transaction(rescueDeliveries), 1);
      assert.equal(await record(world, dead, stale), 'lost');
      const [fresh] = await claim(world, living);
      assert.ok(fresh);
      assert.ok(fresh.leaseEpoch > stale.leaseEpoch);
      assert.equal(await record(world, living, { ...fresh, leaseEpoch: stale.leaseEpoch }), 'lost');
      assert.equal((await world.stateOf(id)).tries, 0);
      assert.equal(await record(world, living, fresh), 'recorded');
      assert.equal(await record(world, living, fresh), 'lost');
      assert.deepEqual(await listTries(world.database, id), [{ number: 1, ...MADE }]);
    });

    test('an operator replays what failed, of one team or of all, and only endings', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const workerId = await world.addWorker();
      const otherTeam = await world.addTeam();
      const own = await world.addEvent('completed', 'https://one.example/');
      const others = await world.addEvent('failed', 'https://two.example/', { teamId: otherTeam });
      const progress = await world.addEvent('progress', 'https://three.example/');
      for (const delivery of await claim(world, workerId)) await record(world, workerId, delivery);
      const replay = (id: string): Promise<boolean> => world.database.transaction((tx) => replayDelivery(tx, id));
      assert.equal(await replay(progress.id), false);
      assert.equal(await replay(world.newId()), false);
      assert.equal(await world.database.transaction((tx) => replayFailed(tx, otherTeam)), 1);
      assert.equal(await replay(others.id), false);
      assert.partialDeepStrictEqual(await world.stateOf(others.id), { state: 'pending', tries: 0 });
      assert.equal(await world.database.transaction((tx) => replayFailed(tx)), 1);
      assert.equal((await world.stateOf(own.id)).state, 'pending');
      // The database's clock says when a replay is due, and on PostgreSQL it runs ahead of ours.
      world.clock.advance(60_000);
      const [again] = await claim(world, workerId);
      assert.ok(again);
      await record(world, workerId, again);
      assert.deepEqual(
        (await listTries(world.database, again.id)).map(({ number }) => number),
        [1, 2],
      );
    });

    test('the list can be narrowed and paged', async (t) => {
      const world = await openWebhooksWorld(t, engine);
      const otherTeam = await world.addTeam();
      const first = await world.addEvent('completed', 'https://one.example/');
      const second = await world.addEvent('completed', 'https://one.example/', { teamId: otherTeam });
      const ids = async (filter: Parameters<typeof listDeliveries>[1]): Promise<string[]> =>
        (await listDeliveries(world.database, filter)).map(({ id }) => id);
      assert.deepEqual(await ids({}), [second.id, first.id]);
      assert.deepEqual(await ids({ limit: 1 }), [second.id]);
      assert.deepEqual(await ids({ before: second.id }), [first.id]);
      assert.deepEqual(await ids({ teamId: otherTeam, state: 'pending' }), [second.id]);
      assert.deepEqual(await ids({ jobId: first.jobId, state: 'failed' }), []);
    });
  });
}

async function record(world: WebhooksWorld, workerId: string, delivery: Parameters<typeof recordTry>[1]['delivery']) {
  const recorded = await world.database.transaction((tx) =>
    recordTry(tx, { delivery, workerId, made: MADE, decision: { kind: 'failed' } }),
  );
  return recorded.kind;
}

/** Due deliveries of one host, older than anything else, each with a job of its own. */
async function fillBacklog(world: WebhooksWorld, count: number): Promise<void> {
  const { id, jobId } = await world.addEvent('completed', 'https://dead.example/');
  await world.database.transaction(async (tx) => {
    await tx.query(
      `INSERT INTO jobs (id, team_id, user_id, key_id, mode, operation, model, input_json, call_json, price_micro,
         charge_micro, status, progress, webhook_status, queue_rank, created_at, deadline_at)
       WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $2)
       SELECT id || '-' || n, team_id, user_id, key_id, mode, operation, model, input_json, call_json, price_micro,
         charge_micro, status, progress, webhook_status, queue_rank, created_at, deadline_at
       FROM jobs, numbers WHERE id = $1`,
      [jobId, count - 1],
    );
    await tx.query(
      `INSERT INTO deliveries (id, team_id, job_id, key_id, event, sequence, url, host, body, state, due_at, created_at)
       WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $2)
       SELECT id || '-' || n, team_id, job_id || '-' || n, key_id, event, sequence, url, host, body, state,
         due_at - 1, created_at
       FROM deliveries, numbers WHERE id = $1`,
      [id, count - 1],
    );
  });
}
