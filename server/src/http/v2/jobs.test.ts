import { microUsd } from '../../core/money.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GatewayError } from '../../core/errors.ts';
import { bodyOfAnswer, httpTest, JOB_ID, jobRecord, KEY } from '../http-test-kit.ts';
import type { JobMessage } from '../jobs-port.ts';
import { jobSchema } from '../schemas.ts';
import { STREAMS_PER_KEY_MAX } from './job-events.ts';
import { decodeCursor, encodeCursor } from './list-jobs.ts';

const FOREIGN_ID = '019aa000-0000-7000-8000-0000000000ff';

test('a job is shown field by field, with instants in ISO 8601', async () => {
  const { get, jobs } = httpTest();
  jobs.job = jobRecord({
    status: 'COMPLETED',
    progress: 100,
    result: { images: ['https://x/1'] },
    completedAt: 1_760_000_001_000,
    provider: 'sandbox',
    sandbox: true,
  });
  const answer = await get(`/v2/jobs/${JOB_ID.toUpperCase()}`);
  const body = await bodyOfAnswer(answer);
  assert.ok(jobSchema.strict().parse(body));
  assert.equal(body['completedAt'], '2025-10-09T08:53:21.000Z');
  assert.deepEqual([body['provider'], body['sandbox'], body['expired']], ['sandbox', true, false]);
  assert.equal(body['cancelRequested'], false);
});

test('an id that is no UUID is 400; a foreign and a missing job are the same 404', async () => {
  const { get } = httpTest();
  for (const path of ['', '/events', '/timeline']) {
    const wrong = await get(`/v2/jobs/not-a-uuid${path}`);
    assert.deepEqual([wrong.status, await wrong.json()], [400, { error: 'Invalid job id: expected a UUID' }]);
    const missing = await get(`/v2/jobs/${FOREIGN_ID}${path}`);
    assert.deepEqual([missing.status, await missing.json()], [404, { error: 'Job not found' }]);
  }
});

test('a wait asks for the end once, and not at all for a job that has ended', async () => {
  const waits: number[] = [];
  const { get, jobs } = httpTest({
    jobs: {
      waitForJob: async (_caller, _id, { ms }) => (
        waits.push(ms),
        jobRecord({ status: 'FAILED', completedAt: 1, error: 'x', creditCost: 0 })
      ),
    },
  });
  assert.equal((await bodyOfAnswer(await get(`/v2/jobs/${JOB_ID}?wait=60`)))['status'], 'FAILED');
  assert.deepEqual(waits, [60_000]);
  jobs.job = jobRecord({ status: 'COMPLETED', completedAt: 1 });
  await get(`/v2/jobs/${JOB_ID}?wait=5`);
  assert.equal(waits.length, 1);
  for (const wait of ['0', '61', '1.5', 'x', '', '-1']) {
    const answer = await get(`/v2/jobs/${JOB_ID}?wait=${wait}`);
    assert.equal(answer.status, 400);
    assert.deepEqual(Object.keys(Object((await bodyOfAnswer(answer))['details'])), ['wait']);
  }
});

test('a wait ends when the process drains', async () => {
  const http = httpTest({
    jobs: {
      waitForJob: (_caller, _id, { signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(jobRecord()), { once: true })),
    },
  });
  const answering = http.get(`/v2/jobs/${JOB_ID}?wait=60`);
  await new Promise((resolve) => setImmediate(resolve));
  http.closing.abort();
  assert.equal((await answering).status, 200);
});

test('a list hands the query on and answers a page', async () => {
  const cursor = { createdAt: 1_760_000_000_000, id: JOB_ID };
  const asked: unknown[] = [];
  const { get } = httpTest({
    jobs: {
      listJobs: async (_caller, query) => (
        asked.push(query),
        { jobs: [jobRecord()], nextCursor: cursor, models: ['flux-1.1-pro'] }
      ),
    },
  });
  const path = `/v2/jobs?status=QUEUED&model=m&limit=7&search=${JOB_ID.toUpperCase()}&include_models=true&cursor=${encodeCursor(cursor)}`;
  const body = await bodyOfAnswer(await get(path));
  assert.deepEqual(asked, [
    { status: 'QUEUED', model: 'm', limit: 7, cursor, scope: 'user', search: JOB_ID, includeModels: true },
  ]);
  assert.equal(body['hasMore'], true);
  assert.deepEqual(decodeCursor(String(body['nextCursor'])), cursor);
  assert.deepEqual(body['models'], ['flux-1.1-pro']);
  assert.equal(JSON.stringify(body['jobs']).includes('"input"'), false);
});

test('each wrong part of a list query is named', async () => {
  const { get } = httpTest();
  for (const [name, value] of [
    ['status', 'DONE'],
    ['limit', '0'],
    ['limit', '101'],
    ['limit', 'x'],
    ['scope', 'all'],
    ['search', 'x'],
    ['include_models', '1'],
  ]) {
    const answer = await get(`/v2/jobs?${name}=${value}`);
    assert.equal(answer.status, 400, `${name}=${value}`);
    assert.deepEqual(Object.keys(Object((await bodyOfAnswer(answer))['details'])), [name]);
  }
  const bad = [
    'x',
    '',
    '%00',
    Buffer.from('{}').toString('base64url'),
    Buffer.from('[1]').toString('base64url'),
    'e'.repeat(300),
    Buffer.from(`{"createdAt":"1","id":"${JOB_ID}"}`).toString('base64url'),
    Buffer.from('{"createdAt":1,"id":"x"}').toString('base64url'),
  ];
  for (const cursor of bad) assert.equal((await get(`/v2/jobs?cursor=${cursor}`)).status, 400, cursor);
});

test('a cancel answers the job, or why not', async () => {
  const { post } = httpTest({
    jobs: { cancelJob: async () => jobRecord({ status: 'CANCELLED', completedAt: 1, creditCost: 0 }) },
  });
  const answer = await post(`/v2/jobs/${JOB_ID}/cancel`, '');
  assert.deepEqual([answer.status, (await bodyOfAnswer(answer))['status']], [200, 'CANCELLED']);
  const refuse = async (): Promise<never> => {
    throw new GatewayError('job_already_final');
  };
  const refused = await httpTest({ jobs: { cancelJob: refuse } }).post(`/v2/jobs/${JOB_ID}/cancel`, '');
  assert.deepEqual([refused.status, await refused.json()], [409, { error: 'The job has already ended' }]);
});

test('a timeline writes instants as text, and shows of an attempt what callers may know', async () => {
  const shown = {
    number: 1,
    provider: 'sandbox',
    upstreamModel: 'm',
    state: 'ACCEPTED',
    failureKind: null,
    seed: 7,
    acceptedAt: null,
    closedAt: null,
    adjustments: [{ parameter: 'raw', asked: true, applied: null, reason: 'none' }],
  } as const;
  // The engine hands over more than the port says.
  const attempt = {
    ...shown,
    adjustments: [...shown.adjustments],
    intentAt: 1000,
    callbackToken: 'secret',
    costMicroUsd: microUsd(40_000),
    reference: { id: 'r' },
  };
  const { get } = httpTest({
    jobs: {
      findTimeline: async () => ({
        events: [{ sequence: 1, kind: 'accepted', at: 0, data: { credits: 5 } }],
        attempts: [attempt],
      }),
    },
  });
  assert.deepEqual(await (await get(`/v2/jobs/${JOB_ID}/timeline`)).json(), {
    jobId: JOB_ID,
    events: [{ sequence: 1, kind: 'accepted', at: '1970-01-01T00:00:00.000Z', data: { credits: 5 } }],
    attempts: [{ ...shown, intentAt: '1970-01-01T00:00:01.000Z' }],
  });
});

const MESSAGES: JobMessage[] = [
  { type: 'timeline', id: 1, data: { kind: 'accepted', at: 0 } },
  { type: 'progress', id: 2, data: { progress: 50 } },
  { type: 'state', id: 3, data: { status: 'COMPLETED' } },
];

/** Like the engine: the steps after the last one seen, and the state in any case. */
async function* all(afterSequence: number): AsyncGenerator<JobMessage> {
  for (const message of MESSAGES) if (message.id > afterSequence || message.type === 'state') yield message;
}

/** Never says anything and ends when it is told to. */
async function* silence(signal: AbortSignal): AsyncGenerator<JobMessage> {
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  yield* [];
}

test('events come with ids and names, and the stream closes after the last', async () => {
  const { get } = httpTest({ jobs: { watchJob: async (_caller, _id, { afterSequence }) => all(afterSequence) } });
  const answer = await get(`/v2/jobs/${JOB_ID}/events`);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream/);
  assert.equal(
    await answer.text(),
    'retry: 2000\n\nid: 1\nevent: timeline\ndata: {"kind":"accepted","at":"1970-01-01T00:00:00.000Z"}\n\nid: 2\nevent: progress\ndata: {"progress":50}\n\n' +
      'id: 3\nevent: state\ndata: {"status":"COMPLETED"}\n\n',
  );
});

test('Last-Event-ID leaves out what was seen, and 204 tells a browser that nothing will come', async () => {
  const { get, jobs } = httpTest({ jobs: { watchJob: async (_caller, _id, { afterSequence }) => all(afterSequence) } });
  const ask = (id: string): Promise<Response> => get(`/v2/jobs/${JOB_ID}/events`, { 'last-event-id': id });
  assert.match(await (await ask('2')).text(), /^retry: 2000\n\nid: 3\n/);
  jobs.job = jobRecord({ status: 'COMPLETED', completedAt: 1 });
  assert.match(await (await ask('2')).text(), /^retry: 2000\n\nid: 3\n/);
  assert.equal((await ask('3')).status, 204);
  assert.equal((await ask('x')).status, 400);
});

test('a silent stream beats, and ends when the process drains', async () => {
  const http = httpTest({ jobs: { watchJob: async (_caller, _id, { signal }) => silence(signal) } });
  const answer = await http.get(`/v2/jobs/${JOB_ID}/events`);
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader?.read())?.value, 'retry: 2000\n\n');
  http.clock.advance(15_000);
  assert.equal((await reader?.read())?.value, ': still here\n\n');
  http.closing.abort();
  assert.equal((await reader?.read())?.done, true);
});

test('the streams of one key are bounded, and a reader who leaves makes room', async () => {
  const { get, app } = httpTest({ jobs: { watchJob: async (_caller, _id, { signal }) => silence(signal) } });
  const open: Response[] = [];
  for (let count = 0; count < STREAMS_PER_KEY_MAX; count += 1) open.push(await get(`/v2/jobs/${JOB_ID}/events`));
  const refused = await get(`/v2/jobs/${JOB_ID}/events`);
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '5']);
  await open[0]?.body?.cancel();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await get(`/v2/jobs/${JOB_ID}/events`)).status, 200);
  const head = await app.request(`/v2/jobs/${JOB_ID}/events`, { method: 'HEAD', headers: { 'x-api-key': KEY } });
  assert.equal(head.status, 200);
});
