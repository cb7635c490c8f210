import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import facts from '../../../catalog/providers/comfyui.json' with { type: 'json' };
import { UnusableWorkflow } from './comfy-workflow.ts';
import { adapter as comfyui } from './comfyui.ts';
import { conformanceTests } from './conformance-kit.ts';
import fixture from './fixtures/comfyui.json' with { type: 'json' };
import { callOf, lostOf, readFixture } from './fixture-kit.ts';
import { answerFrom } from './hostile-answers-kit.ts';

conformanceTests(comfyui, fixture, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['prompt', 'prompt_id', 'client_id'],
  sentParameters: null,
  statusField: null,
});

const call = callOf(readFixture(fixture));
const lost = lostOf(readFixture(fixture));
const context = {
  reference: { id: call.attemptId, pollUrl: null, cancelUrl: null },
  baseUrl: call.baseUrl,
  ageMs: 3_600_000,
};

function polled(body: unknown): ReturnType<typeof comfyui.polled> {
  return comfyui.polled(answerFrom(200, JSON.stringify(body)), context);
}

describe('a start', () => {
  it('is not sent without a workflow, or with one that lacks a value', () => {
    assert.throws(() => comfyui.start({ ...call, template: null }), UnusableWorkflow);
    assert.throws(() => comfyui.start({ ...call, parameters: { prompt: 'a kite' } }), UnusableWorkflow);
  });
  it('goes out under our id, whatever the parameters say', () => {
    const { body } = comfyui.start({ ...call, parameters: { ...call.parameters, attempt_id: '../other' } });
    assert.ok(body?.includes(`lumegate/${call.attemptId}`));
    assert.ok(!body?.includes('../other'));
  });
});

describe('work that is not ours', () => {
  it('under another id in queue or history is never taken for ours', () => {
    assert.deepEqual(polled({ 'another-id': { outputs: {}, status: { status_str: 'success' } } }), {
      state: 'pending',
      progress: null,
    });
    assert.equal(
      polled({ queue_running: [[1, `${call.attemptId}0`]], queue_pending: [[call.attemptId]] }).state,
      'follow',
    );
    assert.equal(comfyui.found?.(answerFrom(200, '{"another-id":{}}'), lost), 'unsure');
  });
  it('cannot become ours by a name that every object has', () => {
    const odd = { ...context, reference: { ...context.reference, id: 'constructor' } };
    assert.equal(comfyui.polled(answerFrom(200, '{}'), odd).state, 'failed');
    assert.deepEqual(comfyui.found?.(answerFrom(200, '{}'), { ...lost, attemptId: 'constructor' }), {
      candidates: [],
      next: null,
      isComplete: true,
    });
  });
});

describe('the history', () => {
  it('in words that nobody knows says that the work goes on', () => {
    for (const word of ['cancelled_maybe', '', 'SUCCESS', 'constructor']) {
      const entry = { outputs: {}, status: { status_str: word, completed: false, messages: [] } };
      assert.equal(polled({ [call.attemptId]: entry }).state, 'pending', word);
    }
  });
  it('leads to no file outside of the base address, and to no kind but outputs', () => {
    const images = [
      { filename: '../../x.png?type=input#', subfolder: '../..', type: 'output' },
      { filename: 'https://evil.example/x.png', subfolder: null, type: 'output' },
      { filename: 'put-in.png', subfolder: '', type: 'input' },
      { filename: 'preview.png', subfolder: '', type: 'temp' },
      { filename: 'no-kind.png', subfolder: '' },
      { filename: 7, type: 'output' },
      null,
    ];
    const outcome = polled({ [call.attemptId]: { outputs: { save: { images }, odd: null }, status: null } });
    assert.ok(outcome.state === 'completed');
    assert.equal(outcome.outputs.length, 2);
    for (const { url } of outcome.outputs) {
      const parsed = new URL(url);
      assert.equal(`${parsed.origin}${parsed.pathname}`, `${call.baseUrl}/view`);
      assert.deepEqual([...parsed.searchParams.keys()], ['filename', 'subfolder', 'type']);
      assert.equal(parsed.searchParams.get('type'), 'output');
    }
  });
  it('tells of an error without the paths of the operator’s machine', () => {
    const events = [['execution_error', { exception_message: 'no room', traceback: ['/home/operator/nodes.py'] }]];
    const outcome = polled({ [call.attemptId]: { outputs: {}, status: { status_str: 'error', messages: events } } });
    assert.ok(outcome.state === 'failed');
    assert.equal(outcome.text, 'ComfyUI failed: no room');
  });
});
