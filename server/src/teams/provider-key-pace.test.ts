import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newPace, pause, takeStart } from './provider-key-pace.ts';

/** How long a key pauses after a 429 at `nowMs`. */
function pausedFor(retryAfterMs: number | null, strikes = 0): number {
  const pace = { ...newPace(), strikes };
  pause(pace, { nowMs: 1_000, retryAfterMs });
  return pace.pausedUntilMs - 1_000;
}

test('a 429 pauses for what the provider asks, within 1 s and 60 s', () => {
  assert.deepEqual(
    [0, 400, 7_000, 3_600_000].map((ms) => pausedFor(ms)),
    [1_000, 1_000, 7_000, 60_000],
  );
});

test('without a word from the provider the pause doubles from 2 s to 30 s', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 500].map((strikes) => pausedFor(null, strikes)),
    [2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000],
  );
});

test('a burst of 429s counts once, but a longer Retry-After among them holds', () => {
  const pace = newPace();
  for (let count = 0; count < 10; count += 1) pause(pace, { nowMs: 0, retryAfterMs: null });
  assert.deepEqual([pace.strikes, pace.pausedUntilMs], [1, 2_000]);
  pause(pace, { nowMs: 100, retryAfterMs: 9_900 });
  pause(pace, { nowMs: 200, retryAfterMs: 1_000 });
  assert.deepEqual([pace.strikes, pace.pausedUntilMs], [1, 10_000]);
  pause(pace, { nowMs: 10_000, retryAfterMs: null });
  assert.deepEqual([pace.strikes, pace.pausedUntilMs], [2, 14_000]);
});

test('no minute holds more starts than the limit, and each wait told is long enough', () => {
  const pace = newPace();
  const startsMs: number[] = [];
  for (let nowMs = 0; nowMs < 300_000;) {
    const waitMs = takeStart(pace, { nowMs, perMinute: 7 });
    if (waitMs === 0) startsMs.push(nowMs);
    nowMs += waitMs === 0 ? 1_300 : waitMs;
  }
  assert.ok(startsMs.length >= 34, `${startsMs.length} starts in 5 minutes`);
  for (const from of startsMs) {
    assert.ok(startsMs.filter((at) => at >= from && at < from + 60_000).length <= 7);
  }
});

test('without a limit nothing is kept, and a paused key says how long it pauses', () => {
  const pace = newPace();
  for (let count = 0; count < 1_000; count += 1) assert.equal(takeStart(pace, { nowMs: count, perMinute: null }), 0);
  assert.equal(pace.startsMs.length, 0);
  pause(pace, { nowMs: 1_000, retryAfterMs: 5_000 });
  assert.equal(takeStart(pace, { nowMs: 1_500, perMinute: null }), 4_500);
});
