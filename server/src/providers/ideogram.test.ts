import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/ideogram.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import { callOf, readFixture } from './fixture-kit.ts';
import fixtureFile from './fixtures/ideogram.json' with { type: 'json' };
import { ideogramRefusalKind } from './ideogram-failure.ts';
import { adapter as ideogram } from './ideogram.ts';

conformanceTests(ideogram, fixtureFile, {
  keyHosts: facts.keyHosts,
  protocolKeys: [],
  statusField: null,
  isForm: true,
});

const call = callOf(readFixture(fixtureFile));

it('asks the older models in JSON, as their path takes nothing else', () => {
  const parameters = { image_request: { model: 'V_2', prompt: 'a kite' } };
  const request = ideogram.start({ ...call, upstreamModel: 'generate', parameters });
  assert.deepEqual([request.url, request.form], ['https://api.ideogram.ai/generate', undefined]);
  assert.deepEqual(JSON.parse(request.body ?? ''), parameters);
});

it('sends what is an object inside a form as JSON, and a prompt that looks like a file as text', () => {
  const parameters = { image_request: { prompt: 'a kite' }, prompt: 'data:image/png;base64,AAAA' };
  assert.deepEqual(ideogram.start({ ...call, upstreamModel: 'remix', parameters }).form, [
    { name: 'image_request', text: '{"prompt":"a kite"}', type: 'application/json' },
    { name: 'prompt', text: 'data:image/png;base64,AAAA' },
  ]);
});

for (const [status, words, kind] of [
  [400, 'Invalid input', 'input_rejected'],
  [401, '', 'unauthorized'],
  [402, 'Payment is required', 'quota'],
  [403, 'Not authorized to generate an image.', 'unauthorized'],
  [403, 'You have insufficient credits', 'quota'],
  [404, '', 'retired'],
  [413, '', 'input_rejected'],
  [422, 'Prompt failed the safety check.', 'content_refused'],
  [429, 'Too many requests.', 'rate_limited'],
  [500, '', 'unavailable'],
  [503, '', 'unavailable'],
] as const) {
  it(`reads ${status} "${words}" as ${kind}`, () => assert.equal(ideogramRefusalKind(status, words), kind));
}
