import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/topaz.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import fixtureFile from './fixtures/topaz.json' with { type: 'json' };
import { topazFailureKind, topazRefusalKind } from './topaz-failure.ts';
import { adapter as topaz } from './topaz.ts';

conformanceTests(topaz, fixtureFile, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['webhook_url'],
  statusField: 'status',
  isForm: true,
});

for (const [status, kind] of [
  [400, 'input_rejected'],
  [401, 'unauthorized'],
  [402, 'quota'],
  [403, 'unauthorized'],
  [404, 'retired'],
  [412, 'quota'],
  [413, 'input_rejected'],
  [415, 'input_rejected'],
  [422, 'input_rejected'],
  [425, 'rate_limited'],
  [429, 'rate_limited'],
  [500, 'unavailable'],
] as const) {
  it(`reads a refusal by ${status} as ${kind}`, () => assert.equal(topazRefusalKind(status), kind));
}

for (const [status, kind] of [
  ['Failed', 'unavailable'],
  ['Cancelled', 'unknown'],
  ['Completed', null],
  ['Processing', null],
] as const) {
  it(`reads work that is ${status} as ${kind}`, () => assert.equal(topazFailureKind(status), kind));
}
