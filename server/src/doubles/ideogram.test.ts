import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { double as ideogramDouble } from './ideogram.ts';
import { formOf, jsonOf, playDouble, type PlayedDouble } from './local-double-test-kit.ts';
import { encodePng } from './png.ts';
import { readPicture } from './read-picture.ts';

const headers = { 'api-key': 'double-ideogram-key' };
const FORM_PATHS = ['v1/ideogram-v3/generate', 'v1/ideogram-v3/edit', 'v1/ideogram-v3/remix', 'edit', 'remix'];

function pictureOf(width: number, height: number): Blob {
  return new Blob([new Uint8Array(encodePng({ width, height }, [0, 0, 0]))], { type: 'image/png' });
}
const PICTURE = pictureOf(64, 48);

async function send(played: PlayedDouble, path: string, fields: Readonly<Record<string, unknown>>) {
  if (path === 'generate') return played.send('POST', `/${path}`, { body: fields, headers });
  const { body, type } = await formOf(fields);
  return played.send('POST', `/${path}`, { body, headers: { ...headers, 'content-type': type } });
}

const V2 = { model: 'V_2', prompt: 'a kite' };

const GOOD: readonly { path: string; fields: Record<string, unknown>; size: [number, number] }[] = [
  { path: 'v1/ideogram-v3/generate', fields: { prompt: 'x', seed: 7, num_images: 2 }, size: [1024, 1024] },
  {
    path: 'v1/ideogram-v3/generate',
    fields: { prompt: 'x', resolution: '512x1536', style_reference_images: [PICTURE, PICTURE] },
    size: [512, 1536],
  },
  {
    path: 'v1/ideogram-v3/generate',
    fields: { prompt: 'x', aspect_ratio: '2x1', character_reference_images: PICTURE },
    size: [1440, 736],
  },
  { path: 'v1/ideogram-v3/edit', fields: { prompt: 'x', image: PICTURE, mask: PICTURE }, size: [64, 48] },
  { path: 'v1/ideogram-v3/remix', fields: { prompt: 'x', image: PICTURE, image_weight: 60 }, size: [1024, 1024] },
  { path: 'v1/ideogram-v4/generate', fields: { text_prompt: 'x', rendering_speed: 'TURBO' }, size: [2048, 2048] },
  { path: 'generate', fields: { image_request: { ...V2, resolution: 'RESOLUTION_720_1280' } }, size: [720, 1280] },
  { path: 'edit', fields: { ...V2, image_file: PICTURE, mask: PICTURE }, size: [64, 48] },
  { path: 'remix', fields: { image_request: { ...V2, image_weight: 5 }, image_file: PICTURE }, size: [1024, 1024] },
];

const BAD: readonly { path: string; fields: Record<string, unknown>; words: RegExp }[] = [
  { path: 'v1/ideogram-v3/generate', fields: { seed: 7 }, words: /prompt .*missing/ },
  { path: 'v1/ideogram-v3/generate', fields: { prompt: 'x', seed: 'seven' }, words: /seed .*integer/ },
  { path: 'v1/ideogram-v3/generate', fields: { prompt: ['x', 'y'] }, words: /prompt .*string/ },
  { path: 'v1/ideogram-v3/generate', fields: { prompt: 'x', kite: 1 }, words: /kite .*unknown/ },
  { path: 'v1/ideogram-v3/generate', fields: { prompt: 'x', aspect_ratio: '16:9' }, words: /aspect_ratio/ },
  {
    path: 'v1/ideogram-v3/generate',
    fields: { prompt: 'x', aspect_ratio: '1x1', resolution: '1024x1024' },
    words: /in conjunction/,
  },
  {
    path: 'v1/ideogram-v3/generate',
    fields: { prompt: 'x', character_reference_images: [PICTURE, PICTURE] },
    words: /character_reference_images .*count/,
  },
  { path: 'v1/ideogram-v3/edit', fields: { prompt: 'x', image: PICTURE }, words: /mask .*missing/ },
  {
    path: 'v1/ideogram-v3/edit',
    fields: { prompt: 'x', image: PICTURE, mask: pictureOf(32, 32) },
    words: /same size/,
  },
  { path: 'v1/ideogram-v3/remix', fields: { prompt: 'x', image: 'https://a.test/b.png' }, words: /image .*picture/ },
  { path: 'v1/ideogram-v4/generate', fields: { prompt: 'x' }, words: /text_prompt/ },
  { path: 'v1/ideogram-v4/generate', fields: { text_prompt: 'x', seed: 7 }, words: /seed .*unknown/ },
  { path: 'generate', fields: V2, words: /image_request .*missing/ },
  { path: 'generate', fields: { image_request: { prompt: 'x' } }, words: /image_request\.model .*missing/ },
  {
    path: 'generate',
    fields: { image_request: { ...V2, model: 'V_2A', negative_prompt: 'red' } },
    words: /not available/,
  },
  { path: 'remix', fields: { image_request: 'V_2', image_file: PICTURE }, words: /image_request .*object/ },
];

describe('the double of Ideogram', () => {
  it('takes what each path allows, and delivers pictures of the size that was asked for', async (t) => {
    const played = await playDouble(t, ideogramDouble, { durationMs: 0 });
    for (const { path, fields, size } of GOOD) {
      const { data } = Object(jsonOf(await send(played, path, fields), 200));
      assert.equal(data.length, Number(fields['num_images'] ?? 1), path);
      const file = await played.send('GET', data[0].url);
      assert.ok(file.kind === 'answer' && data[0].is_image_safe === true);
      const head = readPicture(file.body);
      assert.deepEqual([head?.width, head?.height], size, path);
    }
    assert.deepEqual(
      (await played.double.ledger()).map(({ model }) => model),
      GOOD.map(({ path }) => path),
    );
  });

  it('refuses what Ideogram refuses, and buys nothing', async (t) => {
    const played = await playDouble(t, ideogramDouble, { durationMs: 0 });
    for (const { path, fields, words } of BAD) {
      const { error } = Object(jsonOf(await send(played, path, fields), 400));
      assert.match(error, words, JSON.stringify(fields));
    }
    for (const path of FORM_PATHS) {
      const body = { prompt: 'x' };
      const { error } = Object(jsonOf(await played.send('POST', `/${path}`, { body, headers }), 400));
      assert.match(error, /no form/, path);
      const broken = { 'content-type': 'multipart/form-data; boundary=x', ...headers };
      jsonOf(await played.send('POST', `/${path}`, { body: '--x\r\nbroken', headers: broken }), 400);
    }
    jsonOf(await played.send('POST', '/v1/ideogram-v9/generate', { body: {}, headers }), 404);
    jsonOf(await played.send('GET', '/datasets', { headers: { 'api-key': 'other' } }), 401);
    assert.deepEqual(await played.double.ledger(), []);
  });

  it('withholds a picture by its own word, and tells failures by the status', async (t) => {
    const withheld = await playDouble(t, ideogramDouble, { fault: 'p14-late-refusal', durationMs: 0 });
    const heard = jsonOf(await send(withheld, 'generate', { image_request: V2 }), 200);
    assert.partialDeepStrictEqual(heard, { data: [{ is_image_safe: false, url: '' }] });
    const failed = await playDouble(t, ideogramDouble, { fault: 'failed', durationMs: 0 });
    jsonOf(await send(failed, 'generate', { image_request: V2 }), 500);
  });
});
