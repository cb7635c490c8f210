import assert from 'node:assert/strict';
import { test } from 'node:test';

import { canonicalJson, requestFingerprint } from './fingerprint.ts';

const print = (body: unknown, path = '/v2/images/generate'): string =>
  requestFingerprint({ method: 'POST', path, body });

test('neither spaces nor the order of names change the fingerprint', () => {
  assert.equal(
    print(JSON.parse('{"a":1,"b":{"c":[1,2],"d":null}}')),
    print(JSON.parse('{ "b": {"d":null,"c":[1,2]}, "a": 1.0 }')),
  );
});

test('another value, another order in a list and another path do', () => {
  const first = print({ a: [1, 2] });
  for (const other of [
    print({ a: [2, 1] }),
    print({ a: [1, 2], b: 1 }),
    print({ a: ['1', 2] }),
    print({ a: [1, 2] }, '/v2/images/edit'),
  ]) {
    assert.notEqual(other, first);
  }
});

test('canonical JSON is JSON', () => {
  const value = { 'ü"': ['x', null, true, { z: 1, a: '\n' }] };
  assert.deepEqual(JSON.parse(canonicalJson(value)), value);
});
