import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import { serverEngines } from '../support/server.ts';
import { jsonRequest, openFuzzWorld, SMALL_BODY, type FuzzWorld, type KeyName } from './fuzz-world.ts';
import type { FuzzAnswer } from './send.ts';

/** Who asks for a job of the owner, and what each must see. */
const CALLERS: Readonly<Record<KeyName, 'sees' | 'as-missing' | 401 | 403>> = {
  owner: 'sees',
  operator: 'sees',
  admin: 'sees',
  member: 'as-missing',
  stranger: 'as-missing',
  test: 'as-missing',
  revoked: 401,
  expired: 401,
  unknown: 401,
  checksum: 401,
  inactive: 403,
};

for (const engine of serverEngines()) {
  describe(`who may see a job, on ${engine.name}`, { skip: engine.skip }, () => {
    let world: FuzzWorld;
    before(async () => {
      world = await openFuzzWorld(engine);
    });
    after(() => world.close());

    const ask = (route: Route, id: string, key: string | null): Promise<FuzzAnswer> =>
      world.send({
        method: route.method.toUpperCase(),
        target: route.path.replace('{id}', id),
        headers: { 'x-request-id': 'same', ...(key === null ? {} : { 'x-api-key': key }) },
      });

    it('every route with an id × every caller: foreign and missing are the same to the byte, and nothing changes', async (context) => {
      const routes = routesWithId(world);
      assert.ok(routes.length >= 4, 'the document has lost its routes');
      const unchanged = await world.watch.snapshot();
      let asked = 0;
      for (const route of routes) {
        for (const [name, wanted] of Object.entries(CALLERS)) {
          if (wanted === 'sees') continue;
          // Safe: the entries of CALLERS are its keys.
          const key = world.keys[name as KeyName];
          const place = `${route.method} ${route.path} by ${name}`;
          const foreign = await ask(route, world.jobs.open, key);
          const missing = await ask(route, randomUUID(), key);
          asked += 2;
          assert.equal(foreign.status, wanted === 'as-missing' ? statusOfMissing(route, name) : wanted, place);
          assert.deepEqual(visible(foreign), visible(missing), place);
        }
        const [foreign, missing] = [await ask(route, world.jobs.open, null), await ask(route, randomUUID(), null)];
        assert.equal(foreign.status, 401, route.path);
        assert.deepEqual(visible(foreign), visible(missing), route.path);
        // The others' own jobs, from the owner's side.
        const theirs = [
          await ask(route, world.jobs.foreign, world.keys.owner),
          await ask(route, world.jobs.ofTest, world.keys.owner),
        ];
        for (const answer of theirs)
          assert.deepEqual(visible(answer), visible(await ask(route, randomUUID(), world.keys.owner)));
        asked += 7;
      }
      assert.deepEqual(await world.watch.snapshot(), unchanged);
      context.diagnostic(`${routes.length} routes, ${asked} requests`);
    });

    it('control: whoever may see it gets it, by the same routes', async () => {
      const reads = routesWithId(world).filter(({ method, path }) => method === 'get' && path.startsWith('/v2/jobs/'));
      assert.ok(reads.length >= 3);
      for (const route of reads) {
        for (const name of ['owner', 'admin'] as const) {
          assert.equal((await ask(route, world.jobs.open, world.keys[name])).status, 200, `${route.path} by ${name}`);
        }
      }
    });

    it('an asset is its team’s: a foreign one is as a missing one to the byte', async () => {
      const read = (id: string, name: KeyName): Promise<FuzzAnswer> =>
        ask({ method: 'get', path: '/v2/assets/{id}' }, id, world.keys[name]);
      for (const name of ['owner', 'admin', 'member'] as const)
        assert.equal((await read(world.assetId, name)).status, 200, name);
      assert.deepEqual(visible(await read(world.assetId, 'stranger')), visible(await read(randomUUID(), 'stranger')));
    });

    it('a LoRA is its team’s, in its own list and by its id', async () => {
      const seen = async (name: KeyName): Promise<string> =>
        (await world.send({ target: '/v2/loras', headers: { 'x-api-key': world.keys[name] } })).text;
      for (const name of ['owner', 'admin', 'member'] as const)
        assert.ok((await seen(name)).includes(world.loraId), name);
      for (const name of ['stranger', 'test'] as const) {
        assert.ok(!(await seen(name)).includes(world.loraId), name);
        for (const method of ['get', 'delete']) {
          const route = { method, path: '/v2/loras/{id}' };
          const [foreign, missing] = [
            await ask(route, world.loraId, world.keys[name]),
            await ask(route, randomUUID(), world.keys[name]),
          ];
          assert.equal(foreign.status, 404);
          assert.deepEqual(visible(foreign), visible(missing));
        }
      }
    });

    it('lists and searches show nobody a job that is not his', async () => {
      const idsSeen = async (key: string, query: string): Promise<string[]> => {
        const answer = await world.send({ target: `/v2/jobs?limit=100&${query}`, headers: { 'x-api-key': key } });
        assert.equal(answer.status, 200, answer.text);
        // Safe: a 200 of this operation has this shape, which the generated requests check.
        return (JSON.parse(answer.text) as { jobs: { id: string }[] }).jobs.map(({ id }) => id);
      };
      const { keys, jobs } = world;
      const own: Partial<Record<KeyName, string[]>> = {
        owner: [jobs.cancelled, jobs.open, jobs.training],
        member: [jobs.ofMember],
        stranger: [jobs.foreign],
        test: [jobs.ofTest],
        admin: [],
        operator: [],
      };
      for (const [name, ids] of Object.entries(own)) {
        // Safe: as above.
        const key = keys[name as KeyName];
        assert.deepEqual((await idsSeen(key, 'scope=user')).sort(), [...ids].sort(), name);
        for (const id of Object.values(jobs)) {
          assert.deepEqual(await idsSeen(key, `search=${id}`), ids.includes(id) ? [id] : [], `${name} searches`);
        }
      }
      assert.deepEqual(
        (await idsSeen(keys.admin, 'scope=team')).sort(),
        [jobs.cancelled, jobs.open, jobs.ofMember, jobs.training].sort(),
      );
      // A cursor is a place in time and no permission.
      const cursor = Buffer.from(JSON.stringify({ createdAt: 9e15, id: jobs.open })).toString('base64url');
      assert.deepEqual(await idsSeen(keys.stranger, `cursor=${cursor}`), [jobs.foreign]);
    });

    it('an Idempotency-Key of one team means nothing to another', async () => {
      const submit = async (key: string): Promise<FuzzAnswer> => {
        const request = jsonRequest({ target: '/v2/images/generate', key, body: SMALL_BODY });
        return world.send({ ...request, headers: { ...request.headers, 'idempotency-key': 'shared' } });
      };
      const [first, other, again] = [
        await submit(world.keys.owner),
        await submit(world.keys.stranger),
        await submit(world.keys.owner),
      ];
      assert.deepEqual([first.status, other.status, again.status], [202, 202, 202]);
      assert.notEqual(first.text, other.text);
      assert.equal(again.text, first.text);
      assert.equal(other.headers.get('idempotent-replayed'), null);
      assert.equal(again.headers.get('idempotent-replayed'), 'true');
    });
  });
}

/** Some routes are closed to a caller whatever they name: that too must not depend on what exists. */
function statusOfMissing({ path }: Route, caller: string): 403 | 404 {
  if (path.startsWith('/admin/')) return 403;
  return path.startsWith('/v2/provider-keys') && (caller === 'member' || caller === 'test') ? 403 : 404;
}

interface Route {
  method: string;
  path: string;
}

/** Read from the document, so that a new route is in the matrix from its first day. */
function routesWithId(world: FuzzWorld): Route[] {
  return Object.entries(world.openApi.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => path.includes('{') && security.length > 0)
      .map(([method]) => ({ method, path })),
  );
}

/** All that a caller gets to see; the date alone says nothing. */
function visible({ status, headers, bytes }: FuzzAnswer): unknown {
  const shown = [...headers].filter(([name]) => name !== 'date');
  return { status, shown, body: bytes.toString('hex') };
}
