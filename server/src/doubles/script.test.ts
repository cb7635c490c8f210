import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FAULT_NAMES } from './fault.ts';
import { runScript, scriptSchema, type Script } from './script.ts';

const fates = (script: Script, prompts: readonly string[]) => {
  const running = runScript(script);
  return prompts.map((prompt) => running.next(prompt).fault);
};

describe('a script', () => {
  it('strikes the n-th start, or those from the first to the second number', () => {
    const four = ['a', 'b', 'c', 'd'];
    assert.deepEqual(fates([{ match: { nth: 2 }, fault: 'p7-never' }], four), [null, 'p7-never', null, null]);
    const burst = fates([{ match: { nth: [2, 3] }, fault: 'p4-5xx-before' }], four);
    assert.deepEqual(burst, [null, 'p4-5xx-before', 'p4-5xx-before', null]);
  });

  it('counts only the starts that its other conditions meet', () => {
    const script: Script = [{ match: { prompt: 'kite', nth: 2 }, fault: 'p7-never' }];
    assert.deepEqual(fates(script, ['kite', 'boat', 'a kite', 'kite']), [null, null, 'p7-never', null]);
  });

  it('lets the first entry that matches decide, also one that lets it go well', () => {
    const script: Script = [{ match: { prompt: 'well' }, fault: null }, { fault: 'p2-reset-after' }];
    assert.deepEqual(fates(script, ['all well', 'else']), [null, 'p2-reset-after']);
  });

  it('strikes about the share that was asked for, the same starts each time', () => {
    const prompts = Array.from({ length: 2_000 }, (_, index) => `prompt ${index}`);
    const script: Script = [{ match: { share: 0.25 }, fault: 'p7-never' }];
    const first = fates(script, prompts);
    assert.deepEqual(fates(script, prompts), first);
    const struck = first.filter((fault) => fault !== null).length;
    assert.ok(struck > 400 && struck < 600, `${struck} of 2000`);
  });

  it('by seed reaches every fault but the two that cost too much, and other seeds play otherwise', () => {
    const prompts = Array.from({ length: 5_000 }, () => 'p');
    const seen = fates({ seed: 7, share: 1 }, prompts);
    const left = FAULT_NAMES.filter((name) => !seen.includes(name));
    assert.deepEqual(left.toSorted(), ['60s-answers', 'p10-2gb']);
    assert.notDeepEqual(fates({ seed: 8, share: 1 }, prompts), seen);
  });

  it('without entries and without a seed nothing goes wrong', () => {
    assert.deepEqual(fates([], ['a', 'b']), [null, null]);
    assert.deepEqual(fates({ durationMs: 5 }, ['a']), [null]);
  });

  it('refuses faults and fields that nobody knows', () => {
    for (const wrong of [[{ fault: 'p99' }], [{ fault: 'p7-never', nth: 1 }], { share: 2 }, 'p7-never']) {
      assert.equal(scriptSchema.safeParse(wrong).success, false);
    }
  });
});
