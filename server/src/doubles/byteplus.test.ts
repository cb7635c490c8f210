import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { double as byteplusDouble } from './byteplus.ts';
import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { readPicture } from './read-picture.ts';

const headers = { authorization: 'Bearer double-byteplus-key' };
const TASKS = '/api/v3/contents/generations/tasks';
const PICTURES = '/api/v3/images/generations';
const TEXT = { type: 'text', text: 'x' };
const frame = (role: string): object => ({ type: 'image_url', image_url: { url: 'https://a.test/b.png' }, role });
const SOUND = { type: 'audio_url', audio_url: { url: 'https://a.test/b.mp3' }, role: 'reference_audio' };
const VIDEO = { model: 'dreamina-seedance-2-0-260128', content: [TEXT], duration: 4, resolution: '720p' };
const OLDER = { model: 'seedance-1-0-pro-250528', content: [TEXT], duration: 5, camera_fixed: true };
const PICTURE = { model: 'seedream-4-5-251128', prompt: 'x', size: '2560x1440' };

describe('the double of BytePlus ModelArk', () => {
  it('answers a picture’s start with the picture', async (t) => {
    const { send } = await playDouble(t, byteplusDouble, { durationMs: 100 });
    const body = { ...PICTURE, image: ['https://a.test/b.png'], sequential_image_generation: 'disabled' };
    const { data } = Object(jsonOf(await send('POST', PICTURES, { body, headers, stepMs: 50 }), 200));
    assert.equal(data[0].size, '2560x1440');
    const file = await send('GET', data[0].url);
    const head = file.kind === 'answer' ? readPicture(file.body) : null;
    assert.deepEqual(head, { format: 'jpeg', width: 2560, height: 1440 });
  });

  it('queues a video, runs it, delivers it and counts its tokens', async (t) => {
    const { clock, double, send } = await playDouble(t, byteplusDouble);
    const body = { ...VIDEO, content: [TEXT, frame('reference_image'), SOUND], tools: [{ type: 'web_search' }] };
    const { id } = Object(jsonOf(await send('POST', TASKS, { body, headers }), 200));
    const look = async () => Object(jsonOf(await send('GET', `${TASKS}/${id}`, { headers }), 200));
    clock.advance(5_000);
    assert.equal((await look()).status, 'running');
    assert.match(Object(jsonOf(await send('DELETE', `${TASKS}/${id}`, { headers }), 400)).error.message, /running/);
    clock.advance(5_000);
    const done = await look();
    assert.deepEqual([done.status, done.usage.completion_tokens], ['succeeded', 86_400]);
    const file = await send('GET', done.content.video_url);
    assert.equal(file.kind === 'answer' && file.headers.get('content-type'), 'video/mp4');
    const { items, total } = Object(jsonOf(await send('GET', `${TASKS}?page_num=1&page_size=1`, { headers }), 200));
    assert.deepEqual([items[0].id, total], [id, 1]);
    assert.deepEqual(
      (await double.ledger()).map(({ costMicroUsd }) => costMicroUsd),
      [604_800],
    );
  });

  it('cancels what waits', async (t) => {
    const { send } = await playDouble(t, byteplusDouble);
    const { id } = Object(jsonOf(await send('POST', TASKS, { body: OLDER, headers }), 200));
    jsonOf(await send('DELETE', `${TASKS}/${id}`, { headers }), 200);
    assert.equal(Object(jsonOf(await send('GET', `${TASKS}/${id}`, { headers }), 200)).status, 'cancelled');
  });

  it('refuses the rest by the field’s name, and buys nothing', async (t) => {
    const { double, send } = await playDouble(t, byteplusDouble);
    const wrong: [string, object, string, number?][] = [
      [TASKS, { ...VIDEO, model: 'seedance-9' }, '', 404],
      [TASKS, { ...VIDEO, prompt: 'x' }, 'prompt'],
      [TASKS, { ...VIDEO, camera_fixed: true }, 'camera_fixed'],
      [TASKS, { ...VIDEO, duration: 16 }, 'duration'],
      [TASKS, { ...OLDER, generate_audio: true }, 'generate_audio'],
      [TASKS, { ...OLDER, ratio: '9:21' }, 'ratio'],
      [TASKS, { ...VIDEO, content: [TEXT, frame('last_frame')] }, 'content'],
      [TASKS, { ...VIDEO, content: [TEXT, frame('first_frame'), frame('reference_image')] }, 'content'],
      [TASKS, { ...VIDEO, content: [TEXT, SOUND] }, 'content'],
      [TASKS, { ...VIDEO, content: [TEXT, { type: 'image_url' }] }, 'content'],
      [TASKS, { ...OLDER, content: [TEXT, frame('reference_image')] }, 'content'],
      [PICTURES, { ...PICTURE, size: '1024x1024' }, 'size'],
      [PICTURES, { ...PICTURE, size: 'large' }, 'size'],
      [PICTURES, { ...PICTURE, seed: 1 }, 'seed'],
      [PICTURES, { ...PICTURE, prompt: undefined }, 'prompt'],
      [PICTURES, { ...PICTURE, callback_url: 'https://a.test' }, 'callback_url'],
    ];
    for (const [path, body, param, status = 400] of wrong)
      assert.equal(Object(jsonOf(await send('POST', path, { body, headers }), status)).error.param, param);
    assert.equal(Object(jsonOf(await send('GET', TASKS), 401)).error.code, 'AuthenticationError');
    jsonOf(await send('GET', `${TASKS}/cgt-unknown`, { headers }), 404);
    assert.deepEqual(await double.ledger(), []);
  });

  for (const [fault, code] of [
    ['p14-late-refusal', 'OutputVideoSensitiveContentDetected'],
    ['failed', 'InternalServiceError'],
  ] as const) {
    it(`fails with a code: ${fault}`, async (t) => {
      const { clock, send } = await playDouble(t, byteplusDouble, { fault });
      const { id } = Object(jsonOf(await send('POST', TASKS, { body: VIDEO, headers }), 200));
      clock.advance(10_000);
      const ended = Object(jsonOf(await send('GET', `${TASKS}/${id}`, { headers }), 200));
      assert.deepEqual([ended.status, ended.error.code], ['failed', code]);
    });
  }
});
