import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { double as minimaxDouble } from './minimax.ts';

const headers = { authorization: 'Bearer double-minimax-key' };
const START = '/v1/video_generation';
const VIDEO = { model: 'MiniMax-Hailuo-02', prompt: 'x', duration: 6, resolution: '1080P', prompt_optimizer: false };
const FRAME = 'https://a.test/b.png';

describe('the double of MiniMax', () => {
  it('delivers in three steps', async (t) => {
    const { clock, send } = await playDouble(t, minimaxDouble);
    const body = { ...VIDEO, first_frame_image: FRAME, last_frame_image: FRAME };
    const { task_id: id } = Object(jsonOf(await send('POST', START, { body, headers }), 200));
    const look = async () =>
      Object(jsonOf(await send('GET', `/v1/query/video_generation?task_id=${id}`, { headers }), 200));
    clock.advance(5_000);
    assert.equal((await look()).status, 'Processing');
    clock.advance(5_000);
    const { status, file_id: fileId } = await look();
    assert.equal(status, 'Success');
    const retrieved = Object(jsonOf(await send('GET', `/v1/files/retrieve?file_id=${fileId}`, { headers }), 200));
    const file = await send('GET', retrieved.file.download_url);
    assert.equal(file.kind === 'answer' && file.headers.get('content-type'), 'video/mp4');
  });

  it('refuses the rest by a number and the field’s name, and buys nothing', async (t) => {
    const { double, send } = await playDouble(t, minimaxDouble);
    const wrong: [object, RegExp][] = [
      [{ ...VIDEO, model: 'video-01' }, /video-01/],
      [{ ...VIDEO, duration: 10 }, /no such length/],
      [{ ...VIDEO, resolution: '1080p' }, /resolution/],
      [{ ...VIDEO, aspect_ratio: '16:9' }, /aspect_ratio/],
      [{ ...VIDEO, model: 'MiniMax-Hailuo-2.3', last_frame_image: FRAME }, /last_frame_image/],
      [{ ...VIDEO, model: 'MiniMax-Hailuo-2.3-Fast' }, /first_frame_image/],
    ];
    for (const [body, words] of wrong) {
      const { base_resp: base } = Object(jsonOf(await send('POST', START, { body, headers }), 200));
      assert.equal(base.status_code, 2013);
      assert.match(base.status_msg, words);
    }
    const unknown = Object(jsonOf(await send('POST', START, { body: VIDEO }), 200));
    assert.equal(unknown.base_resp.status_code, 1004);
    assert.deepEqual(await double.ledger(), []);
  });

  for (const [fault, code] of [
    ['p14-late-refusal', 1027],
    ['failed', 0],
  ] as const) {
    it(`fails in words or by a number: ${fault}`, async (t) => {
      const { clock, send } = await playDouble(t, minimaxDouble, { fault });
      const { task_id: id } = Object(jsonOf(await send('POST', START, { body: VIDEO, headers }), 200));
      clock.advance(10_000);
      const at = `/v1/query/video_generation?task_id=${id}`;
      const ended = Object(jsonOf(await send('GET', at, { headers }), 200));
      assert.deepEqual([ended.status, ended.base_resp.status_code], ['Fail', code]);
    });
  }
});
