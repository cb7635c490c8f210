import assert from 'node:assert/strict';
import { test } from 'node:test';

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
import { double as openaiImagesDouble } from './openai-images.ts';
import { readPicture } from './read-picture.ts';

const headers = { authorization: 'Bearer sk-double' };
const linked = { model: 'black-forest-labs/FLUX.1.1-pro', prompt: 'a lighthouse', width: 512, height: 256, seed: 7 };
const inline = { ...linked, response_format: 'b64_json' };

function generate(played: PlayedDouble, body: unknown, stepMs?: number): Promise<Heard> {
  return played.send('POST', '/v1/images/generations', { body, headers, ...(stepMs === undefined ? {} : { stepMs }) });
}

interface Told {
  data: { url?: string; b64_json?: string }[];
  usage?: object;
  created: number;
}

async function bought(played: PlayedDouble, body: unknown): Promise<Told> {
  // Safe: the fields are asserted by those who read them.
  return jsonOf(await generate(played, body), 200) as Told;
}

test('a picture comes inside the answer, with the pixels and the format that were asked for', async (t) => {
  const played = await playDouble(t, openaiImagesDouble, { durationMs: 0 });
  const { data } = await bought(played, { ...inline, output_format: 'webp', n: 2 });
  const heads = data.map(({ b64_json: base64 = '' }) => readPicture(Buffer.from(base64, 'base64')));
  assert.deepEqual(
    heads,
    Array.from({ length: 2 }, () => ({ format: 'webp', width: 512, height: 256 })),
  );
});

test('a picture comes behind a link when nothing is said', async (t) => {
  const played = await playDouble(t, openaiImagesDouble, { durationMs: 0 });
  const { data } = await bought(played, linked);
  const file = await played.send('GET', data[0]?.url ?? '');
  assert.ok(file.kind === 'answer');
  assert.deepEqual(readPicture(file.body), { format: 'jpeg', width: 512, height: 256 });
  assert.ok(file.body.subarray(-2).equals(JPEG_END));
  played.clock.advance(3_600_001);
  jsonStatus(await played.send('GET', data[0]?.url ?? ''), 403);
});

test('gpt-image answers with bytes and a bill of tokens', async (t) => {
  const played = await playDouble(t, openaiImagesDouble, { durationMs: 0 });
  const told = await bought(played, { model: 'gpt-image-1.5', prompt: 'x' });
  assert.equal(typeof told.data[0]?.b64_json, 'string');
  assert.ok(told.usage);
});

test('the answer leaves when the work is done', async (t) => {
  const played = await playDouble(t, openaiImagesDouble, { durationMs: 10_000 });
  const heard = await generate(played, inline, 100);
  jsonOf(heard, 200);
  assert.ok(heard.afterMs >= 10_000);
});

test('both forms of the base address answer', async (t) => {
  const played = await playDouble(t, openaiImagesDouble, { durationMs: 0 });
  for (const base of ['', '/v1']) {
    jsonOf(await played.send('POST', `${base}/images/generations`, { body: inline, headers }), 200);
    assert.partialDeepStrictEqual(jsonOf(await played.send('GET', `${base}/models`, { headers }), 200), {
      object: 'list',
    });
  }
});

test('refusals have OpenAI’s form and buy nothing', async (t) => {
  const played = await playDouble(t, openaiImagesDouble);
  const path = '/v1/images/generations';
  const cases: [Promise<Heard>, number, object][] = [
    [played.send('POST', path, { body: inline }), 401, { code: 'invalid_api_key' }],
    [
      played.send('POST', path, { body: inline, headers: { authorization: 'Bearer x' } }),
      401,
      { code: 'invalid_api_key' },
    ],
    [played.send('GET', '/v1/models'), 401, { code: 'invalid_api_key' }],
    [played.send('POST', '/v1/images/edits', { body: inline, headers }), 404, { code: 'unknown_url' }],
    [generate(played, '{"model":'), 400, { type: 'invalid_request_error' }],
    [generate(played, { ...inline, steps: 'x' }), 400, { param: 'steps' }],
    [generate(played, { ...inline, go_fast: true }), 400, { param: 'go_fast', code: 'unknown_parameter' }],
  ];
  for (const [heard, status, error] of cases) assert.partialDeepStrictEqual(jsonOf(await heard, status), { error });
  assert.deepEqual(await played.double.ledger(), []);
});

test('the ledger has what was bought, once each', async (t) => {
  const played = await playDouble(t, openaiImagesDouble, { durationMs: 0 });
  await bought(played, { ...inline, n: 2 });
  await bought(played, { ...inline, n: 2 });
  const [first, second] = await played.double.ledger();
  const expected = {
    provider: 'openai-images',
    model: linked.model,
    prompt: 'a lighthouse',
    seed: 7,
    keyLast4: 'uble',
  };
  assert.partialDeepStrictEqual(first, { ...expected, costMicroUsd: 80_000, fault: null });
  assert.equal(first?.requestHash, second?.requestHash);
  assert.notEqual(first?.id, second?.id);
});

/** No look follows an answer that holds everything, and nobody calls back. */
const DOES_NOT_APPLY: readonly Fault[] = [
  ...(['p2-reset-polls', 'p3-429-polls', 'p4-5xx-polls', 'p5-malformed-polls', 'p6-status', 'p6-same-id'] as const),
  ...(['p15-callback-5x', 'p16-callback-before-answer', 'p17-failed-after-success', 'p17-progress-falls'] as const),
  ...(['p18-forged-callback', 'not-found-at-first'] as const),
];

const refused = (status: number, error: object, retryAfter?: RegExp): Check => {
  return async (heard, played) => {
    await refusal(status, retryAfter)(heard, played);
    assert.partialDeepStrictEqual(jsonOf(heard, status), { error });
  };
};
const answerOf = (heard: Heard): Told => jsonOf(heard, 200) as Told; // Safe: read as in `bought`.
const bytes = (check: (bytes: Buffer) => unknown): Check => {
  return (heard) => assert.ok(check(Buffer.from(answerOf(heard).data[0]?.b64_json ?? '', 'base64')));
};
const link = (check: (file: Heard, url: string) => unknown): Check => {
  return async (heard, played) => {
    const url = answerOf(heard).data[0]?.url ?? '';
    const isHere = url.startsWith(played.double.url);
    assert.ok(check(isHere ? await played.send('GET', url) : { kind: 'lost', status: null, afterMs: 0 }, url));
  };
};
const linkStatus = (status: number): Check => link((file) => file.kind === 'answer' && file.status === status);
const jsonStatus = (heard: Heard, status: number): void =>
  assert.equal(heard.kind === 'answer' && heard.status, status);
const JPEG_END = Buffer.from([0xff, 0xd9]);
const tooMany = { code: 'rate_limit_exceeded' };

const CHECKS: Partial<Record<Fault, { check: Check; body?: object; stepMs?: number }>> = {
  'p1-timeout-before-accept': { check: silent, stepMs: 10_000 },
  'p1-timeout-after-accept': { check: silent, stepMs: 10_000 },
  'p2-reset-before': { check: lost },
  'p2-reset-after': { check: lost },
  'p3-429-seconds': { check: refused(429, tooMany, /^2$/) },
  'p3-429-date': { check: refused(429, tooMany, /^\w{3}, 22 Nov 2026 00:00:02 GMT$/) },
  'p3-429-none': { check: refused(429, tooMany) },
  'p3-429-huge': { check: refused(429, tooMany, /^1000000000$/) },
  'p4-5xx-before': { check: refused(503, { type: 'server_error' }) },
  'p4-5xx-after': { check: refused(502, { type: 'server_error' }) },
  'p5-malformed': { check: wholeText((sent) => sent.startsWith('{') && !isJson(sent)) },
  'p5-html': { check: wholeText((sent) => sent.startsWith('<!doctype html>')) },
  'p5-empty': { check: wholeText((sent) => sent === '') },
  'p5-huge': { check: wholeText((sent) => sent.length > 10_000_000) },
  'p6-shape': { check: wholeText((sent) => isJson(sent) && !sent.includes('b64_json')) },
  'p6-null-id': { check: wholeText((sent) => sent.includes('"id":null')) },
  'p7-never': { check: silent, stepMs: 10_000 },
  'p8-truncated': { check: bytes((file) => readPicture(file)?.width === 512 && !file.subarray(-2).equals(JPEG_END)) },
  'p8-cut': { body: linked, check: link((file) => file.kind === 'lost' && file.status === 200) },
  'p9-gzip': { check: bytes((file) => file[0] === 0x1f && file[1] === 0x8b) },
  'p9-wrong-type': { check: bytes((file) => file.toString().startsWith('<!doctype html>')) },
  'p10-empty': { check: bytes((file) => file.length === 0) },
  'p10-2gb': {
    body: linked,
    check: link((file) => file.kind === 'answer' && file.headers.get('content-length') === String(2 ** 31)),
  },
  'p11-404': { body: linked, check: linkStatus(404) },
  'p11-403': { body: linked, check: linkStatus(403) },
  'p11-expired': { body: linked, check: linkStatus(403) },
  'p11-redirect-loopback': { body: linked, check: linkStatus(302) },
  'p12-fewer': { check: (heard) => assert.equal(answerOf(heard).data.length, 0) },
  'p12-more': { check: (heard) => assert.equal(answerOf(heard).data.length, 2) },
  'p13-bomb': { check: bytes((file) => readPicture(file)?.width === 30_000) },
  'p14-late-refusal': { check: refused(400, { code: 'moderation_blocked', type: 'image_generation_user_error' }) },
  'p19-cost-high': {
    check: async (_, played) => assert.equal((await played.double.ledger())[0]?.costMicroUsd, 400_000),
  },
  'p20-drip': {
    body: { ...linked, width: 64, height: 64 },
    check: async (heard, played) => {
      const file = await played.send('GET', answerOf(heard).data[0]?.url ?? '', { stepMs: 1_000 });
      assert.ok(file.kind === 'answer' && file.afterMs >= (file.body.length - 1) * 1_000);
    },
  },
  'p20-drip-answer': {
    body: { ...linked, response_format: 'url' },
    stepMs: 1_000,
    check: (heard) => assert.ok(heard.kind === 'answer' && heard.afterMs >= (heard.body.length - 1) * 1_000),
  },
  'p21-dns': { body: linked, check: link((_, url) => new URL(url).hostname.endsWith('.invalid')) },
  'p21-tls': { body: linked, check: link((_, url) => url.startsWith('https://127.0.0.1:')) },
  'p22-clock': { check: (heard) => assert.equal(answerOf(heard).created, Date.UTC(2026, 10, 22, 1) / 1_000) },
  'p23-402': { check: refused(429, { code: 'insufficient_quota' }) },
  failed: { check: refused(500, { type: 'server_error' }) },
  '60s-answers': {
    stepMs: 5_000,
    check: (heard) => assert.ok(answerOf(heard).data.length === 1 && heard.afterMs >= 60_000),
  },
  'lost-answers-all': { check: lost },
  '401-key': { check: refused(401, { code: 'invalid_api_key' }) },
};

for (const fault of FAULT_NAMES.filter((name) => !DOES_NOT_APPLY.includes(name))) {
  test(`plays ${fault}`, async (t) => {
    const played = await playDouble(t, openaiImagesDouble, { fault, durationMs: 0 });
    const { check, body = inline, stepMs } = CHECKS[fault] ?? { check: () => assert.fail('nothing checks it') };
    await check(await generate(played, body, stepMs), played);
    const ledger = await played.double.ledger();
    assert.deepEqual(
      ledger.map((purchase) => purchase.fault),
      BUYS_NOTHING.includes(fault) ? [] : [fault],
    );
  });
}
