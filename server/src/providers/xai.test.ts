import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/xai.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import { callOf, readFixture } from './fixture-kit.ts';
import fixtureFile from './fixtures/xai.json' with { type: 'json' };
import { answerFrom } from './hostile-answers-kit.ts';
import { xaiFailureKind } from './xai-failure.ts';
import { adapter as xai } from './xai.ts';

conformanceTests(xai, fixtureFile, { keyHosts: facts.keyHosts, protocolKeys: ['model'], statusField: 'status' });

const call = { ...callOf(readFixture(fixtureFile)), upstreamModel: 'grok-imagine-image@images/edits' };

it('has pictures with the answer to their start', () => {
  assert.equal(xai.start(call).url, 'https://api.x.ai/v1/images/edits');
  const body = { data: [{ url: 'https://imgen.x.ai/made-up.jpg' }], usage: { cost_in_usd_ticks: 200_000_000 } };
  assert.deepEqual(xai.started(answerFrom(200, JSON.stringify(body), {}), call), {
    state: 'accepted-done',
    reference: { id: '', pollUrl: null, cancelUrl: null },
    outcome: {
      state: 'completed',
      outputs: [{ url: 'https://imgen.x.ai/made-up.jpg' }],
      costMicroUsd: 20_000,
      seed: null,
    },
  });
});

it('takes an empty list of pictures for none, and leaves open what pictures of another shape are', () => {
  const started = (body: object): unknown => xai.started(answerFrom(200, JSON.stringify(body), {}), call);
  assert.deepEqual(Object(started({ data: [] })).outcome.state, 'failed');
  assert.throws(() => started({ data: [{ blob: 'x' }] }), /without the id/);
  assert.throws(() => started({ request_id: 'a-video' }), /without the id/);
});

for (const [words, kind] of [
  ['The video was blocked due to a content policy violation.', 'content_refused'],
  ['Rejected by moderation', 'content_refused'],
  ['The generation failed.', 'unavailable'],
  ['', 'unavailable'],
] as const) {
  it(`reads "${words}" as ${kind}`, () => assert.equal(xaiFailureKind(words), kind));
}
