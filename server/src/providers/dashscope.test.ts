import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/dashscope.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import { dashscopeKind } from './dashscope-failure.ts';
import { adapter as dashscope } from './dashscope.ts';
import { callOf, readFixture } from './fixture-kit.ts';
import fixtureFile from './fixtures/dashscope.json' with { type: 'json' };
import { answerFrom } from './hostile-answers-kit.ts';

conformanceTests(dashscope, fixtureFile, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['model'],
  statusField: 'output.task_status',
});

const call = {
  ...callOf(readFixture(fixtureFile)),
  upstreamModel: 'qwen-image-2.0@multimodal-generation/generation',
};
const started = (body: object): unknown => dashscope.started(answerFrom(200, JSON.stringify(body), {}), call);
const URL = 'https://dashscope-result-sgp.oss-ap-southeast-1.aliyuncs.com/a.png';

it('has pictures with the answer to their start, which is not asked for as a task', () => {
  const request = dashscope.start(call);
  assert.match(request.url, /\/services\/aigc\/multimodal-generation\/generation$/);
  assert.equal(request.headers['x-dashscope-async'], undefined);
  const choices = [{ finish_reason: 'stop', message: { role: 'assistant', content: [{ image: URL }] } }];
  assert.deepEqual(started({ output: { choices } }), {
    state: 'accepted-done',
    reference: { id: '', pollUrl: null, cancelUrl: null },
    outcome: { state: 'completed', outputs: [{ url: URL }], costMicroUsd: null, seed: null },
  });
});

it('takes an empty list of pictures for none, and leaves open what pictures of another shape are', () => {
  assert.equal(Object(started({ output: { choices: [] } })).outcome.state, 'failed');
  assert.throws(() => started({ output: { choices: [{ blob: 'x' }] } }), /without the id/);
  assert.throws(() => started({ output: { task_id: 'a-video' } }), /without the id/);
});

it('begins a video as a task, and cancels nothing that came at once', () => {
  const video = dashscope.start(callOf(readFixture(fixtureFile)));
  assert.equal(video.headers['x-dashscope-async'], 'enable');
  assert.equal(dashscope.cancel?.({ id: '', pollUrl: null, cancelUrl: null }, call.baseUrl), null);
});

it('takes an unknown task for one that is not listed yet, and later for one that is forgotten', () => {
  const answer = answerFrom(200, JSON.stringify({ output: { task_id: 'x', task_status: 'UNKNOWN' } }), {});
  const reference = { id: 'x', pollUrl: null, cancelUrl: null };
  const polled = (ageMs: number): string =>
    Object(dashscope.polled(answer, { reference, baseUrl: call.baseUrl, ageMs })).state;
  assert.deepEqual([polled(0), polled(3_600_000)], ['pending', 'failed']);
});

for (const [code, kind] of [
  ['DataInspectionFailed', 'content_refused'],
  ['IPInfringementSuspect', 'content_refused'],
  ['InvalidApiKey', 'unauthorized'],
  ['AccessDenied.Unpurchased', 'unauthorized'],
  ['Arrearage', 'quota'],
  ['AllocationQuota.FreeTierOnly', 'quota'],
  ['Throttling.AllocationQuota', 'quota'],
  ['Throttling.RateQuota', 'rate_limited'],
  ['Throttling', 'rate_limited'],
  ['ModelNotFound', 'retired'],
  ['InvalidParameter.DataInspection', 'input_rejected'],
  ['InvalidURL', 'input_rejected'],
  ['InternalError.Algo', 'unavailable'],
  ['SomethingNew', null],
  ['', null],
] as const) {
  it(`reads the code "${code}" as ${kind}`, () => assert.equal(dashscopeKind(code), kind));
}
