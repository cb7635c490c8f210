import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/stability.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import { readFixture, tryStarted } from './fixture-kit.ts';
import fixtureFile from './fixtures/stability.json' with { type: 'json' };
import { answerFrom } from './hostile-answers-kit.ts';
import { stabilityRefusalKind } from './stability-failure.ts';
import { adapter as stability } from './stability.ts';

conformanceTests(stability, fixtureFile, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['model'],
  statusField: null,
  isForm: true,
});

const fixture = readFixture(fixtureFile);

it('takes no sound for a picture, and no odd seed for a seed', () => {
  const heard = (body: object, file?: string): unknown =>
    tryStarted(
      stability,
      { ...answerFrom(200, JSON.stringify(body)), ...(file === undefined ? {} : { file }) },
      fixture,
    );
  assert.deepEqual(heard({}, 'data:audio/mpeg;base64,AAAA'), { state: 'unclear' });
  for (const seed of ['x', 1.5, 1e300, []]) {
    assert.partialDeepStrictEqual(heard({ image: '/9j/AA==', seed }), { outcome: { seed: null } }, String(seed));
  }
});

for (const [status, name, kind] of [
  [400, 'bad_request', 'input_rejected'],
  [401, 'unauthorized', 'unauthorized'],
  [402, 'payment_required', 'quota'],
  [403, 'content_moderation', 'content_refused'],
  [403, 'forbidden', 'unauthorized'],
  [404, 'not_found', 'retired'],
  [413, 'content_too_large', 'input_rejected'],
  [422, 'invalid_language', 'input_rejected'],
  [429, 'rate_limit_exceeded', 'rate_limited'],
  [500, 'internal_error', 'unavailable'],
] as const) {
  it(`reads ${status} "${name}" as ${kind}`, () => {
    assert.equal(stabilityRefusalKind(answerFrom(status, JSON.stringify({ id: 'x', name, errors: ['x'] }))), kind);
  });
}
