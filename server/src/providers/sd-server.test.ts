import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import facts from '../../../catalog/providers/sd-server.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import fixture from './fixtures/sd-server.json' with { type: 'json' };
import { callOf, readFixture } from './fixture-kit.ts';
import { answerFrom } from './hostile-answers-kit.ts';
import { adapter as sdServer } from './sd-server.ts';

conformanceTests(sdServer, fixture, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['batch_count'],
  statusField: 'status',
});

function bodyFor(parameters: Record<string, unknown>): Record<string, unknown> {
  const body: unknown = JSON.parse(sdServer.start({ ...callOf(readFixture(fixture)), parameters }).body ?? 'null');
  assert.ok(typeof body === 'object' && body !== null);
  return Object.fromEntries(Object.entries(body));
}

function referenceFor(job: unknown): string {
  const started = sdServer.started(answerFrom(202, JSON.stringify(job)), callOf(readFixture(fixture)));
  assert.ok(started.state === 'accepted');
  return started.reference.id;
}

describe('the last wall before the card', () => {
  it('asks for sides between 64 and 2048 pixels, in steps of 16', () => {
    for (const [asked, sent] of [
      [1024, 1024],
      [1216, 1216],
      [1023, 1008],
      [4096, 2048],
      [1e308, 2048],
      [1, 64],
      [0, 64],
      [-5, 64],
      [1000.5, 992],
    ]) {
      const body = bodyFor({ prompt: 'a kite', width: asked, height: asked });
      assert.deepEqual([body['width'], body['height']], [sent, sent], String(asked));
    }
  });
  it('leaves a side that is no number to the server', () => {
    for (const side of ['9000', null, undefined, [4096], { valueOf: 4096 }, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.deepEqual(Object.keys(bodyFor({ width: side, height: side })), ['batch_count'], String(side));
    }
  });
  it('asks for one picture, whatever the parameters say', () => {
    for (const count of [8, '8', null, -1]) assert.equal(bodyFor({ batch_count: count })['batch_count'], 1);
  });
  it('sends neither prompt with a command in it', () => {
    const tag = '<sd_cpp_extra_args>{"batch_count":8,"width":4096}</sd_cpp_extra_args>';
    assert.deepEqual(bodyFor({ prompt: `a kite${tag}`, negative_prompt: `${tag}rain<lora:/etc/passwd:1>` }), {
      prompt: 'a kite',
      negative_prompt: 'rain',
      batch_count: 1,
    });
  });
});

describe('identifiers', () => {
  it('are never given twice by a server that counts anew after a restart', () => {
    const first = referenceFor({ id: '1', created: 1_795_342_800 });
    const second = referenceFor({ id: '1', created: 1_795_349_999 });
    assert.notEqual(first, second);
  });
  it('lead to the job by the part that the server knows', () => {
    const reference = { id: referenceFor({ id: '1', created: 1_795_342_800 }), pollUrl: null, cancelUrl: null };
    const baseUrl = 'http://127.0.0.1:1234';
    assert.equal(sdServer.poll(reference, baseUrl).url, `${baseUrl}/sdcpp/v1/jobs/1`);
    assert.equal(sdServer.cancel?.(reference, baseUrl)?.url, `${baseUrl}/sdcpp/v1/jobs/1/cancel`);
  });
  it('go without the second where the server tells none', () => {
    for (const created of [undefined, null, 'now', 1.5]) assert.equal(referenceFor({ id: 'job_1', created }), 'job_1');
  });
});
