import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/fal.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import { adapter as fal } from './fal.ts';
import { lostOf, readFixture } from './fixture-kit.ts';
import fixtureFile from './fixtures/fal.json' with { type: 'json' };

conformanceTests(fal, fixtureFile, { keyHosts: facts.keyHosts, protocolKeys: [], statusField: 'status' });

it("asks the operator's own base for lists and for the probe", () => {
  const lost = { ...lostOf(readFixture(fixtureFile)), baseUrl: 'http://127.0.0.1:9/fal' };
  assert.ok(fal.find?.(lost).url.startsWith('http://127.0.0.1:9/v1/models/requests/by-endpoint?'));
  assert.ok(fal.probe(lost.baseUrl).url.startsWith('http://127.0.0.1:9/v1/models/requests/by-endpoint?'));
});

it('says at once that a finished work has no file, instead of looking until the deadline', () => {
  const reference = { id: 'x', pollUrl: null, cancelUrl: null };
  const seen = (json: unknown) =>
    fal.polled(
      { status: 200, headers: {}, json, text: JSON.stringify(json) },
      { reference, baseUrl: 'http://127.0.0.1:9/fal', ageMs: 1_000 },
    ).state;
  assert.deepEqual([seen({ images: [], seed: 7 }), seen({ status: 'IN_PROGRESS', logs: [] })], ['failed', 'pending']);
});
