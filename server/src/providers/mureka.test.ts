import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/mureka.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import { callOf, readFixture } from './fixture-kit.ts';
import fixtureFile from './fixtures/mureka.json' with { type: 'json' };
import { answerFrom } from './hostile-answers-kit.ts';
import { murekaFailureKind, murekaRefusalKind } from './mureka-failure.ts';
import { adapter as mureka } from './mureka.ts';

conformanceTests(mureka, fixtureFile, { keyHosts: facts.keyHosts, protocolKeys: [], statusField: 'status' });

const call = callOf(readFixture(fixtureFile));

for (const [upstreamModel, path] of [
  ['song/generate', 'song'],
  ['song/easy-generate', 'song'],
  ['instrumental/generate', 'instrumental'],
] as const) {
  it(`looks what was started on ${upstreamModel} up on the path of ${path}, on a base address that was changed since`, () => {
    assert.equal(mureka.start({ ...call, upstreamModel }).url, `https://api.mureka.ai/v1/${upstreamModel}`);
    const started = mureka.started(answerFrom(200, '{"id":"7"}'), { ...call, upstreamModel });
    assert.ok(started.state === 'accepted');
    const { url } = mureka.poll(started.reference, 'https://new.example/m');
    assert.equal(url, `https://new.example/m/v1/${path}/query/7`);
  });
}

for (const [status, words, kind] of [
  ['failed', 'the lyrics are sensitive', 'content_refused'],
  ['failed', 'violates our policy', 'content_refused'],
  ['failed', 'this is a copyright matter', 'content_refused'],
  ['failed', 'generation error', 'unavailable'],
  ['failed', '', 'unavailable'],
  ['timeouted', '', 'timed_out'],
  ['cancelled', '', 'unknown'],
  ['succeeded', '', null],
  ['streaming', '', null],
] as const) {
  it(`reads a task that is ${status} with "${words}" as ${kind}`, () => {
    assert.equal(murekaFailureKind(status, words), kind);
  });
}

for (const [status, words, kind] of [
  [400, 'n must be at most 3', 'input_rejected'],
  [400, 'the prompt is inappropriate', 'content_refused'],
  [401, 'Invalid authentication', 'unauthorized'],
  [403, 'unsupported region', 'unauthorized'],
  [404, 'no such model', 'retired'],
  [429, 'Rate limit reached for requests', 'rate_limited'],
  [429, 'You exceeded your current quota', 'quota'],
  [500, 'The server had an error', 'unavailable'],
  [503, 'overloaded', 'unavailable'],
] as const) {
  it(`reads a refusal by ${status} with "${words}" as ${kind}`, () => {
    assert.equal(murekaRefusalKind(answerFrom(status, JSON.stringify({ error: { message: words } }))), kind);
  });
}
