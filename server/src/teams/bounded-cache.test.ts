import assert from 'node:assert/strict';
import { test } from 'node:test';

import { boundedCache } from './bounded-cache.ts';

test('a cache never holds more than its bound, and drops what was used least recently', () => {
  const cache = boundedCache<number>(3);
  for (const [index, key] of ['a', 'b', 'c'].entries()) cache.set(key, index);
  cache.get('a');
  cache.set('d', 3);
  assert.equal(cache.size, 3);
  assert.equal(cache.get('b'), undefined);
  assert.equal(cache.get('a'), 0);
  for (let index = 0; index < 1_000; index += 1) cache.set(`more ${index}`, index);
  assert.equal(cache.size, 3);
});

test('setting a key again replaces its value and counts once', () => {
  const cache = boundedCache<number>(2);
  cache.set('a', 1);
  cache.set('a', 2);
  cache.set('b', 3);
  assert.deepEqual([cache.size, cache.get('a'), cache.get('b')], [2, 2, 3]);
});

test('deleted and cleared values are gone', () => {
  const cache = boundedCache<number>(2);
  cache.set('a', 1);
  cache.set('b', 2);
  cache.delete('a');
  assert.equal(cache.get('a'), undefined);
  cache.clear();
  assert.equal(cache.size, 0);
});
