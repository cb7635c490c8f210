import assert from 'node:assert/strict';
import { it } from 'node:test';

import type { ProviderAnswer } from '../core/provider.ts';
import { adapter } from './local.ts';

const BASE = 'http://local.invalid';
const CONTEXT = { reference: { id: 'a', pollUrl: null, cancelUrl: null }, baseUrl: BASE, ageMs: 0 };
const answer = (status: number, json: unknown): ProviderAnswer => ({ status, headers: {}, json, text: '' });

it('the adapter of the local tools orders a work by our own id and looks where the answer says', () => {
  const request = adapter.start({
    attemptId: 'a',
    baseUrl: BASE,
    upstreamModel: 'double',
    operation: 'images/upscale',
    parameters: { image: 'https://example.com/x.png' },
    callbackUrl: null,
    template: null,
    destination: null,
  });
  assert.equal(request.url, `${BASE}/v1/works`);
  assert.deepEqual(JSON.parse(request.body ?? ''), { id: 'a', tool: 'double', image: 'https://example.com/x.png' });
  const started = adapter.started(answer(201, { id: 'a', path: '/v1/works/a?tool=double' }), {
    baseUrl: BASE,
    upstreamModel: 'double',
  });
  assert.ok(started.state === 'accepted');
  assert.equal(adapter.poll(started.reference, BASE).url, `${BASE}/v1/works/a?tool=double`);
  assert.equal(adapter.cancel?.(started.reference, BASE)?.method, 'DELETE');
  // A reference is read from a row: whatever stands in it, the request stays on the base address.
  const strange = { id: 'a', pollUrl: 'https://elsewhere.example/', cancelUrl: null };
  assert.equal(adapter.poll(strange, BASE).url, `${BASE}/v1/works/a`);
});

it('the adapter of the local tools tells what is pending, done and refused apart', () => {
  assert.equal(adapter.polled(answer(200, { status: 'pending' }), CONTEXT).state, 'pending');
  const outputs = [{ url: `${BASE}/files/a.png` }];
  const done = adapter.polled(answer(200, { status: 'completed', outputs }), CONTEXT);
  assert.deepEqual(done, { state: 'completed', outputs, costMicroUsd: 0, seed: null });
  const painted = adapter.polled(answer(200, { status: 'completed', outputs, seed: 7 }), CONTEXT);
  assert.deepEqual(painted, { state: 'completed', outputs, costMicroUsd: 0, seed: 7 });
  const failed = adapter.polled(answer(200, { status: 'failed', kind: 'input_rejected', text: 'Too large' }), CONTEXT);
  assert.deepEqual(failed, { state: 'failed', kind: 'input_rejected', text: 'Too large', retryAfterMs: null });
  const refused = adapter.started(answer(503, { error: { kind: 'unavailable', text: 'Not installed' } }), {
    baseUrl: BASE,
    upstreamModel: 'double',
  });
  assert.ok(refused.state === 'failed' && refused.kind === 'unavailable');
  assert.equal(adapter.probed(answer(503, { error: { kind: 'unavailable', text: 'x' } })).state, 'failed');
  assert.equal(adapter.probed(answer(200, {})).state, 'ok');
});
