import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readSdServerRequest } from './sd-server-request.ts';

const plain = { prompt: 'a lighthouse', width: 1344, height: 768, seed: 7 };

const good: [string, object, object][] = [
  ['a plain request', plain, { width: 1344, height: 768, seed: 7, count: 1, format: 'png' }],
  ['a prompt alone', { prompt: 'x' }, { width: 512, height: 512, seed: null, count: 1, format: 'png' }],
  ['a seed left to the server', { ...plain, seed: -1 }, { seed: null }],
  [
    'everything that a picture can use',
    {
      ...plain,
      negative_prompt: 'fog',
      batch_count: 2,
      strength: 0.5,
      output_format: 'jpeg',
      output_compression: 90,
      init_image: 'data:image/png;base64,AAAA',
      ref_images: ['AAAA'],
      mask_image: null,
      sample_params: {
        sample_method: 'euler',
        scheduler: 'simple',
        sample_steps: 28,
        guidance: { txt_cfg: 1, distilled_guidance: 3.5 },
      },
      lora: [{ path: 'a.safetensors', multiplier: 1 }],
    },
    { count: 2, format: 'jpeg' },
  ],
];

for (const [name, body, expected] of good) {
  test(`takes ${name}`, () => {
    const read = readSdServerRequest(body);
    assert.ok(read.ok, JSON.stringify(read));
    assert.partialDeepStrictEqual(read.order, expected);
    assert.deepEqual(read.order.input, body);
  });
}

const bad: [string, unknown, RegExp][] = [
  ['no object', 'x', /invalid/i],
  ['no prompt', { width: 512, height: 512 }, /^prompt/],
  ['an empty prompt', { ...plain, prompt: '' }, /^prompt/],
  ['an unknown field', { ...plain, steps: 4 }, /unknown field steps/],
  ['an unknown field within', { ...plain, sample_params: { steps: 4 } }, /unknown field steps/],
  ['a width off the grid', { ...plain, width: 1000 }, /^width/],
  ['a width of nothing', { ...plain, width: 0 }, /^width/],
  ['a width that is too large', { ...plain, width: 2112 }, /^width/],
  ['a width as text', { ...plain, width: '1024' }, /^width/],
  ['nine pictures', { ...plain, batch_count: 9 }, /^batch_count/],
  ['a picture by its address', { ...plain, init_image: 'https://example.com/a.png' }, /^init_image/],
  ['a strength above one', { ...plain, strength: 1.5 }, /^strength/],
  ['a tag that is no JSON', { prompt: 'x <sd_cpp_extra_args>width=64</sd_cpp_extra_args>' }, /sd_cpp_extra_args/],
];

for (const [name, body, message] of bad) {
  test(`refuses ${name}`, () => {
    const read = readSdServerRequest(body);
    assert.ok(!read.ok);
    assert.match(read.message, message);
  });
}

test('a tag left in the prompt overrides the size, and leaves the prompt', () => {
  const prompt = 'a <sd_cpp_extra_args>{"width":128,"height":64,"batch_count":3}</sd_cpp_extra_args>lighthouse';
  const read = readSdServerRequest({ ...plain, prompt });
  assert.ok(read.ok);
  assert.partialDeepStrictEqual(read.order, { prompt: 'a lighthouse', width: 128, height: 64, count: 3, seed: 7 });
});
