import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/byteplus.json' with { type: 'json' };
import { byteplusKind } from './byteplus-failure.ts';
import { adapter as byteplus } from './byteplus.ts';
import { conformanceTests } from './conformance-kit.ts';
import { callOf, readFixture } from './fixture-kit.ts';
import fixtureFile from './fixtures/byteplus.json' with { type: 'json' };
import { answerFrom } from './hostile-answers-kit.ts';

conformanceTests(byteplus, fixtureFile, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['model', 'callback_url'],
  statusField: 'status',
});

const call = { ...callOf(readFixture(fixtureFile)), upstreamModel: 'seedream-4-5-251128@images/generations' };
const started = (body: object): unknown => byteplus.started(answerFrom(200, JSON.stringify(body), {}), call);
const URL = 'https://made-up.tos-ap-southeast-1.volces.com/a.jpeg';

it('has pictures with the answer to their start, which names no callback', () => {
  const request = byteplus.start({ ...call, callbackUrl: 'https://gateway.example/callbacks/p/a/b' });
  assert.equal(request.url, 'https://ark.ap-southeast.bytepluses.com/api/v3/images/generations');
  assert.ok(!String(request.body).includes('callback'));
  assert.deepEqual(started({ model: 'seedream-4-5-251128', data: [{ url: URL, size: '2048x2048' }] }), {
    state: 'accepted-done',
    reference: { id: '', pollUrl: null, cancelUrl: null },
    outcome: { state: 'completed', outputs: [{ url: URL }], costMicroUsd: null, seed: null },
  });
});

it('gives the reason for a picture that was judged by itself', () => {
  const error = { code: 'OutputImageSensitiveContentDetected', message: 'The picture may contain sensitive content.' };
  const { outcome } = Object(started({ data: [{ error }] }));
  assert.deepEqual([outcome.state, outcome.kind, outcome.text], ['failed', 'content_refused', error.message]);
});

it('takes an empty list of pictures for none, and leaves open what pictures of another shape are', () => {
  assert.equal(Object(started({ data: [] })).outcome.state, 'failed');
  assert.throws(() => started({ data: [{ blob: 'x' }] }), /without the id/);
  assert.throws(() => started({ id: 'cgt-a-video' }), /without the id/);
});

it('cancels nothing that came at once', () => {
  assert.equal(byteplus.cancel?.({ id: '', pollUrl: null, cancelUrl: null }, call.baseUrl), null);
});

for (const [code, kind] of [
  ['InputTextSensitiveContentDetected', 'content_refused'],
  ['InputImageSensitiveContentDetected.PrivacyInformation', 'content_refused'],
  ['OutputVideoSensitiveContentDetected.PolicyViolation', 'content_refused'],
  ['AuthenticationError', 'unauthorized'],
  ['AccessDenied', 'unauthorized'],
  ['AccountOverdueError', 'quota'],
  ['QuotaExceeded', 'quota'],
  ['SetLimitExceeded', 'quota'],
  ['RateLimitExceeded.EndpointRPMExceeded', 'rate_limited'],
  ['ModelAccountRpmRateLimitExceeded', 'rate_limited'],
  ['ModelNotOpen', 'retired'],
  ['InvalidEndpointOrModel.NotFound', 'retired'],
  ['InvalidParameter.UnsupportedImageFormat', 'input_rejected'],
  ['MissingParameter', 'input_rejected'],
  ['InternalServiceError', 'unavailable'],
  ['ServerOverloaded', 'unavailable'],
  ['SomethingNew', null],
  ['', null],
] as const) {
  it(`reads the code "${code}" as ${kind}`, () => assert.equal(byteplusKind(code), kind));
}
