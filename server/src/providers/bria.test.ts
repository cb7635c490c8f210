import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/bria.json' with { type: 'json' };
import { briaFailureKind, briaRefusalKind } from './bria-failure.ts';
import { adapter as bria } from './bria.ts';
import { conformanceTests } from './conformance-kit.ts';
import fixtureFile from './fixtures/bria.json' with { type: 'json' };
import { answerFrom } from './hostile-answers-kit.ts';

conformanceTests(bria, fixtureFile, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['sync', 'webhook_url'],
  statusField: 'status',
});

for (const [status, details, kind] of [
  [400, 'no image', 'input_rejected'],
  [401, '', 'unauthorized'],
  [403, '', 'unauthorized'],
  [403, 'the billing is blocked', 'quota'],
  [403, 'your plan has reached its limit', 'quota'],
  [413, '', 'input_rejected'],
  [415, '', 'input_rejected'],
  [422, 'image: field required', 'input_rejected'],
  [422, 'it did not pass moderation', 'content_refused'],
  [429, '', 'rate_limited'],
  [460, '', 'input_rejected'],
  [500, '', 'unavailable'],
] as const) {
  it(`reads a refusal by ${status} with "${details}" as ${kind}`, () => {
    const body = { error: { code: status, message: 'No', details } };
    assert.equal(briaRefusalKind(answerFrom(status, JSON.stringify(body))), kind);
  });
}

for (const [code, words, kind] of [
  [400, '', 'input_rejected'],
  [404, 'no such file', 'input_rejected'],
  [413, '', 'input_rejected'],
  [422, 'unsupported image format', 'input_rejected'],
  [422, 'an unsafe picture', 'content_refused'],
  [429, '', 'rate_limited'],
  [460, '', 'input_rejected'],
  [500, '', 'unavailable'],
  [504, '', 'timed_out'],
  [506, '', 'input_rejected'],
  [401, '', 'unavailable'],
  [null, '', 'unavailable'],
] as const) {
  it(`reads work that failed by ${code} with "${words}" as ${kind}`, () => {
    assert.equal(briaFailureKind(code, words), kind);
  });
}
