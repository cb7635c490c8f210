import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { put, valueAt, type Fields } from './put.ts';

describe('places with dots', () => {
  test('lead into objects, which are made where they are missing and keep what is in them already', () => {
    const fields: Fields = { sample: { scheduler: 'discrete', guidance: { cfg: 1 } } };
    put(fields, 'sample.steps', 28);
    put(fields, 'sample.guidance.distilled', 3.5);
    put(fields, 'input.prompt', 'a kite');
    assert.deepEqual(fields, {
      sample: { scheduler: 'discrete', steps: 28, guidance: { cfg: 1, distilled: 3.5 } },
      input: { prompt: 'a kite' },
    });
    assert.equal(valueAt(fields, 'sample.guidance.cfg'), 1);
    assert.equal(valueAt(fields, 'sample.steps.more'), undefined);
  });

  test('lead by numbers into lists', () => {
    const constants = Object.freeze({ contents: Object.freeze([Object.freeze({ role: 'user' })]) });
    const fields: Fields = { ...constants };
    put(fields, 'contents.0.parts.0.text', 'a kite');
    put(fields, 'contents.0.parts.1', { data: 'AAAA' });
    assert.deepEqual(fields, { contents: [{ role: 'user', parts: [{ text: 'a kite' }, { data: 'AAAA' }] }] });
    assert.deepEqual(constants, { contents: [{ role: 'user' }] });
    assert.equal(valueAt(fields, 'contents.0.parts.0.text'), 'a kite');
    assert.deepEqual([valueAt(fields, 'contents.1'), valueAt(fields, 'contents.length')], [undefined, undefined]);
  });

  test('change a copy and never what was handed in', () => {
    const constants = Object.freeze({ sample: Object.freeze({ scheduler: 'discrete' }) });
    const fields: Fields = { ...constants };
    put(fields, 'sample.steps', 28);
    assert.deepEqual(constants, { sample: { scheduler: 'discrete' } });
  });

  test('cannot reach what every object has', () => {
    put({}, 'constructor.prototype.polluted', 1);
    assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
  });
});
