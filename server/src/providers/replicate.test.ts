import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/replicate.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import { callOf, lostOf, readFixture } from './fixture-kit.ts';
import fixtureFile from './fixtures/replicate.json' with { type: 'json' };
import { answerFrom } from './hostile-answers-kit.ts';
import { replicateFailureKind } from './replicate-failure.ts';
import { adapter as replicate } from './replicate.ts';

conformanceTests(replicate, fixtureFile, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['input', 'webhook', 'webhook_events_filter'],
  sentParameters: (body) => body['input'],
  statusField: 'status',
});

const fixture = readFixture(fixtureFile);

it("starts somebody else's model by its version", () => {
  const call = { ...callOf(fixture), upstreamModel: 'somebody/upscaler:0123abcd', callbackUrl: null };
  const request = replicate.start(call);
  assert.equal(request.url, 'https://api.replicate.com/v1/predictions');
  assert.deepEqual(JSON.parse(request.body ?? ''), { version: '0123abcd', input: call.parameters });
});

it("finds a lost prediction of somebody else's model by its version", () => {
  const lost = { ...lostOf(fixture), upstreamModel: 'somebody/upscaler:0123abcd' };
  const input = { prompt: 'a red kite', seed: 42 };
  const results = [
    { id: 'other', model: 'x/y', version: 'ffff', input },
    { id: 'ours', model: null, version: '0123abcd', input },
  ];
  const found = replicate.found?.(answerFrom(200, JSON.stringify({ results, next: null })), lost);
  assert.ok(found !== undefined && found !== 'unsure');
  assert.deepEqual(
    found.candidates.map(({ id }) => id),
    ['ours'],
  );
});

it('takes nothing for a lost prediction that had neither a prompt nor a seed', () => {
  const lost = { ...lostOf(fixture), parameters: { scale: 2 } };
  const results = [{ id: 'a', model: lost.upstreamModel, input: { scale: 2 } }];
  const found = replicate.found?.(answerFrom(200, JSON.stringify({ results, next: null })), lost);
  assert.equal(found, 'unsure');
});

for (const [words, kind] of [
  ['NSFW content detected', 'content_refused'],
  ['Please try again with different inputs. (E005)', 'content_refused'],
  ['Error (E003): busy', 'unavailable'],
  ['Prediction timed out. (E004)', 'timed_out'],
  ['E1001: out of memory', 'unavailable'],
  ['CUDA out of memory', 'unavailable'],
  ['Director: unexpected error handling prediction (E9243)', 'unavailable'],
  ['TypeError: unsupported operand', 'unknown'],
  ['constructor', 'unknown'],
  ['', 'unknown'],
] as const) {
  it(`reads "${words}" as ${kind}`, () => assert.equal(replicateFailureKind(words), kind));
}
