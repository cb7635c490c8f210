import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ADMIN_KEY, bodyOfAnswer, httpTest, INACTIVE_KEY, JOB_ID, KEY } from '../http-test-kit.ts';
import { StoreUnavailable } from '../../database/database.ts';

const BODY = { model: 'flux-1.1-pro', prompt: 'a lighthouse' };

test('every answer carries a request id, and keeps a sane one of the caller', async () => {
  const { get } = httpTest();
  const own = await get('/healthz', { 'x-request-id': 'trace-1:2.3' });
  assert.equal(own.headers.get('x-request-id'), 'trace-1:2.3');
  for (const bad of ['a b', '-x', 'x'.repeat(200), '"']) {
    const answer = await get('/healthz', { 'x-request-id': bad });
    assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
  }
  assert.ok((await get('/nowhere')).headers.get('x-request-id'));
});

test('the key is taken from X-API-Key only, with the texts of the contract', async () => {
  const { app } = httpTest();
  const ask = async (headers: Record<string, string>): Promise<[number, unknown]> => {
    const answer = await app.request('/v2/me', { headers });
    return [answer.status, await answer.json()];
  };
  assert.deepEqual(await ask({}), [401, { error: 'API key is required' }]);
  assert.deepEqual(await ask({ 'x-api-key': 'afk_nobody' }), [401, { error: 'Invalid API key' }]);
  assert.deepEqual(await ask({ 'x-api-key': 'x'.repeat(300) }), [401, { error: 'Invalid API key' }]);
  assert.deepEqual(await ask({ 'x-api-key': INACTIVE_KEY }), [403, { error: 'API key is inactive' }]);
  const [status, body] = await ask({ authorization: `Bearer ${KEY}` });
  assert.equal(status, 401);
  assert.match(JSON.stringify(body), /X-API-Key header/);
  assert.equal((await ask({ 'x-api-key': KEY }))[0], 200);
});

test('beyond the rate a key is refused before any work, and told when to come back', async () => {
  const { get, post, jobs, clock } = httpTest({
    world: {
      settings: {
        ratePerMinute: 2,
        uploadMs: 1,
        retentionMs: 1,
        teamTrainings: 10,
        roles: new Set(['api', 'worker'] as const),
      },
    },
  });
  assert.equal((await get('/v2/me')).status, 200);
  assert.equal((await get('/v2/me')).status, 200);
  const refused = await post('/v2/images/generate', BODY);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), '30');
  assert.deepEqual(await refused.json(), { error: 'Rate limit exceeded' });
  assert.equal(jobs.submitted.length, 0);
  clock.advance(30_000);
  assert.equal((await post('/v2/images/generate', BODY)).status, 202);
});

test('a body that is not JSON in UTF-8 is refused', async () => {
  const { post, jobs } = httpTest();
  const textOf = async (body: unknown, headers: Record<string, string> = {}): Promise<[number, unknown]> => {
    const answer = await post('/v2/images/generate', body, headers);
    return [answer.status, (await bodyOfAnswer(answer))['error']];
  };
  const wrongType = [400, 'Send the body as application/json'];
  assert.deepEqual(await textOf('{}', { 'content-type': 'text/plain' }), wrongType);
  assert.deepEqual(await textOf('{}', { 'content-type': 'application/json; charset=latin1' }), wrongType);
  assert.equal((await textOf('{}', { 'content-encoding': 'gzip' }))[0], 400);
  assert.deepEqual(await textOf('{'), [400, 'The request body is not valid JSON']);
  assert.deepEqual(await textOf(''), [400, 'The request body is not valid JSON']);
  assert.deepEqual(await textOf(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), [
    400,
    'The request body is not valid UTF-8',
  ]);
  assert.deepEqual(await textOf(`{"a":"${'x'.repeat(1024 * 1024)}"}`), [400, 'The request body is larger than 1 MiB']);
  assert.deepEqual(await textOf('{}', { 'content-length': '2000000' }), [400, 'The request body is larger than 1 MiB']);
  assert.equal(jobs.submitted.length, 0);
});

test('a charset of utf-8 is fine', async () => {
  const { post } = httpTest();
  for (const type of ['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"']) {
    assert.equal((await post('/v2/images/generate', BODY, { 'content-type': type })).status, 202);
  }
});

test('a body that never ends is given up after 30 seconds', async () => {
  const { app, clock } = httpTest();
  const answering = app.request('/v2/estimate', {
    method: 'POST',
    headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
    body: new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{')) }),
    // Safe: the type lacks the field that streams need.
    ...({ duplex: 'half' } as object),
  });
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(30_000);
  const answer = await answering;
  assert.equal(answer.status, 400);
  assert.match(JSON.stringify(await answer.json()), /within 30 seconds/);
});

test('an unknown path is 404 and a wrong method 405 with Allow', async () => {
  const { app, get } = httpTest();
  const missing = await get('/v2/nothing');
  assert.deepEqual([missing.status, await missing.json()], [404, { error: 'Not found' }]);
  const allowed = async (path: string, method: string): Promise<[number, string | null]> => {
    const answer = await app.request(path, { method });
    return [answer.status, answer.headers.get('allow')];
  };
  assert.deepEqual(await allowed('/v2/jobs', 'POST'), [405, 'GET, HEAD']);
  assert.deepEqual(await allowed('/v2/images/generate', 'GET'), [405, 'POST']);
  assert.deepEqual(await allowed(`/v2/jobs/${JOB_ID}`, 'DELETE'), [405, 'GET, HEAD']);
  assert.deepEqual(await allowed('/v2/openapixjson', 'GET'), [404, null]);
});

test('HEAD is answered like GET without a body', async () => {
  const { app } = httpTest();
  const answer = await app.request('/v2/me', { method: 'HEAD', headers: { 'x-api-key': KEY } });
  assert.deepEqual([answer.status, await answer.text()], [200, '']);
});

test('answers say that they are no page and no type to guess', async () => {
  const { headers } = await httpTest().get('/v2/me');
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
});

test('an error nobody foresaw shows nothing of itself, and the log has it under the request id', async () => {
  const { get, lines } = httpTest({ jobs: { findJob: () => Promise.reject(new Error('secret table jobs')) } });
  const answer = await get(`/v2/jobs/${JOB_ID}`, { 'x-request-id': 'r1' });
  assert.deepEqual([answer.status, await answer.json()], [500, { error: 'Internal error' }]);
  assert.equal(lines.find(({ event }) => event === 'http.failed')?.fields['requestId'], 'r1');
});

test('a store that is gone is 503 with Retry-After', async () => {
  const { get } = httpTest({ jobs: { findJob: () => Promise.reject(new StoreUnavailable('disk full')) } });
  const answer = await get(`/v2/jobs/${JOB_ID}`);
  assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '2']);
  assert.deepEqual(await answer.json(), { error: 'Service temporarily unavailable' });
});

test('one line and one count for each request, by pattern and never by path', async () => {
  const { get, lines, counted } = httpTest();
  await get(`/v2/jobs/${JOB_ID}`);
  await get('/scanner/x');
  assert.deepEqual(
    counted.map(({ route, status }) => [route, status]),
    [
      ['/v2/jobs/:id', 200],
      ['(none)', 404],
    ],
  );
  assert.deepEqual(
    lines.map(({ fields }) => [fields['route'], fields['jobId'], fields['refusal']]),
    [
      ['/v2/jobs/:id', JOB_ID, undefined],
      ['(none)', undefined, 'route_not_found'],
    ],
  );
});

test('only admins list the team', async () => {
  const { get } = httpTest();
  const refused = await get('/v2/jobs?scope=team');
  assert.deepEqual([refused.status, await refused.json()], [403, { error: 'Only an admin may use scope=team' }]);
  assert.equal((await get('/v2/jobs?scope=team', { 'x-api-key': ADMIN_KEY })).status, 200);
});
