import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readOpenaiImages } from './openai-images-request.ts';

const together = { model: 'black-forest-labs/FLUX.1.1-pro', prompt: 'a lighthouse' };
const openai = { model: 'gpt-image-1.5', prompt: 'a lighthouse' };

const good: [string, object, object][] = [
  [
    'Together, nothing else',
    together,
    { width: 1024, height: 1024, count: 1, seed: null, format: 'jpeg', delivery: 'url' },
  ],
  [
    'Together, everything',
    {
      ...together,
      width: 1440,
      height: 810,
      steps: 28,
      n: 2,
      seed: 7,
      output_format: 'png',
      response_format: 'b64_json',
      image_url: 'data:image/png;base64,AAAA',
    },
    { width: 1440, height: 810, count: 2, seed: 7, format: 'png', delivery: 'b64_json' },
  ],
  ['Together’s own word for bytes', { ...together, response_format: 'base64' }, { delivery: 'b64_json' }],
  ['a size as text', { ...together, size: '768x512' }, { width: 768, height: 512 }],
  ['OpenAI, nothing else', openai, { width: 1024, height: 1024, format: 'png', delivery: 'b64_json' }],
  [
    'OpenAI, everything',
    {
      ...openai,
      n: 10,
      size: '1024x1536',
      quality: 'high',
      background: 'opaque',
      moderation: 'low',
      output_format: 'webp',
    },
    { width: 1024, height: 1536, count: 10, format: 'webp', delivery: 'b64_json' },
  ],
  ['OpenAI, any size', { ...openai, size: 'auto' }, { width: 1024, height: 1024 }],
];

for (const [name, body, expected] of good) {
  test(`takes ${name}`, () => {
    const read = readOpenaiImages(body);
    assert.ok(read.ok, JSON.stringify(read));
    assert.partialDeepStrictEqual(read.order, { ...expected, input: body });
  });
}

const bad: [string, unknown, string | null][] = [
  ['no object', [], 'model'],
  ['no model', { prompt: 'x' }, 'model'],
  ['an empty model', { ...together, model: '' }, 'model'],
  ['no prompt', { model: together.model }, 'prompt'],
  ['an empty prompt', { ...together, prompt: '' }, 'prompt'],
  ['a prompt that is too long', { ...together, prompt: 'x'.repeat(32_001) }, 'prompt'],
  ['an unknown field', { ...together, aspect_ratio: '1:1' }, 'aspect_ratio'],
  ['a size beside a width', { ...together, size: '512x512', width: 512 }, 'size'],
  ['a size without a form', { ...together, size: '1:1' }, 'size'],
  ['a size that is too large', { ...together, size: '4096x512' }, 'size'],
  ['a width as text', { ...together, width: '512' }, 'width'],
  ['a width that is too large', { ...together, width: 2049 }, 'width'],
  ['five pictures of Together', { ...together, n: 5 }, 'n'],
  ['no pictures', { ...together, n: 0 }, 'n'],
  ['a negative seed', { ...together, seed: -1 }, 'seed'],
  ['a format that nobody has', { ...together, output_format: 'jpg' }, 'output_format'],
  ['a picture that is no address', { ...together, image_url: 'AAAA' }, 'image_url'],
  ['a link from OpenAI', { ...openai, response_format: 'url' }, 'response_format'],
  ['a width at OpenAI', { ...openai, width: 1024 }, 'width'],
  ['a seed at OpenAI', { ...openai, seed: 1 }, 'seed'],
  ['a size that OpenAI has not', { ...openai, size: '512x512' }, 'size'],
];

for (const [name, body, param] of bad) {
  test(`refuses ${name}`, () => {
    const read = readOpenaiImages(body);
    assert.ok(!read.ok);
    assert.partialDeepStrictEqual(read.problem, { status: 400, type: 'invalid_request_error', param });
  });
}

test('an unknown field is called one', () => {
  const read = readOpenaiImages({ ...together, aspect_ratio: '1:1' });
  assert.ok(!read.ok);
  assert.deepEqual(
    [read.problem.code, read.problem.message],
    ['unknown_parameter', "Unknown parameter: 'aspect_ratio'."],
  );
});

test('a retired model is gone, not invalid', () => {
  const read = readOpenaiImages({ ...together, model: 'dall-e-3' });
  assert.ok(!read.ok);
  assert.deepEqual([read.problem.status, read.problem.code], [404, 'model_not_found']);
});
