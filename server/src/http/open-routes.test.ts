import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import type { KeyCard } from '../teams/provider-key-ring.ts';
import { bodyOfAnswer, fakeDatabase, httpTest, JOB_ID, noProviders, PUBLIC_URL } from './http-test-kit.ts';
import { listRoutes } from './routes.ts';
import { meSchema, modelListSchema } from './schemas.ts';

test('the catalogue is public, can be narrowed, and is not sent twice', async () => {
  const { app } = httpTest();
  const answer = await app.request('/v2/models');
  assert.equal(answer.status, 200);
  const { models } = modelListSchema.parse(await answer.json());
  assert.ok(models.some(({ id }) => id === 'flux-1.1-pro'));
  const again = await app.request('/v2/models', { headers: { 'if-none-match': answer.headers.get('etag') ?? '' } });
  assert.deepEqual([again.status, await again.text()], [304, '']);
  const music = modelListSchema.parse(await (await app.request('/v2/models?modality=music')).json());
  assert.ok(music.models.length > 0 && music.models.length < models.length);
  assert.ok(music.models.every(({ modality }) => modality === 'music'));
  assert.equal((await app.request('/v2/models?modality=smell')).status, 400);
  assert.equal((await app.request('/v2/models/flux-1.1-pro')).status, 200);
  const missing = await app.request('/v2/models/flux-1-1-pro');
  assert.deepEqual(
    [missing.status, await missing.json()],
    [404, { error: "Unknown model 'flux-1-1-pro'. Did you mean 'flux-1.1-pro'?" }],
  );
});

test('me shows the union of fields, with what can be spent', async () => {
  const body = meSchema.parse(await (await httpTest().get('/v2/me')).json());
  assert.deepEqual(body.team, {
    id: body.team?.id,
    name: 'Team',
    plan: 'pro',
    credits: 994,
    customerId: null,
    maxConcurrentJobs: 50,
  });
  assert.deepEqual([body.user.role, body.apiKey?.name, body.apiKey?.prefix], ['MEMBER', 'laptop', 'afk_member12']);
});

test('the OpenAPI document has every route below /v2 and /admin, and every reference in it leads somewhere', async () => {
  const { app, world } = httpTest();
  const text = await (await app.request('/v2/openapi.json')).text();
  const document = JSON.parse(text) as {
    openapi: string;
    paths: Record<string, Record<string, { security: unknown[] }>>;
    components: { schemas: object };
  };
  assert.equal(document.openapi, '3.1.0');
  for (const { method, path, access } of listRoutes(world).filter((route) => /^\/(v2|admin)\//.test(route.path))) {
    const operation = document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
    assert.ok(operation, `${method} ${path}`);
    assert.equal(operation.security.length > 0, access !== 'open', `${method} ${path}`);
  }
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    assert.ok(Object.hasOwn(document.components.schemas, name ?? ''), name);
  assert.ok(text.includes('"x-lumegate-addition":true'));
});

test('healthz asks nobody; readyz tells what is the matter', async () => {
  const ill = httpTest({
    world: { database: { ...fakeDatabase({}), query: () => Promise.reject(new Error('down')) } },
  });
  assert.deepEqual(await (await ill.app.request('/healthz')).json(), { status: 'ok' });
  const refused = await ill.app.request('/readyz');
  assert.equal(refused.status, 503);
  assert.match(JSON.stringify(await refused.json()), /not reachable/);
  const behind = await httpTest({ world: { database: fakeDatabase({ migrations: [] }) } }).app.request('/readyz');
  assert.deepEqual([behind.status, Object((await bodyOfAnswer(behind))['checks'])['migrations']], [503, 'pending']);
  const well = httpTest();
  assert.deepEqual(await (await well.app.request('/readyz')).json(), {
    status: 'ready',
    checks: { process: 'ok', database: 'ok', migrations: 'ok' },
    warnings: { providers: 'ok' },
  });
  well.closing.abort();
  assert.equal((await well.app.request('/readyz')).status, 503);
});

test('readyz names a provider whose every key is refused, without what it said, and stays ready', async () => {
  const card = (id: string, provider: string, state: KeyCard['state'], teamId: string | null = null): KeyCard => ({
    id,
    provider,
    teamId,
    state,
    label: 'main',
    last4: '9876',
    source: 'store',
    maxInFlight: 4,
    createdAt: 1,
    since: 1,
    text: 'secret words of the provider',
  });
  const cards = [
    card('1', 'bfl', 'unauthorized'),
    card('2', 'bfl', 'quota'),
    card('3', 'fal', 'quota'),
    card('4', 'fal', 'paused'),
    // A team's own key alerts nobody.
    card('5', 'replicate', 'unauthorized', 'team'),
    card('6', 'together', 'ok', 'team'),
    card('7', 'together', 'unauthorized'),
  ];
  const providers = { ...noProviders, keys: { ...noProviders.keys, cards: () => cards } };
  const answer = await httpTest({ world: { providers } }).app.request('/readyz');
  const text = await answer.text();
  assert.equal(answer.status, 200);
  assert.deepEqual(JSON.parse(text).warnings, {
    providers: 'bfl: every key is refused or out of money; together: every key is refused or out of money',
  });
  assert.doesNotMatch(text, /9876|secret/);
});

test('readyz gives a store that does not answer two seconds', async () => {
  const http = httpTest({ world: { database: { ...fakeDatabase({}), query: () => new Promise(() => {}) } } });
  const answering = http.app.request('/readyz');
  await new Promise((resolve) => setImmediate(resolve));
  http.clock.advance(2_000);
  assert.equal((await answering).status, 503);
});

test('metrics are Prometheus text', async () => {
  const answer = await httpTest().app.request('/metrics');
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.equal(await answer.text(), '# figures\n');
});

test('the front page may use its own style and nothing else', async () => {
  const answer = await httpTest().app.request('/');
  const page = await answer.text();
  const style = /<style>([^]*)<\/style>/.exec(page)?.[1] ?? '';
  const policy = answer.headers.get('content-security-policy') ?? '';
  assert.ok(policy.includes(`'sha256-${createHash('sha256').update(style).digest('base64')}'`));
  assert.match(policy, /^default-src 'none'/);
  assert.ok(page.includes(`curl ${PUBLIC_URL}/v2/images/generate`));
  assert.doesNotMatch(page, /<script|\sstyle=|src=/);
});

test('a callback reaches the engine with its body, and an unknown one is 404', async () => {
  const seen: unknown[] = [];
  const { app } = httpTest({
    jobs: {
      receiveCallback: async (callback) => (seen.push(callback), callback.token === 'good' ? 'accepted' : 'unknown'),
    },
  });
  const send = (path: string, body: string): Promise<Response> =>
    Promise.resolve(app.request(path, { method: 'POST', body, headers: { 'x-signature': 's' } }));
  const path = `/callbacks/sandbox/${JOB_ID.toUpperCase()}`;
  assert.equal((await send(`${path}/good`, '{"id":1}')).status, 200);
  const [callback] = seen as [
    { provider: string; attemptId: string; delivery: { body: string; headers: Record<string, string> } },
  ];
  assert.deepEqual([callback.provider, callback.attemptId, callback.delivery.body], ['sandbox', JOB_ID, '{"id":1}']);
  assert.equal(callback.delivery.headers['x-signature'], 's');
  assert.deepEqual(await (await send(`${path}/bad`, '')).json(), { error: 'Not found' });
  assert.equal((await send('/callbacks/sandbox/x/good', '')).status, 404);
  assert.equal((await send(`${path}/good`, 'x'.repeat(1024 * 1024 + 1))).status, 400);
  assert.equal(seen.length, 2);
});
