import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/runway.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import fixtureFile from './fixtures/runway.json' with { type: 'json' };
import { runwayFailureKind } from './runway-failure.ts';
import { adapter as runway } from './runway.ts';

conformanceTests(runway, fixtureFile, { keyHosts: facts.keyHosts, protocolKeys: ['model'], statusField: 'status' });

for (const [code, kind] of [
  ['SAFETY.INPUT.IMAGE', 'content_refused'],
  ['SAFETY.OUTPUT.VIDEO', 'content_refused'],
  ['INPUT_PREPROCESSING.SAFETY.TEXT', 'content_refused'],
  ['ASSET.INVALID', 'input_rejected'],
  ['INTERNAL.BAD_OUTPUT.CODE01', 'unavailable'],
  ['THIRD_PARTY.UNAVAILABLE', 'unavailable'],
  ['', 'unavailable'],
] as const) {
  it(`reads "${code}" as ${kind}`, () => assert.equal(runwayFailureKind(code), kind));
}
