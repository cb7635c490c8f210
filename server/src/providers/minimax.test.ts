import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/minimax.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import { callOf, readFixture } from './fixture-kit.ts';
import fixtureFile from './fixtures/minimax.json' with { type: 'json' };
import { answerFrom } from './hostile-answers-kit.ts';
import { minimaxComplaint } from './minimax-failure.ts';
import { adapter as minimax } from './minimax.ts';

conformanceTests(minimax, fixtureFile, { keyHosts: facts.keyHosts, protocolKeys: ['model'], statusField: 'status' });

for (const [code, kind] of [
  [1002, 'rate_limited'],
  [1008, 'quota'],
  [1027, 'content_refused'],
  [1033, 'unavailable'],
  [2013, 'input_rejected'],
  [2049, 'unauthorized'],
  [4242, 'unknown'],
] as const) {
  it(`reads the number ${code} as ${kind}`, () =>
    assert.equal(minimaxComplaint({ base_resp: { status_code: code, status_msg: 'x' } })?.kind, kind));
}

it('leaves open what was bought where its number says that the service is in trouble', () => {
  const call = callOf(readFixture(fixtureFile));
  for (const code of [1000, 1033, 4242]) {
    const body = JSON.stringify({ base_resp: { status_code: code, status_msg: 'x' } });
    assert.throws(() => minimax.started(answerFrom(200, body, {}), call), /without the id/);
  }
});
