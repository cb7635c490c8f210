import assert from 'node:assert/strict';
import { test } from 'node:test';

import { z } from 'zod';

import { FAULT_NAMES, type Fault } from './fault.ts';
import {
  BUYS_NOTHING,
  isJson,
  jsonOf,
  lost,
  playDouble,
  refusal,
  silent,
  wholeText,
  type Check,
  type Heard,
  type PlayedDouble,
} from './local-double-test-kit.ts';
import { readPicture } from './read-picture.ts';
import { double as sdServerDouble } from './sd-server.ts';

const body = { prompt: 'a lighthouse', width: 512, height: 256, seed: 7 };
const DURATION_MS = 10_000;

const jobShape = z.looseObject({
  id: z.string().nullable(),
  status: z.string(),
  created: z.int(),
  started: z.int().nullable(),
  completed: z.int().nullable(),
  result: z.object({ images: z.array(z.object({ index: z.int(), b64_json: z.string() })) }).nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
type Job = z.infer<typeof jobShape>;

function generate(played: PlayedDouble, request: unknown = body, stepMs?: number): Promise<Heard> {
  return played.send('POST', '/sdcpp/v1/img_gen', { body: request, ...(stepMs === undefined ? {} : { stepMs }) });
}

async function started(played: PlayedDouble, request: unknown = body): Promise<string> {
  const told = z.object({ id: z.string(), poll_url: z.string() }).parse(jsonOf(await generate(played, request), 202));
  assert.equal(told.poll_url, `/sdcpp/v1/jobs/${told.id}`);
  return told.id;
}

function look(played: PlayedDouble, id = 'job_00000001'): Promise<Heard> {
  return played.send('GET', `/sdcpp/v1/jobs/${id}`);
}

async function jobOf(played: PlayedDouble, id?: string): Promise<Job> {
  return jobShape.parse(jsonOf(await look(played, id), 200));
}

function picturesIn(job: Job): Buffer[] {
  return (job.result?.images ?? []).map(({ b64_json: base64 }) => Buffer.from(base64, 'base64'));
}

test('a job is queued, generates and completes with the picture inside', async (t) => {
  const played = await playDouble(t, sdServerDouble);
  const id = await started(played, { ...body, batch_count: 2 });
  assert.partialDeepStrictEqual(await jobOf(played, id), { id, status: 'queued', started: null, result: null });
  played.clock.advance(DURATION_MS / 2);
  assert.partialDeepStrictEqual(await jobOf(played, id), { status: 'generating', completed: null, result: null });
  played.clock.advance(DURATION_MS / 2);
  const job = await jobOf(played, id);
  assert.partialDeepStrictEqual(job, { status: 'completed', created: Date.UTC(2026, 10, 22) / 1_000, error: null });
  const head = { format: 'png', width: 512, height: 256 };
  assert.deepEqual(picturesIn(job).map(readPicture), [head, head]);
});

test('ids begin at 1 with every start, so that an old id names another job', async (t) => {
  for (const prompt of ['first', 'second']) {
    const played = await playDouble(t, sdServerDouble);
    assert.equal(await started(played, { ...body, prompt }), 'job_00000001');
    assert.equal(await started(played), 'job_00000002');
    assert.equal((await played.double.ledger())[0]?.prompt, prompt);
  }
});

test('a tag left in the prompt makes a picture of another size', async (t) => {
  const played = await playDouble(t, sdServerDouble, { durationMs: 0 });
  const prompt = 'a <sd_cpp_extra_args>{"width":64,"height":128}</sd_cpp_extra_args>lighthouse';
  const id = await started(played, { ...body, prompt });
  assert.deepEqual(picturesIn(await jobOf(played, id)).map(readPicture), [{ format: 'png', width: 64, height: 128 }]);
});

test('an ended job is gone after ten minutes', async (t) => {
  const played = await playDouble(t, sdServerDouble);
  const id = await started(played);
  played.clock.advance(DURATION_MS + 600_000);
  await jobOf(played, id);
  played.clock.advance(1);
  assert.deepEqual(jsonOf(await look(played, id), 410), { error: 'job expired' });
  assert.deepEqual(jsonOf(await played.send('POST', `/sdcpp/v1/jobs/${id}/cancel`), 410), { error: 'job expired' });
});

test('only a job that waits can be cancelled', async (t) => {
  const played = await playDouble(t, sdServerDouble);
  const cancel = (id: string): Promise<Heard> => played.send('POST', `/sdcpp/v1/jobs/${id}/cancel`);
  const [waiting, running] = [await started(played), await started(played)];
  assert.partialDeepStrictEqual(jsonOf(await cancel(waiting), 200), {
    status: 'cancelled',
    error: { code: 'cancelled' },
  });
  played.clock.advance(DURATION_MS / 2);
  jsonOf(await cancel(running), 409);
  played.clock.advance(DURATION_MS);
  assert.partialDeepStrictEqual(jsonOf(await cancel(running), 200), { status: 'completed' });
  assert.equal((await jobOf(played, waiting)).status, 'cancelled');
  assert.deepEqual(jsonOf(await cancel('job_00000099'), 404), { error: 'job not found' });
});

test('the queue is full at 64 jobs and takes more when one ends', async (t) => {
  const played = await playDouble(t, sdServerDouble);
  for (let count = 0; count < 64; count += 1) await started(played);
  const refused = await generate(played);
  assert.deepEqual(jsonOf(refused, 429), { error: 'job queue is full' });
  assert.equal(refused.kind === 'answer' && refused.headers.get('retry-after'), null);
  played.clock.advance(DURATION_MS);
  await started(played);
  assert.equal((await played.double.ledger()).length, 65);
});

test('refusals have the server’s form and buy nothing', async (t) => {
  const played = await playDouble(t, sdServerDouble);
  const invalid = { error: 'invalid generation parameters' };
  const cases: [Promise<Heard>, number, object][] = [
    [generate(played, ''), 400, { error: 'empty body' }],
    [generate(played, '{"prompt":'), 400, { error: 'invalid json' }],
    [generate(played, { ...body, width: 1000 }), 400, invalid],
    [generate(played, { ...body, output_quality: 80 }), 400, { ...invalid, message: 'unknown field output_quality' }],
    [look(played, 'job_00000001'), 404, { error: 'job not found' }],
    [played.send('POST', '/sdcpp/v1/vid_gen', { body }), 404, { error: 'not found' }],
  ];
  for (const [heard, status, error] of cases) assert.partialDeepStrictEqual(jsonOf(await heard, status), error);
  assert.deepEqual(await played.double.ledger(), []);
});

test('the capabilities tell the limits that the double keeps', async (t) => {
  const played = await playDouble(t, sdServerDouble);
  const told = jsonOf(await played.send('GET', '/sdcpp/v1/capabilities'), 200);
  assert.partialDeepStrictEqual(told, { limits: { min_width: 64, max_width: 2048, max_queue_size: 64 } });
});

test('the ledger has what was bought, once each', async (t) => {
  const played = await playDouble(t, sdServerDouble);
  await started(played);
  await started(played);
  const [first, second] = await played.double.ledger();
  const expected = { provider: 'sd-server', id: 'job_00000001', model: 'sd-cpp-local', prompt: body.prompt, seed: 7 };
  assert.partialDeepStrictEqual(first, { ...expected, costMicroUsd: 0, fault: null });
  assert.equal(first?.requestHash, second?.requestHash);
  assert.equal(second?.id, 'job_00000002');
});

/** Nothing is called back or linked, no progress is told and nothing costs. */
const DOES_NOT_APPLY: readonly Fault[] = [
  ...(['p15-callback-5x', 'p16-callback-before-answer', 'p18-forged-callback', 'p17-progress-falls'] as const),
  ...(['p8-cut', 'p10-2gb', 'p20-drip', 'p21-dns', 'p21-tls', 'p19-cost-high'] as const),
  ...(['p11-404', 'p11-403', 'p11-expired', 'p11-redirect-loopback'] as const),
];

/** The first three looks are spoiled, the fourth is not. */
const looks = (check: Check): Check => {
  return async (heard, played) => {
    jsonOf(heard, 202);
    for (let count = 0; count < 3; count += 1) await check(await look(played), played);
    await jobOf(played);
  };
};
const job = (check: (job: Job) => unknown): Check => {
  return async (heard, played) => {
    jsonOf(heard, 202);
    played.clock.advance(DURATION_MS);
    const ended = await jobOf(played);
    assert.ok(check(ended), JSON.stringify(ended).slice(0, 300));
  };
};
const bytes = (check: (bytes: Buffer) => unknown): Check => job((ended) => picturesIn(ended).some(check));

const CHECKS: Partial<Record<Fault, { check: Check; stepMs?: number }>> = {
  'p1-timeout-before-accept': { check: silent, stepMs: 10_000 },
  'p1-timeout-after-accept': { check: silent, stepMs: 10_000 },
  'p2-reset-before': { check: lost },
  'p2-reset-after': {
    check: async (heard, played) => {
      await lost(heard, played);
      assert.equal((await jobOf(played)).status, 'queued');
    },
  },
  'p2-reset-polls': { check: looks(lost) },
  'p3-429-seconds': { check: refusal(429, /^2$/) },
  'p3-429-date': { check: refusal(429, / GMT$/) },
  'p3-429-none': { check: refusal(429) },
  'p3-429-huge': { check: refusal(429, /^1000000000$/) },
  'p3-429-polls': { check: looks(refusal(429, /^1$/)) },
  'p4-5xx-before': { check: refusal(503) },
  'p4-5xx-after': { check: refusal(502) },
  'p4-5xx-polls': { check: looks(refusal(500)) },
  'p5-malformed': {
    check: (heard) => assert.ok(heard.kind === 'answer' && heard.status === 202 && !isJson(heard.text)),
  },
  'p5-html': { check: wholeText((sent) => sent.startsWith('<!doctype html>')) },
  'p5-empty': { check: wholeText((sent) => sent === '') },
  'p5-huge': { check: wholeText((sent) => sent.length > 10_000_000) },
  'p5-malformed-polls': { check: looks(wholeText((sent) => sent !== '' && !isJson(sent))) },
  'p6-shape': { check: wholeText((sent) => isJson(sent) && !sent.includes('poll_url')) },
  'p6-status': {
    check: async (_, played) => {
      played.clock.advance(DURATION_MS / 2);
      assert.equal((await jobOf(played)).status, 'defragmenting');
      played.clock.advance(DURATION_MS / 2);
      assert.equal((await jobOf(played)).status, 'completed');
    },
  },
  'p6-null-id': { check: (heard) => assert.partialDeepStrictEqual(jsonOf(heard, 202), { id: null }) },
  'p6-same-id': {
    check: async (heard, played) => {
      const again = await generate(played, { ...body, prompt: 'another' });
      assert.deepEqual(jsonOf(again, 202), jsonOf(heard, 202));
      const ids = (await played.double.ledger()).map(({ id, prompt }) => `${id} ${prompt}`);
      assert.deepEqual(ids, ['job_00000001 a lighthouse', 'job_00000001 another']);
    },
  },
  'p7-never': {
    check: async (_, played) => {
      played.clock.advance(86_400_000);
      assert.equal((await jobOf(played)).status, 'generating');
    },
  },
  'p8-truncated': { check: bytes((file) => readPicture(file)?.width === 512 && !file.includes('IEND')) },
  'p9-gzip': { check: bytes((file) => file[0] === 0x1f && file[1] === 0x8b) },
  'p9-wrong-type': { check: bytes((file) => file.toString().startsWith('<!doctype html>')) },
  'p10-empty': { check: bytes((file) => file.length === 0) },
  'p12-fewer': { check: job((ended) => ended.status === 'completed' && ended.result?.images.length === 0) },
  'p12-more': { check: job((ended) => ended.result?.images.length === 2) },
  'p13-bomb': { check: bytes((file) => readPicture(file)?.width === 30_000) },
  'p14-late-refusal': { check: job((ended) => ended.status === 'failed' && ended.result === null) },
  'p17-failed-after-success': {
    check: async (_, played) => {
      played.clock.advance(DURATION_MS);
      assert.equal((await jobOf(played)).status, 'completed');
      assert.equal((await jobOf(played)).status, 'failed');
    },
  },
  'p20-drip-answer': {
    stepMs: 1_000,
    check: (heard) => assert.ok(heard.kind === 'answer' && heard.afterMs >= (heard.body.length - 1) * 1_000),
  },
  'p22-clock': { check: job((ended) => ended.created === Date.UTC(2026, 10, 22, 1) / 1_000) },
  'p23-402': { check: refusal(402) },
  'not-found-at-first': {
    check: async (_, played) => {
      jsonOf(await look(played), 404);
      played.clock.advance(1_000);
      await jobOf(played);
    },
  },
  failed: { check: job((ended) => ended.status === 'failed' && ended.error?.code === 'generation_failed') },
  '60s-answers': { stepMs: 5_000, check: (heard) => assert.ok(jsonOf(heard, 202) && heard.afterMs >= 60_000) },
  'lost-answers-all': {
    check: async (heard, played) => {
      await lost(heard, played);
      await lost(await look(played), played);
    },
  },
  '401-key': { check: refusal(401) },
};

for (const fault of FAULT_NAMES.filter((name) => !DOES_NOT_APPLY.includes(name))) {
  test(`plays ${fault}`, async (t) => {
    const played = await playDouble(t, sdServerDouble, { fault, durationMs: DURATION_MS });
    const { check, stepMs } = CHECKS[fault] ?? { check: () => assert.fail('nothing checks it') };
    const heard = await generate(played, body, stepMs);
    const ledger = await played.double.ledger();
    assert.deepEqual(
      ledger.map((purchase) => purchase.fault),
      BUYS_NOTHING.includes(fault) ? [] : [fault],
    );
    await check(heard, played);
  });
}
