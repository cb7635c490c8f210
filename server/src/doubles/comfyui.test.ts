import assert from 'node:assert/strict';
import { test } from 'node:test';

import { z } from 'zod';

import { double as comfyuiDouble } from './comfyui.ts';
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

const DURATION_MS = 10_000;
const [ID, OTHER] = ['01890000-0000-7000-8000-000000000001', '01890000-0000-7000-8000-000000000002'];

function workflow(wanted: { text?: string; width?: number; count?: number } = {}): object {
  const { text = 'a lighthouse', width = 512, count = 1 } = wanted;
  const links = { model: ['1', 0], positive: ['2', 0], negative: ['2', 0], latent_image: ['3', 0] };
  return {
    '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'a.safetensors' } },
    '2': { class_type: 'CLIPTextEncode', inputs: { text, clip: ['1', 1] } },
    '3': { class_type: 'EmptySD3LatentImage', inputs: { width, height: 256, batch_size: count } },
    '4': { class_type: 'KSampler', inputs: { seed: 7, steps: 4, ...links } },
    '5': { class_type: 'VAEDecode', inputs: { samples: ['4', 0], vae: ['1', 2] } },
    '6': { class_type: 'SaveImage', inputs: { images: ['5', 0], filename_prefix: 'shelf/lumegate' } },
  };
}

const fileShape = z.strictObject({ filename: z.string(), subfolder: z.string(), type: z.string() });
const runShape = z.looseObject({
  outputs: z.record(z.string(), z.object({ images: z.array(fileShape) })),
  status: z.looseObject({
    status_str: z.string(),
    completed: z.boolean(),
    messages: z.array(z.tuple([z.string(), z.looseObject({})])),
  }),
});
type Run = z.infer<typeof runShape>;
type File = z.infer<typeof fileShape>;

function start(played: PlayedDouble, request: object = {}, stepMs?: number): Promise<Heard> {
  const body = { prompt: workflow(), prompt_id: ID, client_id: 'test', ...request };
  return played.send('POST', '/prompt', { body, ...(stepMs === undefined ? {} : { stepMs }) });
}

function look(played: PlayedDouble, id = ID): Promise<Heard> {
  return played.send('GET', `/history/${id}`);
}

/** The run as the history shows it; null when it does not. */
async function runOf(played: PlayedDouble, id = ID): Promise<Run | null> {
  const told = z.record(z.string(), runShape).parse(jsonOf(await look(played, id), 200));
  return told[id] ?? null;
}

function filesIn(run: Run | null): File[] {
  return Object.values(run?.outputs ?? {}).flatMap(({ images }) => images);
}

function fetchFile(played: PlayedDouble, file: File | undefined, stepMs?: number): Promise<Heard> {
  const query = new URLSearchParams({ ...file });
  return played.send('GET', `/view?${query.toString()}`, stepMs === undefined ? {} : { stepMs });
}

async function queueOf(played: PlayedDouble): Promise<{ running: unknown[]; pending: unknown[] }> {
  const line = z.array(z.tuple([z.number(), z.string()]).rest(z.unknown()));
  const shape = z.object({ queue_running: line, queue_pending: line });
  const told = shape.parse(jsonOf(await played.send('GET', '/queue'), 200));
  return { running: told.queue_running.map(([, id]) => id), pending: told.queue_pending.map(([, id]) => id) };
}

test('a run stands in the queue, then in the history with its files', async (t) => {
  const played = await playDouble(t, comfyuiDouble);
  const begun = jsonOf(await start(played, { prompt: workflow({ count: 2 }) }), 200);
  assert.deepEqual(begun, { prompt_id: ID, number: 1, node_errors: {} });
  assert.deepEqual(await queueOf(played), { running: [ID], pending: [] });
  assert.equal(await runOf(played), null);
  played.clock.advance(DURATION_MS);
  const run = await runOf(played);
  assert.partialDeepStrictEqual(run?.status, { status_str: 'success', completed: true });
  const files = filesIn(run);
  assert.deepEqual(
    files.map(({ subfolder, type }) => `${type} ${subfolder}`),
    ['output shelf', 'output shelf'],
  );
  for (const file of files) {
    const heard = await fetchFile(played, file);
    assert.ok(heard.kind === 'answer' && heard.headers.get('content-type') === 'image/png');
    assert.deepEqual(readPicture(heard.body), { format: 'png', width: 512, height: 256 });
  }
  assert.deepEqual(await queueOf(played), { running: [], pending: [] });
});

test('a server that is asked without an id makes one', async (t) => {
  const played = await playDouble(t, comfyuiDouble, { durationMs: 0 });
  const begun = jsonOf(await start(played, { prompt_id: undefined }), 200);
  const { prompt_id: id } = z.object({ prompt_id: z.uuid() }).parse(begun);
  assert.equal((await runOf(played, id))?.status.completed, true);
});

test('the same id twice runs twice, at the same time too, and both stand in the ledger', async (t) => {
  const played = await playDouble(t, comfyuiDouble);
  await Promise.all([start(played), start(played)]);
  await start(played);
  assert.deepEqual(await queueOf(played), { running: [ID], pending: [ID, ID] });
  const ledger = await played.double.ledger();
  assert.equal(ledger.length, 3);
  assert.equal(new Set(ledger.map(({ requestHash }) => requestHash)).size, 1);
  assert.equal(new Set(ledger.map(({ id }) => id)).size, 3);
  assert.equal(ledger[0]?.id, ID);
  played.clock.advance(DURATION_MS);
  assert.equal(filesIn(await runOf(played)).length, 1);
});

test('an id whose start was refused is still free', async (t) => {
  const played = await playDouble(t, comfyuiDouble, { script: [{ match: { nth: 1 }, fault: 'p3-429-none' }] });
  await start(played);
  await start(played);
  assert.deepEqual(
    (await played.double.ledger()).map(({ id }) => id),
    [ID],
  );
});

test('what waits can be taken out of the queue and leaves no trace, what runs cannot', async (t) => {
  const played = await playDouble(t, comfyuiDouble);
  await start(played);
  await start(played, { prompt_id: OTHER });
  const removed = await played.send('POST', '/queue', { body: { delete: [ID, OTHER] } });
  assert.equal(removed.kind === 'answer' && removed.status, 200);
  assert.deepEqual(await queueOf(played), { running: [ID], pending: [] });
  played.clock.advance(DURATION_MS);
  assert.equal(await runOf(played, OTHER), null);
  assert.equal((await runOf(played))?.status.completed, true);
});

test('an interrupt stops the run that it names, and only while it runs', async (t) => {
  const played = await playDouble(t, comfyuiDouble);
  await start(played);
  await start(played, { prompt_id: OTHER });
  await played.send('POST', '/interrupt', { body: { prompt_id: OTHER } });
  assert.deepEqual(await queueOf(played), { running: [ID], pending: [OTHER] });
  await played.send('POST', '/interrupt', { body: { prompt_id: ID } });
  assert.deepEqual(await queueOf(played), { running: [OTHER], pending: [] });
  const run = await runOf(played);
  assert.partialDeepStrictEqual(run?.status, { status_str: 'error', completed: false });
  assert.deepEqual(
    run?.status.messages.map(([name]) => name),
    ['execution_start', 'execution_interrupted'],
  );
  await played.send('POST', '/interrupt');
  assert.deepEqual(await queueOf(played), { running: [], pending: [] });
});

test('newer servers cancel by id, waiting or running', async (t) => {
  const played = await playDouble(t, comfyuiDouble);
  await start(played);
  await start(played, { prompt_id: OTHER });
  const cancel = (id: string): Promise<Heard> => played.send('POST', `/api/jobs/${id}/cancel`);
  assert.deepEqual(jsonOf(await cancel(OTHER), 200), { cancelled: true });
  assert.deepEqual(jsonOf(await cancel(ID), 200), { cancelled: true });
  assert.deepEqual(jsonOf(await cancel(ID), 200), { cancelled: false });
  assert.equal((await runOf(played))?.status.status_str, 'error');
  assert.equal(await runOf(played, OTHER), null);
});

test('refusals have ComfyUI’s form and buy nothing', async (t) => {
  const played = await playDouble(t, comfyuiDouble);
  const empty = { prompt: { '1': { class_type: 'RandomNoise', inputs: { noise_seed: 1 } } } };
  const cases: [object, string][] = [
    [empty, 'prompt_no_outputs'],
    [{ prompt: undefined }, 'no_prompt'],
    [{ prompt_id: 'mine' }, 'invalid_prompt_id'],
    [{ prompt: workflow({ width: 500 }) }, 'prompt_outputs_failed_validation'],
  ];
  for (const [request, type] of cases) {
    assert.partialDeepStrictEqual(jsonOf(await start(played, request), 400), { error: { type } });
  }
  const unknown = await played.send('GET', '/models');
  assert.equal(unknown.kind === 'answer' && unknown.status, 404);
  assert.deepEqual(await played.double.ledger(), []);
});

test('a file is served under its own place only', async (t) => {
  const played = await playDouble(t, comfyuiDouble, { durationMs: 0 });
  await start(played);
  const [file] = filesIn(await runOf(played));
  assert.ok(file);
  const places = [
    { ...file, subfolder: '' },
    { ...file, type: 'temp' },
    { ...file, filename: `x${file.filename}` },
  ];
  for (const place of places) {
    const heard = await fetchFile(played, place);
    assert.equal(heard.kind === 'answer' && heard.status, 404);
  }
  const outside = await fetchFile(played, { ...file, filename: '../secret.png' });
  assert.equal(outside.kind === 'answer' && outside.status, 400);
});

test('the cheapest call tells about the machine', async (t) => {
  const played = await playDouble(t, comfyuiDouble);
  const told = jsonOf(await played.send('GET', '/system_stats'), 200);
  assert.partialDeepStrictEqual(told, { devices: [{ type: 'cuda' }] });
});

test('the ledger has what was bought under the caller’s own id', async (t) => {
  const played = await playDouble(t, comfyuiDouble);
  await start(played);
  const expected = { provider: 'comfyui', id: ID, model: 'workflow', prompt: 'a lighthouse', seed: 7, costMicroUsd: 0 };
  assert.partialDeepStrictEqual((await played.double.ledger())[0], expected);
});

/** Nothing is called back, no progress is told, nothing costs; addresses of files are the caller's own making. */
const DOES_NOT_APPLY: readonly Fault[] = [
  ...(['p15-callback-5x', 'p16-callback-before-answer', 'p18-forged-callback', 'p17-progress-falls'] as const),
  ...(['p11-expired', 'p21-dns', 'p21-tls', 'p19-cost-high'] as const),
];

/** The first three looks are spoiled, the fourth is not. */
const looks = (check: Check): Check => {
  return async (heard, played) => {
    jsonOf(heard, 200);
    played.clock.advance(DURATION_MS);
    for (let count = 0; count < 3; count += 1) await check(await look(played), played);
    assert.equal((await runOf(played))?.status.completed, true);
  };
};
const ended = (check: (run: Run | null, played: PlayedDouble) => unknown): Check => {
  return async (heard, played) => {
    jsonOf(heard, 200);
    played.clock.advance(DURATION_MS);
    const run = await runOf(played);
    assert.ok(await check(run, played), JSON.stringify(run));
  };
};
const file = (check: (file: Heard) => unknown): Check =>
  ended(async (run, played) => check(await fetchFile(played, filesIn(run)[0])));
const bytes = (check: (bytes: Buffer) => unknown): Check =>
  file((heard) => heard.kind === 'answer' && heard.status === 200 && check(heard.body));
const fileStatus = (status: number): Check => file((heard) => heard.kind === 'answer' && heard.status === status);

const CHECKS: Partial<Record<Fault, { check: Check; stepMs?: number }>> = {
  'p1-timeout-before-accept': { check: silent, stepMs: 10_000 },
  'p1-timeout-after-accept': { check: silent, stepMs: 10_000 },
  'p2-reset-before': {
    check: async (heard, played) => {
      await lost(heard, played);
      assert.deepEqual(await queueOf(played), { running: [], pending: [] });
    },
  },
  // What was bought is found by the id that the caller chose.
  'p2-reset-after': {
    check: async (heard, played) => {
      await lost(heard, played);
      assert.deepEqual(await queueOf(played), { running: [ID], pending: [] });
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
  'p5-malformed': { check: wholeText((sent) => sent !== '' && !isJson(sent)) },
  'p5-html': { check: wholeText((sent) => sent.startsWith('<!doctype html>')) },
  'p5-empty': { check: wholeText((sent) => sent === '') },
  'p5-huge': { check: wholeText((sent) => sent.length > 10_000_000) },
  'p5-malformed-polls': { check: looks(wholeText((sent) => sent !== '' && !isJson(sent))) },
  'p6-shape': { check: wholeText((sent) => isJson(sent) && !sent.includes('prompt_id')) },
  'p6-status': {
    check: async (_, played) => {
      played.clock.advance(DURATION_MS / 2);
      assert.partialDeepStrictEqual((await runOf(played))?.status, { status_str: 'defragmenting', completed: false });
      played.clock.advance(DURATION_MS / 2);
      assert.equal((await runOf(played))?.status.completed, true);
    },
  },
  'p6-null-id': { check: (heard) => assert.partialDeepStrictEqual(jsonOf(heard, 200), { prompt_id: null }) },
  'p6-same-id': {
    check: async (_, played) => {
      const again = await start(played, { prompt_id: OTHER, prompt: workflow({ text: 'another' }) });
      assert.partialDeepStrictEqual(jsonOf(again, 200), { prompt_id: ID });
      const prompts = (await played.double.ledger()).map(({ prompt }) => prompt);
      assert.deepEqual(prompts, ['a lighthouse', 'another']);
    },
  },
  'p7-never': {
    check: async (_, played) => {
      played.clock.advance(86_400_000);
      assert.equal(await runOf(played), null);
      assert.deepEqual(await queueOf(played), { running: [ID], pending: [] });
    },
  },
  'p8-truncated': { check: bytes((sent) => readPicture(sent)?.width === 512 && !sent.includes('IEND')) },
  'p8-cut': { check: file((heard) => heard.kind === 'lost' && heard.status === 200) },
  'p9-gzip': { check: bytes((sent) => sent[0] === 0x1f && sent[1] === 0x8b) },
  'p9-wrong-type': { check: bytes((sent) => sent.toString().startsWith('<!doctype html>')) },
  'p10-empty': { check: bytes((sent) => sent.length === 0) },
  'p10-2gb': {
    check: file((heard) => heard.kind === 'answer' && heard.headers.get('content-length') === String(2 ** 31)),
  },
  'p11-404': { check: fileStatus(404) },
  'p11-403': { check: fileStatus(403) },
  'p11-redirect-loopback': { check: fileStatus(302) },
  'p12-fewer': { check: ended((run) => run?.status.completed === true && filesIn(run).length === 0) },
  'p12-more': { check: ended((run) => filesIn(run).length === 2) },
  'p13-bomb': { check: bytes((sent) => readPicture(sent)?.width === 30_000) },
  'p14-late-refusal': { check: ended((run) => run?.status.status_str === 'error' && filesIn(run).length === 0) },
  'p17-failed-after-success': {
    check: async (_, played) => {
      played.clock.advance(DURATION_MS);
      assert.equal((await runOf(played))?.status.status_str, 'success');
      assert.equal((await runOf(played))?.status.status_str, 'error');
    },
  },
  'p20-drip': {
    check: ended(async (run, played) => {
      const heard = await fetchFile(played, filesIn(run)[0], 1_000);
      return heard.kind === 'answer' && heard.body.length > 1 && heard.afterMs >= (heard.body.length - 1) * 1_000;
    }),
  },
  'p20-drip-answer': {
    stepMs: 1_000,
    check: (heard) => assert.ok(heard.kind === 'answer' && heard.afterMs >= (heard.body.length - 1) * 1_000),
  },
  'p22-clock': {
    check: ended((run) => run?.status.messages[0]?.[1]['timestamp'] === Date.UTC(2026, 10, 22, 1)),
  },
  'p23-402': { check: refusal(402) },
  'not-found-at-first': {
    check: async (_, played) => {
      assert.deepEqual(await queueOf(played), { running: [], pending: [] });
      played.clock.advance(1_000);
      assert.deepEqual(await queueOf(played), { running: [ID], pending: [] });
    },
  },
  failed: { check: ended((run) => run?.status.messages.at(-1)?.[0] === 'execution_error') },
  '60s-answers': { stepMs: 5_000, check: (heard) => assert.ok(jsonOf(heard, 200) && heard.afterMs >= 60_000) },
  'lost-answers-all': {
    check: async (heard, played) => {
      await lost(heard, played);
      await lost(await look(played), played);
      assert.deepEqual(await queueOf(played), { running: [], pending: [] });
    },
  },
  '401-key': { check: refusal(401) },
};

for (const fault of FAULT_NAMES.filter((name) => !DOES_NOT_APPLY.includes(name))) {
  test(`plays ${fault}`, async (t) => {
    const played = await playDouble(t, comfyuiDouble, { fault, durationMs: DURATION_MS });
    const { check, stepMs } = CHECKS[fault] ?? { check: () => assert.fail('nothing checks it') };
    const heard = await start(played, {}, stepMs);
    const ledger = await played.double.ledger();
    assert.deepEqual(
      ledger.map((purchase) => purchase.fault),
      BUYS_NOTHING.includes(fault) ? [] : [fault],
    );
    await check(heard, played);
  });
}
