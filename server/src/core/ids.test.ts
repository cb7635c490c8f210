import assert from 'node:assert/strict';
import { test } from 'node:test';

import { idMaker, isUuid } from './ids.ts';
import { systemRandom } from './random.ts';

const V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function makerAt(times: { now: number }) {
  return idMaker({ now: () => times.now, monotonicMs: () => 0, sleep: async () => {} }, systemRandom());
}

test('ids are UUIDs of version 7 that carry their millisecond', () => {
  const newId = makerAt({ now: Date.UTC(2026, 10, 22) });
  const id = newId();
  assert.match(id, V7);
  assert.ok(isUuid(id) && isUuid(id.toUpperCase()));
  assert.equal(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16), Date.UTC(2026, 10, 22));
});

test('ids rise, within one millisecond, beyond 4,096 of them and while the clock goes back', () => {
  const times = { now: 1_000_000 };
  const newId = makerAt(times);
  const ids = Array.from({ length: 10_000 }, (_, index) => {
    if (index === 5_000) times.now -= 500;
    return newId();
  });
  assert.deepEqual(
    [...ids].sort((a, b) => (a < b ? -1 : 1)),
    ids,
  );
  assert.equal(new Set(ids).size, ids.length);
});
