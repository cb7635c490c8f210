import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { double as bflDouble } from './bfl.ts';
import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { encodePng } from './png.ts';
import { readPicture } from './read-picture.ts';
import { receiveCallbacks } from './wire-test-kit.ts';

const headers = { 'x-key': 'double-bfl-key' };
const paint = (width: number, height: number): string => encodePng({ width, height }, [0, 0, 0]).toString('base64');
const PICTURE = paint(640, 480);

const GOOD: readonly { route: string; body: object; size: [number, number] }[] = [
  { route: 'flux-pro-1.1', body: {}, size: [1024, 768] },
  {
    route: 'flux-pro-1.1',
    body: { prompt: 'x', width: 256, height: 1440, seed: null, image_prompt: PICTURE },
    size: [256, 1440],
  },
  { route: 'flux-pro-1.1-ultra', body: { prompt: 'x', aspect_ratio: '1:1', raw: true }, size: [2048, 2048] },
  { route: 'flux-dev', body: { prompt: 'x', steps: 28, guidance: 3 }, size: [1024, 768] },
  { route: 'flux-2-pro', body: { prompt: 'x' }, size: [1024, 1024] },
  {
    route: 'flux-2-pro',
    body: { prompt: 'x', input_image: PICTURE, input_image_8: 'https://a.test/b.png' },
    size: [640, 480],
  },
  { route: 'flux-2-max', body: { prompt: 'x', width: 1040, height: 64, safety_tolerance: 5 }, size: [1040, 64] },
  { route: 'flux-2-flex', body: { prompt: 'x', steps: 50, guidance: 10 }, size: [1024, 1024] },
  { route: 'flux-pro-1.0-fill', body: { image: PICTURE, mask: PICTURE, guidance: 60 }, size: [640, 480] },
  { route: 'flux-pro-1.0-expand', body: { image: PICTURE, left: 100, top: 20 }, size: [740, 500] },
];

const BAD: readonly { route: string; body: object; loc: string; type: string }[] = [
  { route: 'flux-pro-1.1', body: { width: 1000 }, loc: 'width', type: 'multiple_of' },
  { route: 'flux-pro-1.1', body: { width: 1472 }, loc: 'width', type: 'less_than_equal' },
  { route: 'flux-pro-1.1', body: { height: 224 }, loc: 'height', type: 'greater_than_equal' },
  { route: 'flux-pro-1.1', body: { height: '1024' }, loc: 'height', type: 'integer_type' },
  { route: 'flux-pro-1.1', body: { output_format: 'jpg' }, loc: 'output_format', type: 'enum' },
  { route: 'flux-pro-1.1', body: { safety_tolerance: 7 }, loc: 'safety_tolerance', type: 'less_than_equal' },
  { route: 'flux-pro-1.1', body: { image_prompt: 'https://a.test/b.png' }, loc: 'image_prompt', type: 'value_error' },
  {
    route: 'flux-pro-1.1',
    body: { image_prompt: Buffer.from('text').toString('base64') },
    loc: 'image_prompt',
    type: 'value_error',
  },
  { route: 'flux-pro-1.1', body: { webhook_url: '' }, loc: 'webhook_url', type: 'string_too_short' },
  { route: 'flux-pro-1.1-ultra', body: { aspect_ratio: 'wide' }, loc: 'aspect_ratio', type: 'string_pattern_mismatch' },
  {
    route: 'flux-pro-1.1-ultra',
    body: { image_prompt_strength: 2 },
    loc: 'image_prompt_strength',
    type: 'less_than_equal',
  },
  { route: 'flux-2-pro', body: {}, loc: 'prompt', type: 'missing' },
  { route: 'flux-2-pro', body: { prompt: 'x', safety_tolerance: 6 }, loc: 'safety_tolerance', type: 'less_than_equal' },
  { route: 'flux-2-pro', body: { prompt: 'x', width: 2048, height: 2064 }, loc: 'width', type: 'less_than_equal' },
  { route: 'flux-2-pro', body: { prompt: 'x', width: 32 }, loc: 'width', type: 'greater_than_equal' },
  { route: 'flux-pro-1.0-fill', body: { mask: PICTURE }, loc: 'image', type: 'missing' },
  { route: 'flux-pro-1.0-fill', body: { image: PICTURE, mask: paint(64, 64) }, loc: 'mask', type: 'value_error' },
  { route: 'flux-pro-1.0-fill', body: { image: PICTURE, guidance: 1 }, loc: 'guidance', type: 'greater_than_equal' },
  { route: 'flux-pro-1.0-expand', body: { image: PICTURE, top: 2049 }, loc: 'top', type: 'less_than_equal' },
];

describe('the double of Black Forest Labs', () => {
  it('takes what its routes allow, and delivers exactly the asked size as JPEG', async (t) => {
    const { clock, send } = await playDouble(t, bflDouble);
    for (const { route, body, size } of GOOD) {
      const task = Object(jsonOf(await send('POST', `/v1/${route}`, { body, headers }), 200));
      clock.advance(10_000);
      const look = Object(jsonOf(await send('GET', task.polling_url, { headers }), 200));
      assert.equal(look.status, 'Ready', route);
      const file = await send('GET', look.result.sample);
      assert.equal(file.kind === 'answer' && file.headers.get('content-type'), 'image/jpeg');
      const head = file.kind === 'answer' ? readPicture(file.body) : null;
      assert.deepEqual(head, { format: 'jpeg', width: size[0], height: size[1] }, route);
    }
  });

  it('refuses the rest with 422 that names the field, and buys nothing', async (t) => {
    const { double, send } = await playDouble(t, bflDouble);
    for (const { route, body, loc, type } of BAD) {
      const { detail } = Object(jsonOf(await send('POST', `/v1/${route}`, { body, headers }), 422));
      const seen = detail.map((item: { loc: unknown; type: unknown }) => [item.loc, item.type]);
      assert.deepEqual(seen, [[['body', loc], type]], JSON.stringify(body).slice(0, 80));
    }
    assert.deepEqual(await double.ledger(), []);
  });

  it('refuses a wrong key with 403, and a route or method that it has not with 404', async (t) => {
    const { send } = await playDouble(t, bflDouble);
    jsonOf(await send('POST', '/v1/flux-pro-1.1', { body: {}, headers: { 'x-key': 'other' } }), 403);
    jsonOf(await send('GET', '/v1/credits'), 403);
    jsonOf(await send('POST', '/v1/flux-pro-9', { body: {}, headers }), 404);
    jsonOf(await send('GET', '/v1/flux-pro-1.1', { headers }), 404);
  });

  it('says which fields the provider would have ignored without a word', async (t) => {
    const { send } = await playDouble(t, bflDouble);
    const heard = await send('POST', '/v1/flux-pro-1.1', { body: { aspect_ratio: '1:1' }, headers });
    assert.equal(heard.kind === 'answer' && heard.headers.get('x-double-ignored'), 'aspect_ratio');
  });

  it('goes from Pending over progress to Ready, and spends credits', async (t) => {
    const { clock, send } = await playDouble(t, bflDouble);
    const task = Object(jsonOf(await send('POST', '/v1/flux-pro-1.1', { body: { seed: 5 }, headers }), 200));
    assert.equal(task.cost, 4);
    const look = async () => Object(jsonOf(await send('GET', task.polling_url, { headers }), 200));
    assert.deepEqual([(await look()).status, (await look()).progress], ['Pending', null]);
    clock.advance(4_000);
    assert.deepEqual([(await look()).status, (await look()).progress], ['Pending', 0.4]);
    clock.advance(6_000);
    assert.deepEqual([(await look()).status, (await look()).result.seed], ['Ready', 5]);
    assert.deepEqual(jsonOf(await send('GET', '/v1/credits', { headers }), 200), { credits: 99_996 });
    const unknown = Object(jsonOf(await send('GET', '/v1/get_result?id=none', { headers }), 200));
    assert.equal(unknown.status, 'Task not found');
  });

  it('lets a result link die after ten minutes, and refuses one that was tampered with', async (t) => {
    const { clock, send } = await playDouble(t, bflDouble);
    const task = Object(jsonOf(await send('POST', '/v1/flux-pro-1.1', { body: {}, headers }), 200));
    clock.advance(10_000);
    const { sample } = Object(jsonOf(await send('GET', task.polling_url, { headers }), 200)).result;
    const status = async (url: string) => {
      const heard = await send('GET', url);
      return heard.kind === 'answer' ? heard.status : null;
    };
    assert.equal(await status(sample.replace(/se=\d/, 'se=9')), 403);
    clock.advance(600_000);
    assert.equal(await status(sample), 200);
    clock.advance(1);
    assert.equal(await status(sample), 403);
  });

  it('calls back with the result, signed, again until it is taken, and then gives no polling address', async (t) => {
    const receiver = await receiveCallbacks(t, { refuseFirst: 2 });
    const { clock, double, send } = await playDouble(t, bflDouble);
    const body = { prompt: 'x', webhook_url: receiver.url, webhook_secret: 's' };
    const task = Object(jsonOf(await send('POST', '/v1/flux-pro-1.1', { body, headers }), 200));
    assert.deepEqual([task.status, task.webhook_url, task.polling_url], ['Pending', receiver.url, undefined]);
    clock.advance(10_000);
    for (const count of [1, 2, 3]) {
      await receiver.until(count);
      while (double.state().callbacks.waiting > 0) await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1_000);
    }
    const [, , last] = receiver.received;
    assert.equal(JSON.parse(last?.body ?? '').status, 'Ready');
    assert.match(String(last?.headers['x-bfl-signature']), /^sha256=[0-9a-f]{64}$/);
    assert.deepEqual(double.state().callbacks, { sent: 1, failed: 0, waiting: 0 });
  });
});
