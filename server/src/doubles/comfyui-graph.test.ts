import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readComfyuiPrompt } from './comfyui-graph.ts';

const classic = {
  '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'a.safetensors' } },
  '2': { class_type: 'CLIPTextEncode', inputs: { text: 'fog', clip: ['1', 1] } },
  '3': { class_type: 'CLIPTextEncode', inputs: { text: 'a lighthouse', clip: ['1', 1] } },
  '4': { class_type: 'EmptyLatentImage', inputs: { width: 1344, height: 768, batch_size: 1 } },
  '5': {
    class_type: 'KSampler',
    inputs: { seed: 7, steps: 20, model: ['1', 0], positive: ['3', 0], negative: ['2', 0], latent_image: ['4', 0] },
  },
  '6': { class_type: 'VAEDecode', inputs: { samples: ['5', 0], vae: ['1', 2] } },
  '7': { class_type: 'SaveImage', inputs: { images: ['6', 0], filename_prefix: 'lumegate' } },
};

const flux = {
  unet: { class_type: 'UNETLoader', inputs: { unet_name: 'flux', weight_dtype: 'default' } },
  clip: { class_type: 'DualCLIPLoader', inputs: { clip_name1: 'a', clip_name2: 'b', type: 'flux' } },
  vae: { class_type: 'VAELoader', inputs: { vae_name: 'ae' } },
  text: { class_type: 'CLIPTextEncode', inputs: { text: 'a harbour', clip: ['clip', 0] } },
  guidance: { class_type: 'FluxGuidance', inputs: { guidance: 3.5, conditioning: ['text', 0] } },
  guider: { class_type: 'BasicGuider', inputs: { model: ['unet', 0], conditioning: ['guidance', 0] } },
  noise: { class_type: 'RandomNoise', inputs: { noise_seed: 9 } },
  latent: { class_type: 'EmptySD3LatentImage', inputs: { width: 1024, height: 512, batch_size: 2 } },
  sampler: { class_type: 'KSamplerSelect', inputs: { sampler_name: 'euler' } },
  sigmas: { class_type: 'BasicScheduler', inputs: { model: ['unet', 0], scheduler: 'simple', steps: 4, denoise: 1 } },
  run: {
    class_type: 'SamplerCustomAdvanced',
    inputs: { noise: ['noise', 0], guider: ['guider', 0], sampler: ['sampler', 0], sigmas: ['sigmas', 0] },
  },
  decode: { class_type: 'VAEDecode', inputs: { samples: ['run', 0], vae: ['vae', 0] } },
  save: { class_type: 'SaveImage', inputs: { images: ['decode', 0], filename_prefix: 'a/b' } },
};

test('a classic workflow is read along its links', () => {
  const promptId = '01890000-0000-7000-8000-000000000001';
  const read = readComfyuiPrompt({ prompt: classic, prompt_id: promptId, client_id: 'x' });
  assert.ok(read.ok, JSON.stringify(read));
  const outputs = [{ node: '7', prefix: 'lumegate', isTemporary: false }];
  const size = { width: 1344, height: 768, count: 1 };
  assert.deepEqual(read.order, { promptId, prompt: 'a lighthouse', ...size, seed: 7, outputs, graph: classic });
});

test('a Flux workflow is read along its links', () => {
  const read = readComfyuiPrompt({ prompt: flux });
  assert.ok(read.ok, JSON.stringify(read));
  const expected = { promptId: null, prompt: 'a harbour', width: 1024, height: 512, count: 2, seed: 9 };
  assert.partialDeepStrictEqual(read.order, expected);
});

const without = (id: string): object => Object.fromEntries(Object.entries(classic).filter(([key]) => key !== id));
const bad: [string, unknown, string][] = [
  ['no object', [], 'no_prompt'],
  ['no graph', { client_id: 'x' }, 'no_prompt'],
  ['a list for a graph', { prompt: [] }, 'no_prompt'],
  ['an unknown field', { prompt: classic, callback: 'x' }, 'invalid_prompt'],
  ['an id that is no UUID', { prompt: classic, prompt_id: 'attempt-1' }, 'invalid_prompt_id'],
  ['a UUID in capitals', { prompt: classic, prompt_id: '01890000-0000-7000-8000-00000000000A' }, 'invalid_prompt_id'],
  ['an empty graph', { prompt: {} }, 'prompt_no_outputs'],
  ['a graph that saves nothing', { prompt: without('7') }, 'prompt_no_outputs'],
  ['a node without a class', { prompt: { ...classic, '7': { inputs: {} } } }, 'invalid_prompt'],
  ['a node without inputs', { prompt: { ...classic, '7': { class_type: 'SaveImage' } } }, 'invalid_prompt'],
  [
    'a class that is not installed',
    { prompt: { ...classic, '8': { class_type: 'Magic', inputs: {} } } },
    'invalid_prompt',
  ],
  ['a link to nowhere', { prompt: without('6') }, 'prompt_outputs_failed_validation'],
  [
    'a width as text',
    { prompt: { ...classic, '4': { class_type: 'EmptyLatentImage', inputs: { width: '1344', height: 768 } } } },
    'prompt_outputs_failed_validation',
  ],
  [
    'a slot that nobody filled',
    { prompt: { ...classic, '4': { class_type: 'EmptyLatentImage', inputs: { width: '{{width}}', height: 768 } } } },
    'prompt_outputs_failed_validation',
  ],
  [
    'a negative seed',
    { prompt: { ...flux, noise: { class_type: 'RandomNoise', inputs: { noise_seed: -1 } } } },
    'prompt_outputs_failed_validation',
  ],
];

for (const [name, body, type] of bad) {
  test(`refuses ${name}`, () => {
    const read = readComfyuiPrompt(body);
    assert.ok(!read.ok);
    assert.equal(read.problem.error.type, type);
  });
}
