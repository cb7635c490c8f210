import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GatewayError } from '../../core/errors.ts';
import { bodyOfAnswer, httpTest, JOB_ID, PUBLIC_URL, type HttpTest } from '../http-test-kit.ts';

const BODY = { model: 'flux-1.1-pro', prompt: 'a lighthouse' };

async function refusal(
  http: HttpTest,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; error: unknown; details: unknown }> {
  const answer = await http.post('/v2/images/generate', body, headers);
  const { error, details } = await bodyOfAnswer(answer);
  assert.equal(http.jobs.submitted.length, 0, 'a refused request reached the engine');
  return { status: answer.status, error, details };
}

test('a submit answers 202 with the job, past both crash points', async () => {
  const http = httpTest();
  const answer = await http.post('/v2/images/generate', {
    ...BODY,
    webhookUrl: 'https://example.com/hook?x=1',
    fluxParams: { seed: 7 },
  });
  assert.equal(answer.status, 202);
  assert.deepEqual(await answer.json(), { jobId: JOB_ID, status: 'QUEUED' });
  assert.equal(answer.headers.get('idempotent-replayed'), null);
  assert.deepEqual(http.crashPoints, ['C1', 'C6']);
  const [submitted] = http.jobs.submitted;
  assert.equal(submitted?.operation, 'images/generate');
  assert.equal(submitted?.model.id, 'flux-1.1-pro');
  assert.deepEqual(submitted?.body['fluxParams'], { seed: 7 });
  assert.deepEqual(submitted?.webhook, { url: 'https://example.com/hook?x=1', events: ['completed', 'failed'] });
  assert.equal(submitted?.idempotency, null);
});

test('webhook_url is taken as well, and events as asked', async () => {
  const http = httpTest();
  await http.post('/v2/images/generate', { ...BODY, webhook_url: 'https://example.com/', webhookEvents: ['progress'] });
  assert.deepEqual(http.jobs.submitted[0]?.webhook, { url: 'https://example.com/', events: ['progress'] });
});

test('an unknown model is refused with the nearest one', async () => {
  const http = httpTest();
  const text = "Unknown model 'flux-1-1-pro'. Did you mean 'flux-1.1-pro'?";
  assert.deepEqual(await refusal(http, { ...BODY, model: 'flux-1-1-pro' }), {
    status: 400,
    error: `Validation error: model: ${text}`,
    details: { model: [text] },
  });
  assert.deepEqual((await refusal(http, { prompt: 'x' })).details, {
    model: ['Invalid input: expected string, received undefined'],
  });
  assert.equal((await refusal(http, { model: { a: 1 } })).status, 400);
  assert.equal((await refusal(http, { model: '__proto__', prompt: 'x' })).status, 400);
});

test('a model of another operation names where to go', async () => {
  const { error } = await refusal(httpTest(), { model: 'flux-fill-pro' });
  assert.match(String(error), /POST \/v2\/images\/edit/);
});

test('each wrong field is named', async () => {
  const { error, details } = await refusal(httpTest(), {
    model: 'flux-1.1-pro',
    prompt: 5,
    fluxParams: { seed: 'x' },
    size: 1,
  });
  assert.match(String(error), /^Validation error: \S+: /);
  assert.deepEqual(Object.keys(Object(details)).toSorted(), ['fluxParams.seed', 'prompt', 'size']);
});

test('a forbidden URL is refused with its path and what would be right', async () => {
  const http = httpTest();
  const { status, error, details } = await refusal(http, {
    ...BODY,
    fluxParams: { image_prompt: 'http://evil/a.png' },
    webhookUrl: 'https://evil/',
  });
  assert.equal(status, 400);
  assert.match(String(error), /^Validation error: fluxParams\.image_prompt: /);
  assert.deepEqual(Object.keys(Object(details)), ['fluxParams.image_prompt', 'webhookUrl']);
  assert.match(JSON.stringify(details), /POST \/v2\/uploads/);
});

test('our own files may be inputs, and nothing else on our address', async () => {
  const checked: string[] = [];
  const http = httpTest({
    world: { net: { checkUrl: async (url) => (checked.push(url), { reason: 'address-forbidden', detail: 'No.' }) } },
  });
  const submit = async (body: Record<string, unknown>): Promise<number> =>
    (await http.post('/v2/images/generate', { ...BODY, ...body })).status;
  const imagePrompt = (url: string): Record<string, unknown> => ({ fluxParams: { image_prompt: url } });
  assert.equal(await submit(imagePrompt(`${PUBLIC_URL}/media/token/upload.png`)), 202);
  assert.equal(await submit(imagePrompt(`${PUBLIC_URL}/media/../v2/me`)), 400);
  assert.equal(await submit(imagePrompt(`${PUBLIC_URL}/metrics`)), 400);
  assert.equal(await submit(imagePrompt('http://127.0.0.1:3000@evil/media/x')), 400);
  assert.equal(await submit(imagePrompt('http://127.0.0.1:30001/media/x')), 400);
  assert.equal(await submit({ webhookUrl: `${PUBLIC_URL}/media/token/upload.png` }), 400);
  assert.equal(checked.length, 5);
});

test('an idempotency key goes to the engine with the fingerprint of the body', async () => {
  const http = httpTest();
  const send = (body: string, key: string): Promise<Response> =>
    http.post('/v2/images/generate', body, { 'idempotency-key': key });
  await send('{"model":"flux-1.1-pro","prompt":"x"}', 'k1');
  await send('{ "prompt": "x", "model": "flux-1.1-pro" }', 'k1');
  await send('{"model":"flux-1.1-pro","prompt":"y"}', 'k1');
  const [first, second, third] = http.jobs.submitted.map(({ idempotency }) => idempotency);
  assert.equal(first?.key, 'k1');
  assert.match(first?.fingerprint ?? '', /^[0-9a-f]{64}$/);
  assert.equal(second?.fingerprint, first?.fingerprint);
  assert.notEqual(third?.fingerprint, first?.fingerprint);
});

test('an idempotency key of the wrong form is refused', async () => {
  const http = httpTest();
  for (const key of ['', 'x'.repeat(256), 'a b', 'ü']) {
    const { status, error } = await refusal(http, BODY, { 'idempotency-key': key });
    assert.equal(status, 400);
    assert.match(String(error), /1 to 255/);
  }
  assert.equal((await http.post('/v2/images/generate', BODY, { 'idempotency-key': 'x'.repeat(255) })).status, 202);
});

test('a replay says so, and a cancelled job is told in a word that the contract has', async () => {
  const http = httpTest({ jobs: { submitJob: async () => ({ jobId: JOB_ID, status: 'CANCELLED', replayed: true }) } });
  const answer = await http.post('/v2/images/generate', BODY, { 'idempotency-key': 'k' });
  assert.equal(answer.status, 202);
  assert.equal(answer.headers.get('idempotent-replayed'), 'true');
  assert.deepEqual(await answer.json(), { jobId: JOB_ID, status: 'QUEUED' });
});

test('402 carries both numbers', async () => {
  const refuse = async (): Promise<never> => {
    throw new GatewayError('credits_insufficient', { credits: { required: 5, available: 3 } });
  };
  const answer = await httpTest({ jobs: { submitJob: refuse } }).post('/v2/images/generate', BODY);
  assert.equal(answer.status, 402);
  assert.deepEqual(await answer.json(), { error: 'Insufficient credits', creditsRequired: 5, creditsAvailable: 3 });
});

test('an edit goes its own way', async () => {
  const http = httpTest();
  const block = { prompt: 'sky', image: 'https://example.com/a.png', mode: 'outpaint', outpaint: 'Zoom out 2x' };
  assert.equal((await http.post('/v2/images/edit', { model: 'flux-fill-pro', fluxFillParams: block })).status, 202);
  assert.equal(http.jobs.submitted[0]?.operation, 'images/edit');
  assert.equal((await http.post('/v2/images/edit', BODY)).status, 400);
});

test('an estimate finds the operation by the model and submits nothing', async () => {
  const http = httpTest();
  const answer = await http.post('/v2/estimate', BODY);
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), {
    model: 'flux-1.1-pro',
    credits: 5,
    creditsAvailable: 995,
    secondsExpected: null,
    ignored: [],
    adjustments: [],
    provider: 'sandbox',
    sandbox: true,
  });
  assert.equal(http.jobs.submitted.length, 0);
  assert.equal((await http.post('/v2/estimate', { model: 'nothing-like-it', prompt: 'x' })).status, 400);
});
