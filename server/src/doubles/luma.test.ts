import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { double as lumaDouble } from './luma.ts';

const headers = { authorization: 'Bearer double-luma-key' };
const ROOT = '/dream-machine/v1';
const START = `${ROOT}/generations/video`;
const VIDEO = { model: 'ray-2', prompt: 'x', duration: '9s', resolution: '720p' };
const FRAME = { type: 'image', url: 'https://a.test/b.png' };

describe('the double of Luma', () => {
  it('queues, dreams and delivers', async (t) => {
    const { clock, double, send } = await playDouble(t, lumaDouble);
    const body = { ...VIDEO, keyframes: { frame0: FRAME, frame1: FRAME }, concepts: [{ key: 'pan_left' }], loop: true };
    const { id, state } = Object(jsonOf(await send('POST', START, { body, headers }), 201));
    assert.equal(state, 'queued');
    const look = async () => Object(jsonOf(await send('GET', `${ROOT}/generations/${id}`, { headers }), 200));
    clock.advance(5_000);
    assert.equal((await look()).state, 'dreaming');
    clock.advance(5_000);
    const file = await send('GET', (await look()).assets.video);
    assert.equal(file.kind === 'answer' && file.headers.get('content-type'), 'video/mp4');
    assert.deepEqual(
      (await double.ledger()).map(({ costMicroUsd }) => costMicroUsd),
      [1_278_000],
    );
  });

  it('is stopped by a deletion', async (t) => {
    const { clock, send } = await playDouble(t, lumaDouble);
    const { id } = Object(jsonOf(await send('POST', START, { body: VIDEO, headers }), 201));
    const deleted = await send('DELETE', `${ROOT}/generations/${id}`, { headers });
    assert.equal(deleted.kind === 'answer' && deleted.status, 204);
    clock.advance(10_000);
    const { state } = Object(jsonOf(await send('GET', `${ROOT}/generations/${id}`, { headers }), 200));
    assert.equal(state, 'failed');
  });

  it('refuses the rest by the field’s name, and buys nothing', async (t) => {
    const { double, send } = await playDouble(t, lumaDouble);
    const wrong: [object, RegExp][] = [
      [{ ...VIDEO, model: 'ray-9' }, /ray-9/],
      [{ ...VIDEO, duration: 5 }, /duration/],
      [{ ...VIDEO, seed: 1 }, /seed/],
      [{ ...VIDEO, concepts: ['pan_left'] }, /concepts/],
      [{ ...VIDEO, keyframes: { frame0: { url: 'https://a.test/b.png' } } }, /frame0\.type/],
      [{ ...VIDEO, keyframes: { frame1: { ...FRAME, url: 'data:image/png;base64,AAAA' } } }, /frame1\.url/],
    ];
    for (const [body, words] of wrong)
      assert.match(Object(jsonOf(await send('POST', START, { body, headers }), 400)).detail, words);
    jsonOf(await send('GET', `${ROOT}/credits`), 403);
    assert.deepEqual(await double.ledger(), []);
  });

  for (const [fault, words] of [
    ['p14-late-refusal', /moderation/],
    ['failed', /internal error/],
  ] as const) {
    it(`fails with a reason: ${fault}`, async (t) => {
      const { clock, send } = await playDouble(t, lumaDouble, { fault });
      const { id } = Object(jsonOf(await send('POST', START, { body: VIDEO, headers }), 201));
      clock.advance(10_000);
      const ended = Object(jsonOf(await send('GET', `${ROOT}/generations/${id}`, { headers }), 200));
      assert.equal(ended.state, 'failed');
      assert.match(ended.failure_reason, words);
    });
  }
});
