import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { fromCredits } from '../../server/src/core/money.ts';
import { setKeyBudget } from '../../server/src/credits/budgets.ts';
import { addKey, addTeam } from '../contract/stage.ts';
import { serverEngines } from '../support/server.ts';
import { jsonRequest, openFuzzWorld, SMALL_BODY, type FuzzWorld } from './fuzz-world.ts';
import type { FuzzAnswer } from './send.ts';
import { changedTables } from './store-watch.ts';

/** Small enough to be met within a test; the fixtures need a few requests of each key themselves. */
const QUEUE_MAX = 6;
const RATE_PER_MINUTE = 40;
/** `flux-1.1-pro` costs 5 credits. */
const PRICE = 5;

for (const engine of serverEngines()) {
  describe(`refusals for want of credits or room, on ${engine.name}`, { skip: engine.skip }, () => {
    let world: FuzzWorld;
    before(async () => {
      world = await openFuzzWorld(engine, {
        LUMEGATE_TEAM_QUEUE: String(QUEUE_MAX),
        LUMEGATE_RATE_PER_MINUTE: String(RATE_PER_MINUTE),
      });
    });
    after(() => world.close());

    const submit = (key: string, headers: Record<string, string> = {}): Promise<FuzzAnswer> => {
      const request = jsonRequest({ target: '/v2/images/generate', key, body: SMALL_BODY });
      return world.send({ ...request, headers: { ...request.headers, ...headers } });
    };

    /** Submits until the first refusal; checks that this and a second one leave nothing behind, not even a used key. */
    async function refuseAfter(key: string, accepted: number): Promise<FuzzAnswer> {
      for (let count = 0; count < accepted; count += 1)
        assert.equal((await submit(key)).status, 202, `submit ${count + 1}`);
      const unchanged = await world.watch.snapshot();
      const refused = await submit(key);
      const again = await submit(key, { 'idempotency-key': 'kept-for-later' });
      assert.equal(again.status, refused.status, again.text);
      assert.deepEqual(changedTables(unchanged, await world.watch.snapshot()), [], 'a refusal left something behind');
      const problems = world.description.problems({ method: 'post', path: '/v2/images/generate', ...refused });
      assert.deepEqual(problems, []);
      return refused;
    }

    it('402 tells both numbers and leaves no row and no hold', async () => {
      const { text } = await addTeam(world.stage, 2 * PRICE + 3);
      const refused = await refuseAfter(text, 2);
      assert.equal(refused.status, 402);
      assert.deepEqual(JSON.parse(refused.text), {
        error: 'Insufficient credits',
        creditsRequired: PRICE,
        creditsAvailable: 3,
      });
    });

    it('a key that has spent its budget is refused the same way, and its team is not', async () => {
      const rich = await addTeam(world.stage, 1_000);
      const capped = await addKey(world.stage, { teamId: rich.teamId, role: 'MEMBER' });
      await world.stage.store.database.transaction((tx) =>
        setKeyBudget(tx, { keyId: capped.id, capMicro: fromCredits(PRICE) }),
      );
      const refused = await refuseAfter(capped.text, 1);
      assert.equal(refused.status, 402);
      assert.deepEqual(JSON.parse(refused.text), {
        error: 'Insufficient credits',
        creditsRequired: PRICE,
        creditsAvailable: 0,
      });
      assert.equal((await submit(rich.text)).status, 202);
    });

    it('a full queue is 429 with Retry-After and leaves no row and no hold', async () => {
      const { text } = await addTeam(world.stage, 1_000);
      const refused = await refuseAfter(text, QUEUE_MAX);
      assert.equal(refused.status, 429);
      assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    });

    it('too many requests of one key are 429 on every operation, before anything is read, and others go on', async () => {
      const { text } = await addTeam(world.stage, 1_000);
      let answer = await world.send({ target: '/v2/me', headers: { 'x-api-key': text } });
      let count = 1;
      for (; answer.status === 200 && count < 3 * RATE_PER_MINUTE; count += 1) {
        answer = await world.send({ target: '/v2/me', headers: { 'x-api-key': text } });
      }
      assert.equal(answer.status, 429);
      assert.ok(count > RATE_PER_MINUTE, `${count} requests`);
      const unchanged = await world.watch.snapshot();
      for (const { method, path } of world.description.operations) {
        const operation = world.openApi.paths[path]?.[method];
        if (operation === undefined || operation.security.length === 0) continue;
        const target = path.replace('{id}', world.jobs.open);
        const refused = await world.send({
          method: method.toUpperCase(),
          target,
          headers: { 'x-api-key': text },
          body: method === 'post' ? '{"broken' : null,
        });
        assert.equal(refused.status, 429, `${method} ${path}: ${refused.text}`);
        assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
        assert.deepEqual(world.description.problems({ method, path, ...refused }), [], path);
      }
      assert.deepEqual(changedTables(unchanged, await world.watch.snapshot()), []);
      assert.equal((await world.send({ target: '/v2/me', headers: { 'x-api-key': world.keys.owner } })).status, 200);
      assert.equal((await world.send({ target: '/v2/models' })).status, 200);
    });

    it('control: the look at the store sees a single accepted job', async () => {
      const { text } = await addTeam(world.stage, 1_000);
      const unchanged = await world.watch.snapshot();
      assert.equal((await submit(text)).status, 202);
      const changed = changedTables(unchanged, await world.watch.snapshot());
      assert.deepEqual(changed, ['accounts', 'job_events', 'jobs', 'key_budgets', 'transfers']);
    });
  });
}
