import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { double as runwayDouble } from './runway.ts';

const headers = { authorization: 'Bearer double-runway-key', 'x-runway-version': '2024-11-06' };
const WORDS = { model: 'gen4.5', promptText: 'x', ratio: '1280:720', duration: 5 };
const PICTURE = { ...WORDS, model: 'gen4_turbo', promptImage: 'https://a.test/b.png', ratio: '1584:672', seed: 7 };

describe('the double of Runway', () => {
  it('runs a task by either path, tells its share and what it cost, and delivers', async (t) => {
    const { clock, send } = await playDouble(t, runwayDouble);
    for (const [path, body, credits] of [
      ['/v1/text_to_video', WORDS, 60],
      ['/v1/image_to_video', PICTURE, 25],
    ] as const) {
      const { id } = Object(jsonOf(await send('POST', path, { body, headers }), 200));
      const look = async () => Object(jsonOf(await send('GET', `/v1/tasks/${id}`, { headers }), 200));
      clock.advance(5_000);
      const { status, progress } = await look();
      assert.ok(status === 'RUNNING' && progress > 0 && progress < 1);
      clock.advance(5_000);
      const done = await look();
      assert.deepEqual([done.status, done.cost.credits], ['SUCCEEDED', credits]);
      const file = await send('GET', done.output[0]);
      assert.equal(file.kind === 'answer' && file.headers.get('content-type'), 'video/mp4');
    }
  });

  it('stops a task, which cannot be looked at again', async (t) => {
    const { send } = await playDouble(t, runwayDouble);
    const { id } = Object(jsonOf(await send('POST', '/v1/text_to_video', { body: WORDS, headers }), 200));
    const stopped = await send('DELETE', `/v1/tasks/${id}`, { headers });
    assert.equal(stopped.kind === 'answer' && stopped.status, 204);
    jsonOf(await send('GET', `/v1/tasks/${id}`, { headers }), 404);
  });

  it('refuses the rest by the field’s name, and buys nothing', async (t) => {
    const { double, send } = await playDouble(t, runwayDouble);
    const wrong: [string, object, RegExp][] = [
      ['/v1/text_to_video', { ...WORDS, model: 'gen4_turbo' }, /gen4_turbo does not run here/],
      ['/v1/text_to_video', { ...WORDS, ratio: '960:960' }, /ratio/],
      ['/v1/text_to_video', { ...WORDS, duration: undefined }, /duration/],
      ['/v1/text_to_video', { ...WORDS, promptText: 'x'.repeat(1_001) }, /promptText/],
      ['/v1/image_to_video', { ...PICTURE, promptImage: undefined }, /promptImage/],
      ['/v1/image_to_video', { ...PICTURE, seed: -1 }, /seed/],
      ['/v1/image_to_video', { ...PICTURE, style: 'x' }, /style/],
    ];
    for (const [path, body, words] of wrong)
      assert.match(Object(jsonOf(await send('POST', path, { body, headers }), 400)).error, words);
    const { authorization } = headers;
    jsonOf(await send('GET', '/v1/organization', { headers: { authorization } }), 400);
    jsonOf(await send('GET', '/v1/organization'), 401);
    assert.deepEqual(await double.ledger(), []);
  });

  for (const [fault, code] of [
    ['p14-late-refusal', /^SAFETY/],
    ['failed', /^INTERNAL/],
  ] as const) {
    it(`fails with a code: ${fault}`, async (t) => {
      const { clock, send } = await playDouble(t, runwayDouble, { fault });
      const { id } = Object(jsonOf(await send('POST', '/v1/text_to_video', { body: WORDS, headers }), 200));
      clock.advance(10_000);
      const ended = Object(jsonOf(await send('GET', `/v1/tasks/${id}`, { headers }), 200));
      assert.equal(ended.status, 'FAILED');
      assert.match(ended.failureCode, code);
    });
  }
});
