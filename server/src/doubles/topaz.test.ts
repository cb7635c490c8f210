import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formOf, jsonOf, playDouble, type Heard, type PlayedDouble } from './local-double-test-kit.ts';
import { encodePng } from './png.ts';
import { readPicture } from './read-picture.ts';
import { double as topazDouble } from './topaz.ts';
import { receiveCallbacks } from './wire-test-kit.ts';

const headers = { 'x-api-key': 'double-topaz-key' };
const PICTURE = new Blob([Buffer.from(encodePng({ width: 32, height: 16 }, [200, 0, 0]))], { type: 'image/png' });
const ORDER = { image: PICTURE, model: 'Standard V2', output_width: 128, output_format: 'png' };

async function post(send: PlayedDouble['send'], fields: object, path = 'enhance/async'): Promise<Heard> {
  const { body, type } = await formOf(Object.fromEntries(Object.entries(fields)));
  return send('POST', `/image/v1/${path}`, { body, headers: { ...headers, 'content-type': type } });
}

describe('the double of Topaz', () => {
  it('makes a picture of the width that was asked for, behind a link that is asked for apart', async (t) => {
    const { clock, send } = await playDouble(t, topazDouble);
    const { process_id: id } = Object(jsonOf(await post(send, ORDER), 200));
    const at = `/image/v1/status/${id}`;
    jsonOf(await send('GET', `/image/v1/download/${id}`, { headers }), 409);
    clock.advance(5_000);
    assert.equal(Object(jsonOf(await send('GET', at, { headers }), 200)).status, 'Processing');
    clock.advance(5_000);
    assert.equal(Object(jsonOf(await send('GET', at, { headers }), 200)).status, 'Completed');
    const link = Object(jsonOf(await send('GET', `/image/v1/download/${id}`, { headers }), 200)).download_url;
    const file = await send('GET', link);
    const head = file.kind === 'answer' ? readPicture(file.body) : null;
    assert.deepEqual(head, { format: 'png', width: 128, height: 64 });
  });

  for (const [model, path, width, credits] of [
    ['CGI', 'enhance/async', 128, 1],
    ['CGI', 'enhance/async', 8_192, 2],
    ['Redefine', 'enhance-gen/async', 8_192, 8],
  ] as const) {
    it(`takes ${credits} credits for ${width} pixels by ${model}`, async (t) => {
      const { send } = await playDouble(t, topazDouble);
      const { process_id: id } = Object(jsonOf(await post(send, { ...ORDER, model, output_width: width }, path), 200));
      const told = Object(jsonOf(await send('GET', `/image/v1/status/${id}`, { headers }), 200));
      assert.deepEqual([told.output_width, told.output_height, told.credits], [width, width / 2, credits]);
    });
  }

  for (const [fields, status, words] of [
    [{ model: 'CGI' }, 400, /^Invalid image \(missing\)/],
    [{ ...ORDER, model: 'standard-v2' }, 400, /^Invalid model /],
    [{ ...ORDER, model: 'Redefine' }, 400, /^Invalid model /],
    [{ ...ORDER, output_width: 32_001 }, 400, /^Invalid output_width \(max\)/],
    [{ ...ORDER, output_format: 'webp' }, 400, /^Invalid output_format /],
    [{ ...ORDER, upscale_factor: 2 }, 400, /^Invalid upscale_factor \(unknown\)/],
    [{ ...ORDER, image: new Blob(['no picture'], { type: 'image/png' }) }, 400, /^Invalid image \(picture\)/],
    [{ ...ORDER, image: 'https://a.test/b.png' }, 415, /could not be decoded/],
  ] as const) {
    it(`answers ${status} ${words.source} and buys nothing`, async (t) => {
      const { double, send } = await playDouble(t, topazDouble);
      assert.match(Object(jsonOf(await post(send, fields), status)).message, words);
      assert.deepEqual(await double.ledger(), []);
    });
  }

  it('takes no settings for faces where the model has none, and nothing that is no form', async (t) => {
    const { send } = await playDouble(t, topazDouble);
    const gen = { ...ORDER, model: 'Redefine', face_enhancement: true };
    jsonOf(await post(send, gen, 'enhance-gen/async'), 400);
    jsonOf(await post(send, { ...ORDER, face_enhancement: true, face_enhancement_strength: 0.5 }), 200);
    jsonOf(await send('POST', '/image/v1/enhance/async', { body: { model: 'CGI' }, headers }), 400);
  });

  it('stops work that is going on, and none that has ended', async (t) => {
    const { clock, send } = await playDouble(t, topazDouble);
    const first = Object(jsonOf(await post(send, ORDER), 200)).process_id;
    const second = Object(jsonOf(await post(send, ORDER), 200)).process_id;
    const stopped = await send('DELETE', `/image/v1/cancel/${first}`, { headers });
    assert.equal(stopped.kind === 'answer' && stopped.status, 204);
    clock.advance(10_000);
    jsonOf(await send('DELETE', `/image/v1/cancel/${second}`, { headers }), 409);
    const listed = Object(jsonOf(await send('GET', '/image/v1/status?paginated=true&limit=2', { headers }), 200)).data;
    assert.deepEqual(
      listed.map((work: { process_id: string; status: string }) => [work.process_id, work.status]),
      [
        [second, 'Completed'],
        [first, 'Cancelled'],
      ],
    );
  });

  it('refuses a wrong key, a path that it has not, and work that it does not know', async (t) => {
    const { send } = await playDouble(t, topazDouble);
    jsonOf(await send('GET', '/image/v1/status'), 401);
    jsonOf(await send('POST', '/image/v1/sharpen/async', { headers }), 404);
    jsonOf(await send('GET', '/image/v1/status/none', { headers }), 404);
  });

  it('fails without a reason, whatever it was', async (t) => {
    for (const fault of ['p14-late-refusal', 'failed'] as const) {
      const { clock, send } = await playDouble(t, topazDouble, { fault });
      const { process_id: id } = Object(jsonOf(await post(send, ORDER), 200));
      clock.advance(10_000);
      assert.equal(Object(jsonOf(await send('GET', `/image/v1/status/${id}`, { headers }), 200)).status, 'Failed');
    }
  });

  it('calls back once the work has ended', async (t) => {
    const receiver = await receiveCallbacks(t);
    const { clock, send } = await playDouble(t, topazDouble);
    const { process_id: id } = Object(jsonOf(await post(send, { ...ORDER, webhook_url: receiver.url }), 200));
    clock.advance(10_000);
    await receiver.until(1);
    const told = JSON.parse(receiver.received[0]?.body ?? '');
    assert.deepEqual([told.process_id, told.status], [id, 'Completed']);
  });
});
