import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { double as klingDouble } from './kling.ts';
import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { readPicture } from './read-picture.ts';
import { receiveCallbacks } from './wire-test-kit.ts';

const headers = { authorization: 'Bearer double-kling-key' };
const PICTURE = 'https://a.test/b.png';
const VIDEO = { model_name: 'kling-v2-6', prompt: 'x', duration: '5', mode: 'pro', sound: 'on' };

const GOOD: readonly { path: string; body: object }[] = [
  { path: 'videos/text2video', body: { ...VIDEO, aspect_ratio: '9:16', external_task_id: 'ours' } },
  { path: 'videos/image2video', body: { ...VIDEO, image: PICTURE } },
  { path: 'videos/image2video', body: { model_name: 'kling-v3', prompt: 'x', image: PICTURE, image_tail: PICTURE } },
  {
    path: 'videos/motion-control',
    body: {
      model_name: 'kling-v3',
      prompt: 'x',
      mode: 'std',
      image_url: PICTURE,
      video_url: PICTURE,
      character_orientation: 'image',
    },
  },
  {
    path: 'videos/omni-video',
    body: {
      model_name: 'kling-v3-omni',
      prompt: 'x',
      image_list: [{ image_url: PICTURE }],
      video_list: [{ video_url: PICTURE, refer_type: 'base', keep_original_sound: 'yes' }],
    },
  },
];

const BAD: readonly { path: string; body: object; words: RegExp }[] = [
  { path: 'videos/text2video', body: { prompt: 'x' }, words: /model_name/ },
  { path: 'videos/omni-video', body: VIDEO, words: /model_name is not supported: kling-v2-6/ },
  { path: 'videos/text2video', body: { ...VIDEO, duration: 5 }, words: /^duration/ },
  { path: 'videos/text2video', body: { ...VIDEO, duration: '15' }, words: /^duration/ },
  { path: 'videos/text2video', body: { ...VIDEO, sound: true }, words: /^sound/ },
  { path: 'videos/image2video', body: VIDEO, words: /^image .*missing/ },
  {
    path: 'videos/image2video',
    body: { ...VIDEO, image: 'data:image/png;base64,AAAA' },
    words: /^image .*picture/,
  },
  {
    path: 'videos/omni-video',
    body: { model_name: 'kling-v3-omni', prompt: 'x', image_list: [PICTURE] },
    words: /^image_list\.0 .*object/,
  },
  {
    path: 'videos/omni-video',
    body: { model_name: 'kling-v3-omni', prompt: 'x', video_list: [{ video_url: PICTURE, refer_type: 'x' }] },
    words: /^video_list\.0\.refer_type/,
  },
  { path: 'images/generations', body: { model_name: 'kling-v2', prompt: 'x', n: 5 }, words: /^n / },
];

describe('the double of Kling', () => {
  it('takes what each path allows, and delivers a video', async (t) => {
    const { clock, send } = await playDouble(t, klingDouble);
    for (const { path, body } of GOOD) {
      const { code, data } = Object(jsonOf(await send('POST', `/v1/${path}`, { body, headers }), 200));
      assert.deepEqual([code, data.task_status], [0, 'submitted'], path);
      const look = async () => Object(jsonOf(await send('GET', `/v1/${path}/${data.task_id}`, { headers }), 200)).data;
      clock.advance(5_000);
      assert.equal((await look()).task_status, 'processing', path);
      clock.advance(5_000);
      const [video] = (await look()).task_result.videos;
      const file = await send('GET', video.url);
      assert.equal(file.kind === 'answer' && file.headers.get('content-type'), 'video/mp4', path);
    }
  });

  it('delivers as many pictures as were asked for', async (t) => {
    const { clock, send } = await playDouble(t, klingDouble);
    const body = { model_name: 'kling-v1-5', prompt: 'x', n: 3, aspect_ratio: '1:1' };
    const { data } = Object(jsonOf(await send('POST', '/v1/images/generations', { body, headers }), 200));
    clock.advance(10_000);
    const at = `/v1/images/generations/${data.task_id}`;
    const { images } = Object(jsonOf(await send('GET', at, { headers }), 200)).data.task_result;
    assert.equal(images.length, 3);
    const file = await send('GET', images[2].url);
    const head = file.kind === 'answer' ? readPicture(file.body) : null;
    assert.deepEqual(head, { format: 'png', width: 1024, height: 1024 });
  });

  it('refuses the rest with a number and the name of the field, and buys nothing', async (t) => {
    const { double, send } = await playDouble(t, klingDouble);
    for (const { path, body, words } of BAD) {
      const { code, message } = Object(jsonOf(await send('POST', `/v1/${path}`, { body, headers }), 400));
      assert.equal(code, 1201);
      assert.match(message, words);
    }
    assert.deepEqual(await double.ledger(), []);
  });

  it('knows work on the path alone where it was started', async (t) => {
    const { send } = await playDouble(t, klingDouble);
    const { data } = Object(jsonOf(await send('POST', '/v1/videos/text2video', { body: VIDEO, headers }), 200));
    const missing = await send('GET', `/v1/videos/image2video/${data.task_id}`, { headers });
    assert.equal(Object(jsonOf(missing, 404)).code, 1203);
    const listed = await send('GET', '/v1/videos/text2video?pageNum=1&pageSize=1', { headers });
    assert.equal(Object(jsonOf(listed, 200)).data[0].task_id, data.task_id);
    const other = await send('GET', '/v1/videos/image2video?pageNum=1&pageSize=1', { headers });
    assert.deepEqual(Object(jsonOf(other, 200)).data, []);
  });

  it('refuses a wrong key, a path that it has not, and to stop anything', async (t) => {
    const { send } = await playDouble(t, klingDouble);
    assert.equal(Object(jsonOf(await send('GET', '/v1/videos/text2video'), 401)).code, 1000);
    jsonOf(await send('POST', '/v1/videos/lip-sync', { body: VIDEO, headers }), 404);
    const { data } = Object(jsonOf(await send('POST', '/v1/videos/text2video', { body: VIDEO, headers }), 200));
    jsonOf(await send('DELETE', `/v1/videos/text2video/${data.task_id}`, { headers }), 404);
  });

  it('says which fields it does not know', async (t) => {
    const { send } = await playDouble(t, klingDouble);
    const heard = await send('POST', '/v1/videos/text2video', { body: { ...VIDEO, seed: 7 }, headers });
    assert.equal(heard.kind === 'answer' && heard.headers.get('x-double-ignored'), 'seed');
  });

  for (const [fault, words] of [
    ['p14-late-refusal', /risk control/],
    ['failed', /internal error/],
  ] as const) {
    it(`fails in words alone: ${fault}`, async (t) => {
      const { clock, send } = await playDouble(t, klingDouble, { fault });
      const { data } = Object(jsonOf(await send('POST', '/v1/videos/text2video', { body: VIDEO, headers }), 200));
      clock.advance(10_000);
      const at = `/v1/videos/text2video/${data.task_id}`;
      const task = Object(jsonOf(await send('GET', at, { headers }), 200)).data;
      assert.equal(task.task_status, 'failed');
      assert.match(task.task_status_msg, words);
    });
  }

  it('calls back with the task once it has ended', async (t) => {
    const receiver = await receiveCallbacks(t);
    const { clock, send } = await playDouble(t, klingDouble);
    const body = { ...VIDEO, callback_url: receiver.url, external_task_id: 'ours' };
    const { data } = Object(jsonOf(await send('POST', '/v1/videos/text2video', { body, headers }), 200));
    clock.advance(10_000);
    await receiver.until(1);
    const told = JSON.parse(receiver.received[0]?.body ?? '');
    assert.deepEqual([told.task_id, told.task_status], [data.task_id, 'succeed']);
    assert.equal(told.task_info.external_task_id, 'ours');
  });
});
