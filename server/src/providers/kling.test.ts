import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/kling.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import { callOf, readFixture } from './fixture-kit.ts';
import fixtureFile from './fixtures/kling.json' with { type: 'json' };
import { klingFailureKind } from './kling-failure.ts';
import { adapter as kling } from './kling.ts';

conformanceTests(kling, fixtureFile, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['model_name', 'external_task_id', 'callback_url'],
  statusField: 'data.task_status',
});

const call = callOf(readFixture(fixtureFile));

it('lets the caller name another version of the picture model', () => {
  const upstreamModel = 'kling-v2@images/generations';
  const version = (parameters: Record<string, unknown>): unknown =>
    JSON.parse(kling.start({ ...call, upstreamModel, parameters }).body ?? '{}').model_name;
  assert.equal(version({ prompt: 'x' }), 'kling-v2');
  assert.equal(version({ prompt: 'x', model_name: 'kling-v1-5' }), 'kling-v1-5');
});

it('looks a task up on a base address that was changed since, below its own path', () => {
  const reference = { id: '7', pollUrl: 'https://old.example/proxy/v1/images/generations/7', cancelUrl: null };
  assert.equal(kling.poll(reference, 'https://new.example/k').url, 'https://new.example/k/v1/images/generations/7');
});

for (const [words, kind] of [
  ['Failure to pass the risk control system', 'content_refused'],
  ['The image contains sensitive content', 'content_refused'],
  ['Generation failed', 'unavailable'],
  ['', 'unavailable'],
] as const) {
  it(`reads "${words}" as ${kind}`, () => assert.equal(klingFailureKind(words), kind));
}
