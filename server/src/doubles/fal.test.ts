import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { describe, it } from 'node:test';

import { double as falDouble } from './fal.ts';
import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { encodeJpeg } from './jpeg.ts';
import { readPicture } from './read-picture.ts';
import { receiveCallbacks } from './wire-test-kit.ts';

const headers = { authorization: 'Key double-fal-id:double-fal-secret' };
const PICTURE = `data:image/jpeg;base64,${encodeJpeg({ width: 640, height: 480 }, [0, 0, 0]).toString('base64')}`;

type Case = { id: string; body: Record<string, unknown> };
const GOOD: readonly (Case & { is: [string, number, number]; count?: number })[] = [
  { id: 'flux-pro/v1.1', body: {}, is: ['jpeg', 1024, 768] },
  {
    id: 'flux-pro/v1.1',
    body: { image_size: { width: 1440, height: 608 }, num_images: 3 },
    is: ['jpeg', 1440, 608],
    count: 3,
  },
  { id: 'flux-pro/v1.1', body: { safety_tolerance: '6', output_format: 'png' }, is: ['png', 1024, 768] },
  { id: 'flux-pro/v1.1/redux', body: { image_url: PICTURE, image_size: 'square' }, is: ['jpeg', 512, 512] },
  { id: 'flux-pro/v1.1-ultra', body: { aspect_ratio: '1:1', raw: true }, is: ['jpeg', 2048, 2048] },
  { id: 'flux-2-pro', body: { image_size: 'portrait_16_9' }, is: ['jpeg', 576, 1024] },
  { id: 'flux-2-pro/edit', body: { image_urls: [PICTURE] }, is: ['jpeg', 640, 480] },
  {
    id: 'flux-2-max/edit',
    body: { image_urls: ['https://a.test/b.png'], image_size: 'auto' },
    is: ['jpeg', 1024, 1024],
  },
  { id: 'flux-2-flex', body: { guidance_scale: 3.5, num_inference_steps: 28 }, is: ['jpeg', 1024, 768] },
  { id: 'flux-2', body: { acceleration: 'high', num_images: 2 }, is: ['jpeg', 1024, 768], count: 2 },
  { id: 'flux-2/edit', body: { image_urls: [PICTURE] }, is: ['jpeg', 640, 480] },
  { id: 'flux-pro/v1/fill', body: { image_url: PICTURE, mask_url: PICTURE }, is: ['jpeg', 640, 480] },
];

const BAD: readonly (Case & { loc: unknown[]; type: string })[] = [
  { id: 'flux-pro/v1.1', body: { prompt: undefined }, loc: ['body', 'prompt'], type: 'missing' },
  { id: 'flux-pro/v1.1', body: { image_size: '1:1' }, loc: ['body', 'image_size'], type: 'one_of' },
  {
    id: 'flux-pro/v1.1',
    body: { image_size: { width: 0, height: 9 } },
    loc: ['body', 'image_size', 'width'],
    type: 'greater_than_equal',
  },
  { id: 'flux-pro/v1.1', body: { safety_tolerance: 2 }, loc: ['body', 'safety_tolerance'], type: 'one_of' },
  { id: 'flux-pro/v1.1', body: { output_format: 'webp' }, loc: ['body', 'output_format'], type: 'one_of' },
  { id: 'flux-pro/v1.1', body: { num_images: 5 }, loc: ['body', 'num_images'], type: 'less_than_equal' },
  { id: 'flux-2-pro', body: { safety_tolerance: '6' }, loc: ['body', 'safety_tolerance'], type: 'one_of' },
  {
    id: 'flux-2',
    body: { image_size: { width: 256, height: 600 } },
    loc: ['body', 'image_size', 'width'],
    type: 'greater_than_equal',
  },
  { id: 'flux-2-pro/edit', body: {}, loc: ['body', 'image_urls'], type: 'missing' },
  {
    id: 'flux-2-pro/edit',
    body: { image_urls: ['nothing'] },
    loc: ['body', 'image_urls', 0],
    type: 'image_load_error',
  },
  { id: 'flux-pro/v1/fill', body: { image_url: PICTURE }, loc: ['body', 'mask_url'], type: 'missing' },
];

describe('the double of fal', () => {
  const start = { prompt: 'x' };

  it('takes what its endpoints allow, and delivers the asked size, format and number', async (t) => {
    const { clock, send } = await playDouble(t, falDouble);
    for (const { id, body, is, count = 1 } of GOOD) {
      const queued = Object(jsonOf(await send('POST', `/fal-ai/${id}`, { body: { ...start, ...body }, headers }), 200));
      assert.equal(queued.status, 'IN_QUEUE');
      jsonOf(await send('GET', queued.status_url, { headers }), 202);
      jsonOf(await send('GET', queued.response_url, { headers }), 400);
      clock.advance(10_000);
      assert.equal(Object(jsonOf(await send('GET', queued.status_url, { headers }), 200)).status, 'COMPLETED');
      const { images } = Object(jsonOf(await send('GET', queued.response_url, { headers }), 200));
      assert.equal(images.length, count);
      for (const { url } of images) {
        const file = await send('GET', url);
        const head = file.kind === 'answer' ? readPicture(file.body) : null;
        assert.deepEqual(head && [head.format, head.width, head.height], is, id);
      }
    }
  });

  it('queues what its endpoints do not allow, and fails it later with 422, for nothing', async (t) => {
    const { clock, double, send } = await playDouble(t, falDouble);
    for (const { id, body, loc, type } of BAD) {
      const queued = Object(jsonOf(await send('POST', `/fal-ai/${id}`, { body: { ...start, ...body }, headers }), 200));
      clock.advance(10_000);
      assert.equal(
        Object(jsonOf(await send('GET', queued.status_url, { headers }), 200)).error,
        'Invalid status code: 422',
      );
      const { detail } = Object(jsonOf(await send('GET', queued.response_url, { headers }), 422));
      assert.deepEqual(
        detail.map((item: { loc: unknown; type: unknown }) => [item.loc, item.type]),
        [[loc, type]],
        id,
      );
    }
    assert.equal(
      (await double.ledger()).reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0),
      0,
    );
  });

  it('refuses a wrong key with 401, and what it has not with 404', async (t) => {
    const { send } = await playDouble(t, falDouble);
    jsonOf(await send('POST', '/fal-ai/flux-2', { body: start, headers: { authorization: 'Key other' } }), 401);
    jsonOf(await send('POST', '/fal-ai/flux-9', { body: start, headers }), 404);
    jsonOf(await send('GET', '/fal-ai/flux-2/requests/none/status', { headers }), 404);
    const queued = Object(jsonOf(await send('POST', '/fal-ai/flux-2', { body: start, headers }), 200));
    // The path names the application of the request, with or without the rest of the endpoint.
    jsonOf(await send('GET', `/fal-ai/flux-2/edit/requests/${queued.request_id}/status`, { headers }), 202);
    jsonOf(await send('GET', `/fal-ai/flux-pro/requests/${queued.request_id}/status`, { headers }), 404);
  });

  it('stops only what still waits', async (t) => {
    const { clock, send } = await playDouble(t, falDouble);
    const queue = async () => Object(jsonOf(await send('POST', '/fal-ai/flux-2', { body: start, headers }), 200));
    const [waiting, running] = [await queue(), await queue()];
    jsonOf(await send('PUT', waiting.cancel_url, { headers }), 202);
    jsonOf(await send('GET', waiting.response_url, { headers }), 499);
    clock.advance(5_000);
    jsonOf(await send('PUT', running.cancel_url, { headers }), 202);
    clock.advance(5_000);
    jsonOf(await send('GET', running.response_url, { headers }), 200);
    jsonOf(await send('PUT', running.cancel_url, { headers }), 400);
  });

  it('puts pictures into the answer with sync_mode', async (t) => {
    const { clock, send } = await playDouble(t, falDouble);
    const body = { ...start, sync_mode: true };
    const queued = Object(jsonOf(await send('POST', '/fal-ai/flux-2', { body, headers }), 200));
    clock.advance(10_000);
    const [image] = Object(jsonOf(await send('GET', queued.response_url, { headers }), 200)).images;
    const [head, base64] = image.url.split(',');
    assert.equal(head, 'data:image/jpeg;base64');
    assert.equal(readPicture(Buffer.from(base64, 'base64'))?.width, 1024);
  });

  it('lists past requests of one endpoint with their inputs, page by page', async (t) => {
    const { clock, send } = await playDouble(t, falDouble);
    for (const seed of [1, 2, 3]) {
      jsonOf(await send('POST', '/fal-ai/flux-2', { body: { ...start, seed }, headers }), 200);
      jsonOf(await send('POST', '/fal-ai/flux-2-pro', { body: start, headers }), 200);
    }
    clock.advance(10_000);
    const list = (more: string) =>
      send('GET', `/v1/models/requests/by-endpoint?endpoint_id=fal-ai/flux-2&limit=2&expand=payloads${more}`, {
        headers,
      });
    const first = Object(jsonOf(await list(''), 200));
    const seeds = (page: { items: { json_input: { seed: number } }[] }) =>
      page.items.map((item) => item.json_input.seed);
    assert.deepEqual([seeds(first), first.has_more], [[3, 2], true]);
    const second = Object(jsonOf(await list(`&cursor=${encodeURIComponent(first.next_cursor)}&status=success`), 200));
    assert.deepEqual([seeds(second), second.has_more, second.items[0].status_code], [[1], false, 200]);
  });

  it('calls back with the result or the failure, signed with its published key', async (t) => {
    const receiver = await receiveCallbacks(t);
    const { clock, send } = await playDouble(t, falDouble);
    for (const [body, count] of [
      [start, 1],
      [{}, 2],
    ] as const) {
      const query = `?fal_webhook=${encodeURIComponent(receiver.url)}`;
      jsonOf(await send('POST', `/fal-ai/flux-2${query}`, { body, headers }), 200);
      clock.advance(10_000);
      await receiver.until(count);
    }
    const [jwk] = Object(jsonOf(await send('GET', '/.well-known/jwks.json'), 200)).keys;
    const told = receiver.received.map(({ headers: sent, body }) => {
      const names = ['request-id', 'user-id', 'timestamp'].map((name) => String(sent[`x-fal-webhook-${name}`]));
      const message = [...names, createHash('sha256').update(body).digest('hex')].join('\n');
      const signature = Buffer.from(String(sent['x-fal-webhook-signature']), 'hex');
      assert.ok(verify(null, Buffer.from(message), createPublicKey({ key: jwk, format: 'jwk' }), signature));
      const { status, error, payload } = JSON.parse(body);
      return [status, error, payload.images?.length ?? payload.detail[0].loc];
    });
    assert.deepEqual(told, [
      ['OK', null, 1],
      ['ERROR', 'Invalid status code: 422', ['body', 'prompt']],
    ]);
  });
});
