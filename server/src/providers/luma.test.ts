import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/luma.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import fixtureFile from './fixtures/luma.json' with { type: 'json' };
import { lumaFailureKind } from './luma-failure.ts';
import { adapter as luma } from './luma.ts';

conformanceTests(luma, fixtureFile, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['model', 'callback_url'],
  statusField: 'state',
});

for (const [words, kind] of [
  ['Frame moderation failed', 'content_refused'],
  ['The prompt is inappropriate', 'content_refused'],
  ['The generation failed', 'unavailable'],
  ['', 'unavailable'],
] as const) {
  it(`reads "${words}" as ${kind}`, () => assert.equal(lumaFailureKind(words), kind));
}
