import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { double as dashscopeDouble } from './dashscope.ts';
import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { readPicture } from './read-picture.ts';

const plain = { authorization: 'Bearer double-dashscope-key' };
const headers = { ...plain, 'x-dashscope-async': 'enable' };
const VIDEO = '/api/v1/services/aigc/video-generation/video-synthesis';
const PICTURE = '/api/v1/services/aigc/multimodal-generation/generation';
const KITE = { model: 'wan2.6-t2v', input: { prompt: 'x' }, parameters: { size: '1280*720', duration: 5 } };
const messages = [{ role: 'user', content: [{ text: 'x' }, { image: 'https://a.test/b.png' }] }];
const DRAWN = { model: 'qwen-image-2.0', input: { messages }, parameters: { size: '1024*2048', n: 1 } };
const framed = (...types: string[]): object => ({
  model: 'wan2.7-i2v',
  input: { prompt: 'x', media: types.map((type) => ({ type, url: 'https://a.test/b.png' })) },
});

describe('the double of Alibaba’s Model Studio', () => {
  it('answers a picture’s start with the picture', async (t) => {
    const { send } = await playDouble(t, dashscopeDouble, { durationMs: 100 });
    const { output } = Object(jsonOf(await send('POST', PICTURE, { body: DRAWN, headers: plain, stepMs: 50 }), 200));
    const file = await send('GET', output.choices[0].message.content[0].image);
    const head = file.kind === 'answer' ? readPicture(file.body) : null;
    assert.deepEqual(head, { format: 'png', width: 1024, height: 2048 });
  });

  it('takes a video as a task, runs it and delivers it', async (t) => {
    const { clock, double, send } = await playDouble(t, dashscopeDouble);
    const { output } = Object(jsonOf(await send('POST', VIDEO, { body: KITE, headers }), 200));
    assert.equal(output.task_status, 'PENDING');
    const path = `/api/v1/tasks/${output.task_id}`;
    const look = async () => Object(jsonOf(await send('GET', path, { headers: plain }), 200)).output;
    clock.advance(5_000);
    assert.equal((await look()).task_status, 'RUNNING');
    jsonOf(await send('POST', `${path}/cancel`, { headers: plain }), 400);
    clock.advance(5_000);
    const done = await look();
    assert.equal(done.task_status, 'SUCCEEDED');
    const file = await send('GET', done.video_url);
    assert.equal(file.kind === 'answer' && file.headers.get('content-type'), 'video/mp4');
    assert.equal((await double.ledger()).length, 1);
  });

  it('cancels what waits', async (t) => {
    const { send } = await playDouble(t, dashscopeDouble);
    const body = framed('first_frame', 'last_frame', 'driving_audio');
    const { output } = Object(jsonOf(await send('POST', VIDEO, { body, headers }), 200));
    const path = `/api/v1/tasks/${output.task_id}`;
    jsonOf(await send('POST', `${path}/cancel`, { headers: plain }), 200);
    assert.equal(Object(jsonOf(await send('GET', path, { headers: plain }), 200)).output.task_status, 'CANCELED');
  });

  it('refuses the rest by the field’s name, and buys nothing', async (t) => {
    const { double, send } = await playDouble(t, dashscopeDouble);
    const wrong: [string, object, RegExp, number?][] = [
      [VIDEO, { ...KITE, model: 'wan9' }, /wan9/, 404],
      [VIDEO, { ...KITE, prompt: 'x' }, /prompt/],
      [VIDEO, { ...KITE, parameters: { size: '1280x720' } }, /parameters\.size/],
      [VIDEO, { ...KITE, model: 'wan2.6-i2v' }, /img_url/],
      [VIDEO, framed('last_frame'), /media/],
      [VIDEO, framed('first_clip', 'first_frame'), /media/],
      [VIDEO, framed('first_clip', 'driving_audio'), /media/],
      [PICTURE, { ...DRAWN, parameters: { size: '2048*2064' } }, /size/],
      [PICTURE, { ...DRAWN, parameters: { size: '2K' } }, /size/],
    ];
    for (const [path, body, words, status = 400] of wrong)
      assert.match(Object(jsonOf(await send('POST', path, { body, headers }), status)).message, words);
    jsonOf(await send('POST', VIDEO, { body: KITE, headers: plain }), 403);
    assert.equal(Object(jsonOf(await send('GET', '/api/v1/tasks/x'), 401)).code, 'InvalidApiKey');
    const unknown = Object(jsonOf(await send('GET', '/api/v1/tasks/x', { headers: plain }), 200));
    assert.equal(unknown.output.task_status, 'UNKNOWN');
    assert.deepEqual(await double.ledger(), []);
  });

  for (const [fault, code] of [
    ['p14-late-refusal', 'DataInspectionFailed'],
    ['failed', 'InternalError'],
  ] as const) {
    it(`fails with a code: ${fault}`, async (t) => {
      const { clock, send } = await playDouble(t, dashscopeDouble, { fault });
      const { output } = Object(jsonOf(await send('POST', VIDEO, { body: KITE, headers }), 200));
      clock.advance(10_000);
      const ended = Object(
        jsonOf(await send('GET', `/api/v1/tasks/${output.task_id}`, { headers: plain }), 200),
      ).output;
      assert.deepEqual([ended.task_status, ended.code], ['FAILED', code]);
    });
  }
});
