import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { loadCatalog } from '../../server/src/catalog/load-catalog.ts';
import { GatewayError } from '../../server/src/core/errors.ts';
import type { ExchangeResult } from '../../server/src/core/net-port.ts';
import { createApp } from '../../server/src/http/app.ts';
import { httpTest, noProviders } from '../../server/src/http/http-test-kit.ts';
import { listRoutes } from '../../server/src/http/routes.ts';
import { loadAdapters } from '../../server/src/commands/vendors.ts';
import type { Caller } from '../../server/src/teams/authenticate.ts';
import type { ProviderKeyRing } from '../../server/src/teams/provider-key-ring.ts';
import { engines, type Engine } from '../support/engines.ts';
import { CANARY, openKeysWorld, provider, type KeysWorld } from './provider-keys-world.ts';

const catalog = loadCatalog(new URL('../../catalog', import.meta.url).pathname);
const SECRET = `${CANARY}0123456789`;

type KeyName = 'operator' | 'owner' | 'admin' | 'member' | 'test' | 'stranger';
const KEYS: readonly KeyName[] = ['operator', 'owner', 'admin', 'member', 'test', 'stranger'];

/** An answer, with every field that the tests read; which are there is what they assert. */
interface Answered {
  status: number;
  text: string;
  json: {
    id: string;
    error: string;
    details: Record<string, string[]>;
    teamId: string | null;
    label: string;
    keyId: string;
    ok: boolean;
    text: string;
    balanceUsd: number | null;
    keys: { id: string }[];
    alerts: { kind: string; state: string }[];
    providers: { id: string; configured: boolean; origin: string | null; keys: { id: string; source: string }[] }[];
  };
}

interface Routes {
  world: KeysWorld;
  ring: ProviderKeyRing;
  /** What a request through the door is answered, as status and JSON. */
  ask(key: KeyName | null, method: string, path: string, body?: unknown): Promise<Answered>;
  answerProbes(result: ExchangeResult): void;
  probed: string[];
  teamId: string;
}

/** The real routes over a real store and ring; only the job engine and the providers are not there. */
async function openRoutes(t: TestContext, engine: Engine): Promise<Routes> {
  const world = await openKeysWorld(t, engine);
  const ring = await world.openRing({
    providers: [...catalog.providers.values()].map(({ id, authHeader, baseUrl }) =>
      provider(id, { setting: authHeader?.setting ?? null, hasAddress: baseUrl !== null }),
    ),
    secrets: { FAL_KEY: `${CANARY}of-the-environment` },
  });
  const [teamId, strangers] = [await world.addTeam(), await world.addTeam()];
  const base = httpTest().world;
  let probe: ExchangeResult = { kind: 'refused', reason: 'connection-refused', detail: 'nobody is there' };
  const probed: string[] = [];
  const app = createApp({
    ...base,
    database: world.database,
    clock: world.clock,
    newId: world.newId,
    authenticator: { find: async (key) => callerOf(key, { teamId, strangers }) },
    providers: {
      ...noProviders,
      vault: world.vault,
      keys: ring,
      adapters: await loadAdapters(catalog.providers.values()),
      upstream: {
        baseUrl: (id) => {
          const address = catalog.providers.get(id)?.baseUrl;
          if (address == null) throw new Error('no address');
          return address;
        },
        exchange: async (_provider, request, { keyId }) => {
          probed.push(`${keyId} ${request.url}`);
          return probe;
        },
      },
    },
  });
  return {
    world,
    ring,
    probed,
    teamId,
    answerProbes: (result) => {
      probe = result;
    },
    ask: async (key, method, path, body) => {
      const answer = await app.request(path, {
        method,
        headers: { ...(key === null ? {} : { 'x-api-key': key }), 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, text, json: text === '' ? null : JSON.parse(text) };
    },
  };
}

function callerOf(key: string | undefined, teams: { teamId: string; strangers: string }): Caller {
  const role = {
    operator: 'OWNER',
    owner: 'OWNER',
    admin: 'ADMIN',
    member: 'MEMBER',
    test: 'OWNER',
    stranger: 'OWNER',
  } as const;
  const name = KEYS.find((one) => one === key);
  if (name === undefined) throw new GatewayError('key_invalid');
  return {
    keyId: `key-${name}`,
    keyName: name,
    keyPrefix: 'afk_12345678',
    keyMaxConcurrentJobs: null,
    teamId: name === 'stranger' ? teams.strangers : teams.teamId,
    teamName: 'Team',
    teamPlan: 'pro',
    customerId: null,
    teamMaxConcurrentJobs: 5,
    userId: 'user',
    email: 'a@example.com',
    role: role[name],
    mode: name === 'test' ? 'test' : 'live',
    isAdmin: name === 'operator',
  };
}

const json = (status: number, body: unknown): ExchangeResult => ({
  kind: 'answer',
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(body)),
  truncated: false,
});

for (const engine of engines()) {
  describe(`routes about providers on ${engine.name}`, { skip: engine.skip }, () => {
    it('an admin route opens to an admin key alone, whatever its path names', async (t) => {
      const { ask, world } = await openRoutes(t, engine);
      const keyId = await world.addKey();
      const routes = listRoutes(httpTest().world).filter(({ path }) => path.startsWith('/admin/'));
      assert.ok(routes.length >= 5);
      assert.ok(routes.every(({ access }) => access === 'admin'));
      for (const { method, path } of routes) {
        for (const id of ['bfl', 'no-such-provider']) {
          const target = path.replace(':id', id).replace(':keyId', keyId);
          const body = method === 'POST' ? { key: SECRET } : undefined;
          assert.equal((await ask(null, method, target, body)).status, 401, target);
          for (const key of KEYS.filter((name) => name !== 'operator')) {
            const refused = await ask(key, method, target, body);
            assert.deepEqual(
              [refused.status, refused.json],
              [403, { error: 'This needs an admin key' }],
              `${key} ${target}`,
            );
          }
        }
      }
      assert.equal((await world.database.query('SELECT id FROM provider_keys WHERE removed_at IS NULL')).length, 1);
    });

    it('an operator gives keys, sees them without their secrets, and takes them away', async (t) => {
      const { ask, ring, teamId, world } = await openRoutes(t, engine);
      const made = await ask('operator', 'POST', '/admin/providers/bfl/keys', {
        key: SECRET,
        label: 'Main',
        maxInFlight: 3,
      });
      assert.equal(made.status, 201, made.text);
      assert.partialDeepStrictEqual(made.json, {
        provider: 'bfl',
        label: 'Main',
        last4: '6789',
        maxInFlight: 3,
        source: 'store',
        teamId: null,
        state: 'ok',
      });
      assert.equal(ring.secret(made.json.id), SECRET, 'usable at once');
      const forTeam = await ask('operator', 'POST', '/admin/providers/bfl/keys', { key: SECRET, teamId });
      assert.deepEqual([forTeam.status, forTeam.json.teamId, forTeam.json.label], [201, teamId, 'key']);
      const list = await ask('operator', 'GET', '/admin/providers');
      assert.equal(list.status, 200);
      const found = (id: string): Answered['json']['providers'][number] | undefined =>
        list.json.providers.find((one) => one.id === id);
      assert.deepEqual(
        list.json.providers.map(({ id }) => id),
        [...catalog.providers.keys()],
      );
      assert.deepEqual(
        found('bfl')?.keys.map(({ id }) => id),
        [made.json.id, forTeam.json.id],
      );
      assert.deepEqual([found('bfl')?.configured, found('bfl')?.origin], [true, 'https://api.bfl.ai']);
      assert.deepEqual([found('replicate')?.configured, found('sd-server')?.origin], [false, null]);
      assert.deepEqual(
        found('fal')?.keys.map(({ id, source }) => [id, source]),
        [['env:fal', 'env']],
      );
      for (const text of [made.text, forTeam.text, list.text]) assert.ok(!text.includes(CANARY));
      const remove = (id: string, at = 'bfl'): Promise<{ status: number }> =>
        ask('operator', 'DELETE', `/admin/providers/${at}/keys/${id}`);
      assert.equal((await remove(made.json.id, 'fal')).status, 404, 'at another provider');
      assert.equal((await remove(made.json.id.toUpperCase())).status, 204);
      assert.deepEqual(ring.usable('bfl', null), []);
      for (const id of [made.json.id, world.newId(), 'env:fal', 'x', '%00']) {
        assert.equal((await remove(id)).status, 404, id);
      }
    });

    it('a wrong key is refused field by field, never repeated, and nothing is stored', async (t) => {
      const { ask, world } = await openRoutes(t, engine);
      const key = SECRET;
      const wrong: [unknown, string][] = [
        [{}, 'key'],
        [{ key: 'short' }, 'key'],
        [{ key: `${SECRET} with spaces` }, 'key'],
        [{ key: `${SECRET}\r\nx-evil: 1` }, 'key'],
        [{ key: 7 }, 'key'],
        [{ key, label: '' }, 'label'],
        [{ key, label: 'x'.repeat(81) }, 'label'],
        [{ key, label: 'two\nlines' }, 'label'],
        [{ key, maxInFlight: 0 }, 'maxInFlight'],
        [{ key, maxInFlight: 1.5 }, 'maxInFlight'],
        [{ key, teamId: 'x' }, 'teamId'],
        [{ key, teamId: world.newId() }, 'teamId'],
        [{ key, stray: 1 }, 'stray'],
        [{ key, constructor: 1 }, 'constructor'],
      ];
      for (const [body, field] of wrong) {
        const refused = await ask('operator', 'POST', '/admin/providers/bfl/keys', body);
        assert.deepEqual([refused.status, Object.keys(refused.json.details)], [400, [field]], JSON.stringify(body));
        assert.ok(!refused.text.includes(CANARY), refused.text);
      }
      const keyless = await ask('operator', 'POST', '/admin/providers/sandbox/keys', { key });
      assert.deepEqual([keyless.status, keyless.json.details], [400, { key: ['sandbox takes no key'] }]);
      const unknown = await ask('operator', 'POST', '/admin/providers/replicat/keys', { key });
      assert.deepEqual(
        [unknown.status, unknown.json.error],
        [404, "Unknown provider 'replicat'. Did you mean 'replicate'?"],
      );
      for (const id of ['__proto__', 'constructor', '%00', 'x'.repeat(500)]) {
        assert.equal((await ask('operator', 'POST', `/admin/providers/${id}/keys`, { key })).status, 404, id);
      }
      assert.deepEqual(await world.database.query('SELECT id FROM provider_keys'), []);
    });

    it('a test tells what the provider said, and heals or rests the key', async (t) => {
      const { ask, ring, world, answerProbes, probed } = await openRoutes(t, engine);
      const { json: made } = await ask('operator', 'POST', '/admin/providers/bfl/keys', { key: SECRET });
      const test = (body: unknown = {}, id = 'bfl'): Promise<Answered> =>
        ask('operator', 'POST', `/admin/providers/${id}/test`, body);
      answerProbes(json(200, { credits: 250 }));
      const well = await test();
      assert.deepEqual([well.status, well.json.ok, well.json.balanceUsd, well.json.keyId], [200, true, 2.5, made.id]);
      assert.deepEqual(probed, [`${made.id} https://api.bfl.ai/v1/credits`]);
      answerProbes(json(403, { detail: `Not authenticated: ${SECRET}` }));
      const refused = await test({ keyId: made.id });
      assert.deepEqual([refused.status, refused.json.ok, refused.json.balanceUsd], [200, false, null]);
      assert.ok(!refused.text.includes(CANARY), refused.text);
      assert.deepEqual(ring.usable('bfl', null), []);
      await ring.settled();
      const alerts = await ask('operator', 'GET', '/admin/alerts');
      assert.deepEqual(
        alerts.json.alerts.map(({ kind, state }) => [kind, state]),
        [['provider-key-refused', 'unsent']],
      );
      assert.ok(!alerts.text.includes(CANARY));
      answerProbes(json(200, { credits: 1 }));
      assert.equal((await test()).json.ok, true);
      assert.equal(ring.usable('bfl', null).length, 1, 'at once');
      answerProbes({ kind: 'lost', reason: 'timeout', detail: 'after 15 s' });
      assert.equal((await test()).json.text, 'No answer: timeout (after 15 s)');
      assert.equal(ring.usable('bfl', null).length, 1, 'silence says nothing about the key');
      for (const [body, id, status] of [
        [{ keyId: world.newId() }, 'bfl', 404],
        [{ keyId: made.id }, 'fal', 404],
        [{}, 'replicate', 404],
        [{}, 'nothing', 404],
        [{ keyId: 7 }, 'bfl', 400],
        [{ stray: 1 }, 'bfl', 400],
      ] as const) {
        assert.equal((await test(body, id)).status, status, `${JSON.stringify(body)} ${id}`);
      }
    });

    it('a team’s own keys are a matter of its owners and admins, with live keys', async (t) => {
      const { ask } = await openRoutes(t, engine);
      const body = { provider: 'bfl', key: SECRET };
      for (const key of ['member', 'test'] as const) {
        for (const [method, path] of [
          ['GET', '/v2/provider-keys'],
          ['POST', '/v2/provider-keys'],
          ['DELETE', '/v2/provider-keys/x'],
        ] as const) {
          const refused = await ask(key, method, path, method === 'POST' ? body : undefined);
          assert.deepEqual(
            [refused.status, refused.json.error],
            [403, 'This needs a live key of an owner or admin of the team'],
            `${key} ${method}`,
          );
        }
      }
      for (const key of ['owner', 'admin'] as const)
        assert.equal((await ask(key, 'POST', '/v2/provider-keys', body)).status, 201);
      const unknown = await ask('owner', 'POST', '/v2/provider-keys', { ...body, provider: 'bfI' });
      assert.deepEqual(
        [unknown.status, unknown.json.details],
        [400, { provider: ["Unknown provider 'bfI'. Did you mean 'bfl'?"] }],
      );
      assert.equal((await ask('owner', 'POST', '/v2/provider-keys', { ...body, provider: 'sandbox' })).status, 400);
      assert.equal((await ask('owner', 'POST', '/v2/provider-keys', { ...body, teamId: null })).status, 400);
    });

    it('another team’s key is as a missing one, to the byte', async (t) => {
      const { ask, ring, world, teamId } = await openRoutes(t, engine);
      const { json: own } = await ask('owner', 'POST', '/v2/provider-keys', {
        provider: 'bfl',
        key: SECRET,
        label: 'ours',
      });
      assert.deepEqual(Object.keys(own).sort(), [
        'createdAt',
        'id',
        'label',
        'last4',
        'maxInFlight',
        'provider',
        'since',
        'state',
        'text',
      ]);
      const operators = await world.addKey();
      const theirs = await ask('stranger', 'DELETE', `/v2/provider-keys/${own.id}`);
      const missing = await ask('stranger', 'DELETE', `/v2/provider-keys/${world.newId()}`);
      assert.deepEqual([theirs.status, theirs.text], [404, missing.text]);
      assert.equal((await ask('stranger', 'DELETE', '/v2/provider-keys/no-uuid')).text, missing.text);
      assert.equal((await ask('owner', 'DELETE', `/v2/provider-keys/${operators}`)).text, missing.text);
      assert.deepEqual((await ask('stranger', 'GET', '/v2/provider-keys')).json, { keys: [] });
      const list = await ask('admin', 'GET', '/v2/provider-keys');
      assert.deepEqual(
        list.json.keys.map(({ id }) => id),
        [own.id],
      );
      assert.ok(!list.text.includes(CANARY));
      assert.deepEqual(
        ring.usable('bfl', teamId).map(({ id }) => id),
        [own.id],
      );
      assert.equal((await ask('owner', 'DELETE', `/v2/provider-keys/${own.id}`)).status, 204);
      assert.deepEqual([...ring.configured(teamId)], []);
    });
  });
}
