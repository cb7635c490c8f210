import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/google.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import fixture from './fixtures/google.json' with { type: 'json' };
import { callOf, readFixture } from './fixture-kit.ts';
import { adapter as google } from './google.ts';

conformanceTests(google, fixture, { keyHosts: facts.keyHosts, protocolKeys: [], statusField: 'done' });

it('starts by the method that the route names', () => {
  const call = { ...callOf(readFixture(fixture)), upstreamModel: 'veo-2.0-generate-001:predictLongRunning' };
  assert.equal(
    google.start(call).url,
    'https://generativelanguage.googleapis.com/v1beta/models/veo-2.0-generate-001:predictLongRunning',
  );
});
