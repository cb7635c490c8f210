import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';

import { double as briaDouble } from './bria.ts';
import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { readPicture } from './read-picture.ts';
import { receiveCallbacks } from './wire-test-kit.ts';

const headers = { api_token: 'double-bria-key' };
const WORK = '/v2/image/edit/remove_background';
const CUP = { image: 'https://a.test/cup.jpg', sync: false };

describe('the double of Bria', () => {
  it('takes work, and delivers a picture of its own size', async (t) => {
    const { clock, send, double } = await playDouble(t, briaDouble);
    const body = { ...CUP, visual_input_content_moderation: true, preserve_alpha: false };
    const taken = Object(jsonOf(await send('POST', WORK, { body, headers }), 202));
    assert.equal(taken.status_url, `${double.url}/v2/status/${taken.request_id}`);
    const look = async () => Object(jsonOf(await send('GET', `/v2/status/${taken.request_id}`, { headers }), 200));
    clock.advance(5_000);
    assert.equal((await look()).status, 'IN_PROGRESS');
    clock.advance(5_000);
    const { status, result } = await look();
    assert.equal(status, 'COMPLETED');
    const file = await send('GET', result.image_url);
    const head = file.kind === 'answer' ? readPicture(file.body) : null;
    assert.deepEqual(head, { format: 'png', width: 512, height: 512 });
  });

  for (const [body, words] of [
    [{ sync: false }, /^image .*missing/],
    [{ ...CUP, image: 7 }, /^image /],
    [{ ...CUP, sync: 'no' }, /^sync /],
    [{ ...CUP, content_moderation: true }, /^content_moderation .*unknown/],
    [{ ...CUP, visual_input_content_moderation: 'yes' }, /^visual_input_content_moderation /],
    [{ ...CUP, webhook_url: 'mailto:a@b.test' }, /^webhook_url /],
  ] as const) {
    it(`refuses ${JSON.stringify(body)} with the name of the field, and buys nothing`, async (t) => {
      const { double, send } = await playDouble(t, briaDouble);
      const { error } = Object(jsonOf(await send('POST', WORK, { body, headers }), 422));
      assert.equal(error.code, 422);
      assert.match(error.details, words);
      assert.deepEqual(await double.ledger(), []);
    });
  }

  it('tells of work that it does not know with the status of success', async (t) => {
    const { send } = await playDouble(t, briaDouble);
    assert.equal(Object(jsonOf(await send('GET', '/v2/status/none', { headers }), 200)).status, 'UNKNOWN');
  });

  it('refuses a wrong key, a path that it has not, and to stop anything', async (t) => {
    const { send } = await playDouble(t, briaDouble);
    jsonOf(await send('POST', WORK, { body: CUP }), 401);
    jsonOf(await send('GET', '/v2/status/none'), 401);
    jsonOf(await send('POST', '/v2/image/edit/enhance', { body: CUP, headers }), 404);
    jsonOf(await send('DELETE', '/v2/status/none', { headers }), 404);
  });

  for (const [fault, code, words] of [
    ['p14-late-refusal', 422, /moderation/],
    ['failed', 500, /internal error/],
  ] as const) {
    it(`fails with a number and a reason: ${fault}`, async (t) => {
      const { clock, send } = await playDouble(t, briaDouble, { fault });
      const { request_id: id } = Object(jsonOf(await send('POST', WORK, { body: CUP, headers }), 202));
      clock.advance(10_000);
      const { status, error } = Object(jsonOf(await send('GET', `/v2/status/${id}`, { headers }), 200));
      assert.deepEqual([status, error.code], ['ERROR', code]);
      assert.match(error.details, words);
    });
  }

  it('calls back once the work has ended, signed by a key that is made from that of the account', async (t) => {
    const receiver = await receiveCallbacks(t);
    const { clock, send } = await playDouble(t, briaDouble);
    const body = { ...CUP, webhook_url: receiver.url };
    const { request_id: id } = Object(jsonOf(await send('POST', WORK, { body, headers }), 202));
    clock.advance(10_000);
    await receiver.until(1);
    const [heard] = receiver.received;
    assert.ok(heard);
    const told = JSON.parse(heard.body);
    assert.deepEqual([told.request_id, told.status], [id, 'COMPLETED']);
    const { 'bria-webhook-timestamp': at, 'bria-webhook-signature': signature } = heard.headers;
    const key = createHmac('sha256', headers.api_token).update('bria-webhook-signing-v1').digest();
    const wanted = createHmac('sha256', key)
      .update(`${id}.${String(at)}.${heard.body}`)
      .digest('base64');
    assert.equal(signature, `v1=${wanted}`);
  });
});
