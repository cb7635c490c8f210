import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { jsonOf, playDouble, type Heard } from './local-double-test-kit.ts';
import { DESTINATION, REPLICATE_TRAINERS } from './replicate-trainers.ts';
import { double as replicateDouble } from './replicate.ts';
import { packWeights } from './weights.ts';
import { receiveCallbacks } from './wire-test-kit.ts';

const headers = { authorization: 'Bearer double-replicate-token' };
const [TRAINER = ''] = Object.keys(REPLICATE_TRAINERS);
const PATH = `/v1/models/${TRAINER}`;
const INPUT = { input_images: 'https://a.test/set.zip', trigger_word: 'QWERT', steps: 1_000 };
const BODY = { destination: DESTINATION, input: INPUT };
const read = (heard: Heard, status = 200) => Object(jsonOf(heard, status));

describe('the double of Replicate as a trainer', () => {
  it('trains to weights inside of a tar, with the addresses of a prediction and without the callback’s', async (t) => {
    const receiver = await receiveCallbacks(t);
    const { clock, send } = await playDouble(t, replicateDouble);
    const body = { ...BODY, webhook: receiver.url, webhook_events_filter: ['completed'] };
    const made = read(await send('POST', PATH, { body, headers }), 201);
    assert.deepEqual(
      [made.status, made.model, made.input, made.webhook],
      ['starting', 'ostris/flux-dev-lora-trainer', INPUT, undefined],
    );
    assert.match(made.urls.get, /\/v1\/predictions\//);
    clock.advance(5_000);
    const going = read(await send('GET', `/v1/trainings/${made.id}`, { headers }));
    assert.equal(going.status, 'processing');
    assert.match(going.logs, /flux_train_replicate: .* 50%\|/s);
    clock.advance(5_000);
    const { status, output } = read(await send('GET', `/v1/trainings/${made.id}`, { headers }));
    assert.deepEqual([status, Object.keys(output)], ['succeeded', ['version', 'weights']]);
    assert.match(output.version, /^double\/loras:/);
    const file = await send('GET', output.weights);
    assert.ok(file.kind === 'answer');
    assert.deepEqual(file.body, packWeights([214, 94, 60]));
    await receiver.until(1);
    assert.deepEqual(JSON.parse(receiver.received[0]?.body ?? '').output, output);
  });

  it('refuses what its schema does not allow with 422, and a destination that is not there with 404', async (t) => {
    const { double, send } = await playDouble(t, replicateDouble);
    const wrong: [object, RegExp][] = [
      [{ input: INPUT }, /destination: is required/],
      [{ ...BODY, destination: 7 }, /destination: is required/],
      [{ ...BODY, version: 'x' }, /Additional property version/],
      [{ destination: DESTINATION }, /input: is required/],
      [{ ...BODY, input: { ...INPUT, steps: 2 } }, /input\.steps: .*3/],
      [{ ...BODY, input: { ...INPUT, lora_rank: 129 } }, /input\.lora_rank: .*128/],
      [{ ...BODY, input: { ...INPUT, is_style: true } }, /Additional property is_style/],
      [{ ...BODY, input: { trigger_word: 'QWERT' } }, /input_images is required/],
      [{ ...BODY, webhook: 'x' }, /webhook/],
    ];
    for (const [body, names] of wrong)
      assert.match(read(await send('POST', PATH, { body, headers }), 422).detail, names);
    const nowhere = await send('POST', PATH, { body: { ...BODY, destination: 'acme/loras' }, headers });
    assert.deepEqual(read(nowhere, 404), {
      detail: 'The specified training destination does not exist',
      status: 404,
    });
    const other = PATH.replace(/versions\/\w+/, 'versions/0123abcd');
    assert.match(read(await send('POST', other, { body: BODY, headers }), 422).title, /Invalid version/);
    const prediction = '/v1/models/black-forest-labs/flux-1.1-pro/predictions';
    const asked = { destination: DESTINATION, input: { prompt: 'x' } };
    jsonOf(await send('POST', prediction, { body: asked, headers }), 422);
    assert.deepEqual(await double.ledger(), []);
  });

  it('lists trainings apart from predictions, newest first, and knows each by its own name alone', async (t) => {
    const { clock, send } = await playDouble(t, replicateDouble);
    const prediction = '/v1/models/black-forest-labs/flux-1.1-pro/predictions';
    const picture = read(await send('POST', prediction, { body: { input: { prompt: 'x' } }, headers }), 201);
    const older = read(await send('POST', PATH, { body: BODY, headers }), 201);
    clock.advance(1_000);
    const newer = read(await send('POST', PATH, { body: BODY, headers }), 201);
    const idsAt = async (path: string): Promise<string[]> =>
      read(await send('GET', path, { headers })).results.map(({ id }: { id: string }) => id);
    const late = new Date(clock.now() + 1_000).toISOString();
    assert.deepEqual(await idsAt(`/v1/trainings?created_after=${late}`), [newer.id, older.id]);
    assert.deepEqual(await idsAt('/v1/predictions'), [picture.id]);
    jsonOf(await send('GET', `/v1/trainings/${picture.id}`, { headers }), 404);
    jsonOf(await send('GET', `/v1/predictions/${newer.id}`, { headers }), 404);
    const stopped = read(await send('POST', `/v1/trainings/${newer.id}/cancel`, { headers }));
    assert.equal(stopped.status, 'canceled');
  });

  it('publishes what a version trains with beside what it runs with', async (t) => {
    const { send } = await playDouble(t, replicateDouble);
    const version = PATH.replace(/\/trainings$/, '');
    const { schemas } = read(await send('GET', version, { headers })).openapi_schema.components;
    assert.deepEqual(schemas.TrainingInput.properties.steps, { type: 'integer', minimum: 3, maximum: 6_000 });
    jsonOf(await send('GET', version.replace(/\w+$/, '0123abcd'), { headers }), 404);
  });
});
