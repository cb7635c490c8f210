import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formOf, jsonOf, playDouble, type Heard, type PlayedDouble } from './local-double-test-kit.ts';
import { encodePng } from './png.ts';
import { readPicture } from './read-picture.ts';
import { double as stabilityDouble } from './stability.ts';

const PATH = '/v2beta/stable-image/generate/sd3';
const headers = { authorization: 'Bearer double-stability-key', accept: 'application/json' };
const PICTURE = new Blob([new Uint8Array(encodePng({ width: 64, height: 48 }, [0, 0, 0]))], { type: 'image/png' });
const FROM_IMAGE = { prompt: 'x', mode: 'image-to-image', image: PICTURE, strength: 0.5 };

async function send(played: PlayedDouble, fields: Readonly<Record<string, unknown>>, accept?: string): Promise<Heard> {
  const { body, type } = await formOf(fields);
  const wanted = { ...headers, 'content-type': type, ...(accept === undefined ? {} : { accept }) };
  return played.send('POST', PATH, { body, headers: wanted });
}

const BAD: readonly { fields: Record<string, unknown>; words: RegExp }[] = [
  { fields: {}, words: /^prompt: is required$/ },
  { fields: { prompt: 'x', model: 'sd9' }, words: /^model/ },
  { fields: { prompt: 'x', steps: 30 }, words: /^steps: unknown/ },
  { fields: { prompt: 'x', cfg_scale: 11 }, words: /^cfg_scale: max/ },
  { fields: { prompt: 'x', cfg_scale: 'much' }, words: /^cfg_scale: type/ },
  { fields: { prompt: 'x', output_format: 'webp' }, words: /^output_format/ },
  { fields: { prompt: 'x', aspect_ratio: '4:3' }, words: /^aspect_ratio/ },
  { fields: { prompt: 'x', image: PICTURE }, words: /^image: is not allowed/ },
  { fields: { prompt: 'x', mode: 'image-to-image', image: PICTURE }, words: /^strength: is required$/ },
  { fields: { ...FROM_IMAGE, aspect_ratio: '1:1' }, words: /^aspect_ratio: is not allowed/ },
  { fields: { ...FROM_IMAGE, image: 'https://a.test/b.png' }, words: /^image: picture/ },
];

describe('the double of Stability', () => {
  it('makes a picture of the asked shape, or of the size of the one that was given', async (t) => {
    const played = await playDouble(t, stabilityDouble, { durationMs: 0 });
    for (const [fields, size] of [
      [
        { prompt: 'x', aspect_ratio: '16:9', seed: 7 },
        { format: 'png', width: 1344, height: 768 },
      ],
      [
        { ...FROM_IMAGE, output_format: 'jpeg' },
        { format: 'jpeg', width: 64, height: 48 },
      ],
    ] as const) {
      const { image, finish_reason: reason } = Object(jsonOf(await send(played, fields), 200));
      assert.deepEqual([readPicture(Buffer.from(image, 'base64')), reason], [size, 'SUCCESS']);
    }
    const bare = await send(played, { prompt: 'x', seed: 7, model: 'sd3.5-medium' }, 'image/*');
    assert.ok(bare.kind === 'answer' && readPicture(bare.body)?.format === 'png');
    const told = ['content-type', 'finish-reason', 'seed'].map((name) => bare.headers.get(name));
    assert.deepEqual(told, ['image/png', 'SUCCESS', '7']);
    assert.deepEqual(
      (await played.double.ledger()).map(({ model, costMicroUsd }) => [model, costMicroUsd]),
      [
        ['sd3.5-large', 65_000],
        ['sd3.5-large', 65_000],
        ['sd3.5-medium', 35_000],
      ],
    );
  });

  it('refuses what Stability refuses, and buys nothing', async (t) => {
    const played = await playDouble(t, stabilityDouble, { durationMs: 0 });
    for (const { fields, words } of BAD) {
      const { name, errors } = Object(jsonOf(await send(played, fields), 400));
      assert.equal(name, 'bad_request');
      assert.match(errors[0], words);
    }
    const json = jsonOf(await played.send('POST', PATH, { body: { prompt: 'x' }, headers }), 400);
    assert.match(Object(json).errors[0], /multipart/);
    const other = { authorization: 'Bearer other' };
    jsonOf(await played.send('GET', '/v1/user/balance', { headers: other }), 401);
    assert.deepEqual(await played.double.ledger(), []);
  });

  it('tells of pictures that its filter struck, and of failures', async (t) => {
    const struck = await playDouble(t, stabilityDouble, { fault: 'p14-late-refusal', durationMs: 0 });
    const heard = jsonOf(await send(struck, { prompt: 'x' }), 200);
    assert.partialDeepStrictEqual(heard, { finish_reason: 'CONTENT_FILTERED' });
    const failed = await playDouble(t, stabilityDouble, { fault: 'failed', durationMs: 0 });
    assert.partialDeepStrictEqual(jsonOf(await send(failed, { prompt: 'x' }), 500), { name: 'internal_error' });
  });
});
