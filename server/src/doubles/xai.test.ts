import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { readPicture } from './read-picture.ts';
import { double as xaiDouble } from './xai.ts';

const headers = { authorization: 'Bearer double-xai-key' };
const PICTURE = { url: 'https://a.test/b.png' };
const IMAGE = { model: 'grok-imagine-image', prompt: 'x' };
const VIDEO = { model: 'grok-imagine-video', prompt: 'x', duration: 6, resolution: '720p' };

describe('the double of xAI', () => {
  it('answers a picture’s start with the picture', async (t) => {
    const { send } = await playDouble(t, xaiDouble, { durationMs: 100 });
    for (const [path, body] of [
      ['/v1/images/generations', { ...IMAGE, aspect_ratio: '1:1', response_format: 'url' }],
      ['/v1/images/edits', { ...IMAGE, image: { ...PICTURE, type: 'image_url' } }],
    ] as const) {
      const { data, usage } = Object(jsonOf(await send('POST', path, { body, headers, stepMs: 50 }), 200));
      assert.equal(usage.cost_in_usd_ticks, 200_000_000);
      const file = await send('GET', data[0].url);
      const head = file.kind === 'answer' ? readPicture(file.body) : null;
      assert.deepEqual(head, { format: 'jpeg', width: 1024, height: 1024 });
    }
  });

  it('begins a video, says how far it is, and delivers it', async (t) => {
    const { clock, send } = await playDouble(t, xaiDouble);
    const body = { ...VIDEO, reference_images: [PICTURE, PICTURE] };
    const { request_id: id } = Object(jsonOf(await send('POST', '/v1/videos/generations', { body, headers }), 200));
    const look = (status: number) => async () =>
      Object(jsonOf(await send('GET', `/v1/videos/${id}`, { headers }), status));
    clock.advance(5_000);
    assert.equal((await look(202)()).status, 'pending');
    clock.advance(5_000);
    const done = await look(200)();
    assert.deepEqual([done.status, done.usage.cost_in_usd_ticks], ['done', 4_200_000_000]);
    const file = await send('GET', done.video.url);
    assert.equal(file.kind === 'answer' && file.headers.get('content-type'), 'video/mp4');
  });

  it('refuses the rest by the field’s name, and buys nothing', async (t) => {
    const { double, send } = await playDouble(t, xaiDouble);
    const wrong: [string, object, number, RegExp][] = [
      ['/v1/images/generations', { ...IMAGE, size: '1x1' }, 422, /size/],
      ['/v1/images/generations', { ...IMAGE, aspect_ratio: '7:1' }, 422, /aspect_ratio/],
      ['/v1/images/edits', IMAGE, 422, /image/],
      ['/v1/videos/generations', { ...VIDEO, duration: 16 }, 422, /duration/],
      ['/v1/videos/generations', { ...VIDEO, reference_images: [] }, 422, /reference_images/],
      ['/v1/videos/generations', IMAGE, 404, /grok-imagine-image/],
    ];
    for (const [path, body, status, words] of wrong)
      assert.match(Object(jsonOf(await send('POST', path, { body, headers }), status)).error, words);
    jsonOf(await send('GET', '/v1/videos/unknown', { headers }), 404);
    assert.match(Object(jsonOf(await send('GET', '/v1/models'), 400)).error, /API key/);
    assert.deepEqual(await double.ledger(), []);
  });

  for (const [fault, status] of [
    ['p14-late-refusal', 'done'],
    ['failed', 'failed'],
  ] as const) {
    it(`tells how a video ended: ${fault}`, async (t) => {
      const { clock, send } = await playDouble(t, xaiDouble, { fault });
      const { request_id: id } = Object(
        jsonOf(await send('POST', '/v1/videos/generations', { body: VIDEO, headers }), 200),
      );
      clock.advance(10_000);
      const ended = Object(jsonOf(await send('GET', `/v1/videos/${id}`, { headers }), 200));
      assert.equal(ended.status, status);
      assert.equal(ended.video?.respect_moderation, fault === 'failed' ? undefined : false);
    });
  }
});
