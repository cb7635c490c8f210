import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/replicate.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import { callOf, readFixture } from './fixture-kit.ts';
import fixtureFile from './fixtures/replicate-training.json' with { type: 'json' };
import { answerFrom } from './hostile-answers-kit.ts';
import { trainerOf } from './replicate-training.ts';
import { adapter as replicate } from './replicate.ts';

conformanceTests(replicate, fixtureFile, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['destination', 'input', 'webhook', 'webhook_events_filter'],
  sentParameters: (body) => body['input'],
  statusField: 'status',
});

const { upstreamModel, baseUrl } = callOf(readFixture(fixtureFile));

it('tells a trainer from a model that is run', () => {
  assert.equal(trainerOf(upstreamModel)?.model, 'ostris/flux-dev-lora-trainer');
  for (const name of [
    'ostris/flux-dev-lora-trainer',
    'somebody/upscaler:0123abcd',
    'a/b/versions/c',
    'a/versions/c/trainings',
  ])
    assert.equal(trainerOf(name), null, name);
});

it('reads what a trainer publishes from the version that the route names', () => {
  const { published } = replicate;
  const asked = published?.request(baseUrl, upstreamModel).url;
  assert.equal(asked, `${baseUrl}/models/${upstreamModel.replace(/\/trainings$/, '')}`);
  const input = { type: 'object', properties: { steps: { type: 'integer' } } };
  const document = { components: { schemas: { Input: { type: 'object' }, TrainingInput: input } } };
  const body = JSON.stringify({ id: 'x', openapi_schema: document });
  const listed = published?.read(answerFrom(200, body), upstreamModel);
  assert.deepEqual(listed, { state: 'listed', isDeprecated: false, schema: { input, document } });
  assert.equal(published?.read(answerFrom(404, '{}'), upstreamModel).state, 'gone');
  assert.equal(published?.read(answerFrom(200, '{"openapi_schema":{}}'), upstreamModel).state, 'unsure');
});
