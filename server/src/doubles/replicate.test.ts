import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';

import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { encodePng } from './png.ts';
import { readPicture } from './read-picture.ts';
import { double as replicateDouble } from './replicate.ts';
import { receiveCallbacks } from './wire-test-kit.ts';

const headers = { authorization: 'Bearer double-replicate-token' };
const PICTURE = `data:image/png;base64,${encodePng({ width: 640, height: 480 }, [0, 0, 0]).toString('base64')}`;
const path = (model: string): string => `/v1/models/black-forest-labs/${model}/predictions`;

type Case = { model: string; input: Record<string, unknown> };
const GOOD: readonly (Case & { is: [string, number, number] })[] = [
  { model: 'flux-1.1-pro', input: {}, is: ['webp', 1024, 1024] },
  {
    model: 'flux-1.1-pro',
    input: { aspect_ratio: 'custom', width: 256, height: 1440, output_format: 'png' },
    is: ['png', 256, 1440],
  },
  { model: 'flux-1.1-pro', input: { aspect_ratio: '16:9', output_format: 'jpg' }, is: ['jpeg', 1376, 768] },
  { model: 'flux-1.1-pro-ultra', input: { raw: true, image_prompt: PICTURE }, is: ['jpeg', 2048, 2048] },
  {
    model: 'flux-2-pro',
    input: { resolution: '4 MP', input_images: [PICTURE, 'https://a.test/b.png'] },
    is: ['webp', 2048, 2048],
  },
  {
    model: 'flux-2-pro',
    input: { aspect_ratio: 'match_input_image', input_images: [PICTURE] },
    is: ['webp', 640, 480],
  },
  { model: 'flux-2-max', input: { safety_tolerance: 5 }, is: ['webp', 1024, 1024] },
  { model: 'flux-2-flex', input: { steps: 50, guidance: 10 }, is: ['webp', 1024, 1024] },
  { model: 'flux-2-dev', input: { go_fast: true }, is: ['webp', 1024, 1024] },
  { model: 'flux-fill-pro', input: { image: PICTURE, outpaint: 'Make square', guidance: 2 }, is: ['jpeg', 640, 480] },
];

const BAD: readonly (Case & { names: RegExp })[] = [
  { model: 'flux-1.1-pro', input: { width: 1024 }, names: /input\.width: goes only with custom/ },
  { model: 'flux-1.1-pro', input: { aspect_ratio: 'custom', width: 2048, height: 512 }, names: /input\.width: .*1440/ },
  { model: 'flux-1.1-pro', input: { aspect_ratio: 'custom', width: 512 }, names: /input\.height/ },
  { model: 'flux-1.1-pro', input: { aspect_ratio: '7:5' }, names: /input\.aspect_ratio: .*'16:9'/ },
  { model: 'flux-1.1-pro', input: { raw: true }, names: /Additional property raw/ },
  { model: 'flux-1.1-pro', input: { output_format: 'jpeg' }, names: /output_format/ },
  { model: 'flux-1.1-pro', input: { output_quality: 101 }, names: /output_quality: .*100/ },
  { model: 'flux-1.1-pro', input: { safety_tolerance: 0 }, names: /safety_tolerance: .*1/ },
  { model: 'flux-1.1-pro', input: { image_prompt: 'AAAA' }, names: /image_prompt/ },
  { model: 'flux-1.1-pro', input: { image_prompt: 'data:image/png;base64,AAAA' }, names: /image_prompt/ },
  { model: 'flux-1.1-pro', input: { prompt: 7 }, names: /prompt: Invalid type. Expected: string/ },
  { model: 'flux-1.1-pro-ultra', input: { output_format: 'webp' }, names: /output_format/ },
  { model: 'flux-1.1-pro-ultra', input: { aspect_ratio: 'custom' }, names: /aspect_ratio/ },
  { model: 'flux-2-pro', input: { resolution: '1MP' }, names: /resolution: .*'1 MP'/ },
  { model: 'flux-2-pro', input: { safety_tolerance: 6 }, names: /safety_tolerance/ },
  { model: 'flux-2-pro', input: { input_images: PICTURE }, names: /input_images: Invalid type. Expected: array/ },
  { model: 'flux-2-max', input: { prompt_upsampling: true }, names: /Additional property prompt_upsampling/ },
  { model: 'flux-2-dev', input: { resolution: '1 MP' }, names: /Additional property resolution/ },
  { model: 'flux-fill-pro', input: {}, names: /image is required/ },
  { model: 'flux-fill-pro', input: { image: PICTURE, outpaint: 'zoom' }, names: /outpaint/ },
  { model: 'flux-fill-pro', input: { image: PICTURE, guidance: 60 }, names: /guidance/ },
];

describe('the double of Replicate', () => {
  it('takes what its models allow, and delivers the asked size and format', async (t) => {
    const { clock, send } = await playDouble(t, replicateDouble);
    for (const { model, input, is } of GOOD) {
      const body = { input: { prompt: 'x', ...input } };
      const made = Object(jsonOf(await send('POST', path(model), { body, headers }), 201));
      assert.equal(made.status, 'starting');
      clock.advance(10_000);
      const look = Object(jsonOf(await send('GET', made.urls.get, { headers }), 200));
      assert.equal(look.status, 'succeeded', model);
      const file = await send('GET', look.output);
      const head = file.kind === 'answer' ? readPicture(file.body) : null;
      assert.deepEqual(head && [head.format, head.width, head.height], is, JSON.stringify(input).slice(0, 80));
    }
  });

  it('refuses the rest with 422 that names the field, and buys nothing', async (t) => {
    const { double, send } = await playDouble(t, replicateDouble);
    for (const { model, input, names } of BAD) {
      const body = { input: { prompt: 'x', ...input } };
      const answer = Object(jsonOf(await send('POST', path(model), { body, headers }), 422));
      assert.match(answer.detail, names);
      assert.equal(answer.detail.split('\n').length, 1, answer.detail);
    }
    for (const body of [
      {},
      { input: 'x' },
      { input: { prompt: 'x' }, seed: 1 },
      { input: { prompt: 'x' }, webhook: 'x' },
      [],
    ]) {
      jsonOf(await send('POST', path('flux-1.1-pro'), { body, headers }), 422);
    }
    const odd = { ...headers, 'cancel-after': '3s' };
    jsonOf(await send('POST', path('flux-1.1-pro'), { body: { input: { prompt: 'x' } }, headers: odd }), 422);
    assert.deepEqual(await double.ledger(), []);
  });

  it('refuses a wrong key with 401, and what it has not with 404', async (t) => {
    const { send } = await playDouble(t, replicateDouble);
    jsonOf(await send('GET', '/v1/account', { headers: { authorization: 'Bearer other' } }), 401);
    jsonOf(await send('POST', path('flux-9'), { body: {}, headers }), 404);
    jsonOf(await send('GET', '/v1/predictions/none', { headers }), 404);
    assert.deepEqual(Object(jsonOf(await send('GET', '/v1/account', { headers }), 200)).username, 'double');
  });

  it('waits with `Prefer: wait` for the result, though no longer than was said', async (t) => {
    const { send } = await playDouble(t, replicateDouble, { durationMs: 2_000 });
    const body = { input: { prompt: 'x' } };
    const made = async (prefer: string) => {
      const heard = await send('POST', path('flux-1.1-pro'), { body, headers: { ...headers, prefer }, stepMs: 100 });
      return Object(jsonOf(heard, 201)).status;
    };
    assert.equal(await made('wait'), 'succeeded');
    assert.equal(await made('wait=1'), 'processing');
  });

  it('lists what was bought between two instants, newest first, a hundred a page', async (t) => {
    const { clock, send } = await playDouble(t, replicateDouble);
    const begun = new Date(clock.now()).toISOString();
    for (let count = 0; count < 101; count += 1) {
      clock.advance(10);
      const body = { input: { prompt: `number ${count}`, seed: count } };
      jsonOf(await send('POST', path('flux-1.1-pro'), { body, headers }), 201);
    }
    const first = Object(jsonOf(await send('GET', `/v1/predictions?created_after=${begun}`, { headers }), 200));
    assert.deepEqual([first.results.length, first.results[0].input.seed, first.previous], [100, 100, null]);
    const second = Object(jsonOf(await send('GET', first.next, { headers }), 200));
    assert.deepEqual(
      [second.results.map((item: { input: object }) => item.input), second.next],
      [[{ prompt: 'number 0', seed: 0 }], null],
    );
    const now = new Date(clock.now() + 1).toISOString();
    assert.deepEqual(
      Object(jsonOf(await send('GET', `/v1/predictions?created_after=${now}`, { headers }), 200)).results,
      [],
    );
  });

  it('cancels what still goes on, also at its deadline, and removes data after an hour', async (t) => {
    const { clock, send } = await playDouble(t, replicateDouble);
    const make = async (more: Record<string, string> = {}) => {
      const body = { input: { prompt: 'x' } };
      return Object(jsonOf(await send('POST', path('flux-1.1-pro'), { body, headers: { ...headers, ...more } }), 201));
    };
    const look = async (url: string, method = 'GET') => Object(jsonOf(await send(method, url, { headers }), 200));
    const [ended, stopped, late] = [await make(), await make(), await make({ 'cancel-after': '5s' })];
    assert.equal((await look(stopped.urls.cancel, 'POST')).status, 'canceled');
    clock.advance(5_000);
    assert.equal((await look(late.urls.get)).status, 'aborted');
    clock.advance(5_000);
    assert.equal((await look(ended.urls.cancel, 'POST')).status, 'succeeded');
    clock.advance(3_600_001);
    const removed = await look(ended.urls.get);
    assert.deepEqual(
      [removed.status, removed.data_removed, removed.output, removed.input],
      ['succeeded', true, null, {}],
    );
  });

  it('calls back at the moments that were asked for, with a signature that its secret explains', async (t) => {
    const receiver = await receiveCallbacks(t);
    const { clock, send } = await playDouble(t, replicateDouble);
    const make = (events: string[]) => {
      const body = { input: { prompt: 'x' }, webhook: receiver.url, webhook_events_filter: events };
      return send('POST', path('flux-1.1-pro'), { body, headers });
    };
    jsonOf(await make(['completed']), 201);
    clock.advance(10_000);
    await receiver.until(1);
    jsonOf(await make(['start']), 201);
    clock.advance(10_000);
    await receiver.until(2);
    const { key } = Object(jsonOf(await send('GET', '/v1/webhooks/default/secret', { headers }), 200));
    const statuses = receiver.received.map(({ headers: sent, body }) => {
      const text = `${String(sent['webhook-id'])}.${String(sent['webhook-timestamp'])}.${body}`;
      const secret = Buffer.from(key.slice('whsec_'.length), 'base64');
      const signature = createHmac('sha256', secret).update(text).digest('base64');
      assert.equal(sent['webhook-signature'], `v1,${signature}`);
      return JSON.parse(body).status;
    });
    assert.equal(statuses.length, 2);
    assert.equal(statuses[0], 'succeeded');
  });
});
