import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createLookPace, type Followed } from './look-pace.ts';

const ROUTE = { provider: 'bfl', upstreamModel: 'flux-pro-1.1' };

/** Ages at which a generation is looked at until it is seen to have ended. */
function looksOf(followed: Followed, { endMs }: { endMs: number }): number[] {
  const ages: number[] = [];
  for (let ageMs = 0; ages.length < 1_000;) {
    const { waitMs, isLook } = followed.next(ageMs);
    ageMs += waitMs;
    if (!isLook) continue;
    ages.push(ageMs);
    if (ageMs >= endMs) return ages;
    followed.looked(ageMs);
  }
  throw new Error('it was looked at a thousand times');
}

function lagOf(ages: readonly number[], endMs: number): number {
  return (ages.at(-1) ?? Number.NaN) - endMs;
}

describe('the pace of looks', () => {
  test('a lone generation of an unknown route is seen to end within 1.5 s', () => {
    for (const endMs of [300, 5_000, 29_000, 70_000]) {
      const pace = createLookPace({ expectedMs: () => null });
      assert.ok(lagOf(looksOf(pace.follow(ROUTE, 0), { endMs }), endMs) <= 1_500);
    }
  });

  test('where durations are known a generation is looked at few times, and its end is seen within 1.5 s', () => {
    const pace = createLookPace({ expectedMs: () => 30_000 });
    for (const endMs of [29_000, 30_000, 33_000]) {
      const ages = looksOf(pace.follow(ROUTE, 0), { endMs });
      assert.ok(lagOf(ages, endMs) <= 1_500, `${lagOf(ages, endMs)} ms late`);
      assert.ok(ages.length <= 12, `${ages.length} looks`);
    }
  });

  test('of 10,000 generations of a known route each is looked at once before its end can be expected at most', () => {
    const pace = createLookPace({ expectedMs: () => 30_000 });
    const crowd = Array.from({ length: 10_000 }, () => pace.follow(ROUTE, 0));
    const first = crowd[0]?.next(0);
    assert.deepEqual(first, { waitMs: 28_500, isLook: true });
  });

  test('on an unknown route sixteen of many are looked at as usual, and the others heed what those have taught', () => {
    let expectedMs: number | null = null;
    const pace = createLookPace({ expectedMs: () => expectedMs });
    const crowd = Array.from({ length: 10_000 }, () => pace.follow(ROUTE, 0));
    const soon = crowd.filter((one) => one.next(0).isLook);
    assert.equal(soon.length, 16);
    expectedMs = 20_000;
    // The others think again within 1.5 s, and are looked at at once where they may be done.
    const other = crowd.at(-1);
    assert.deepEqual(other?.next(20_500), { waitMs: 0, isLook: true });
    other.looked(20_500);
    assert.ok(other.next(20_500).waitMs > 0);
  });

  test('generations that are late by the thousand are looked at less often each', () => {
    const pace = createLookPace({ expectedMs: () => 1_000 });
    const crowd = Array.from({ length: 5_000 }, () => pace.follow(ROUTE, 0));
    for (const one of crowd) {
      one.looked(2_000);
      one.next(2_000);
    }
    assert.ok((crowd[0]?.next(2_000).waitMs ?? 0) >= 10_000);
    for (const one of crowd.slice(1)) one.stop();
    assert.ok((crowd[0]?.next(2_000).waitMs ?? 0) <= 1_500);
  });

  test('where callbacks tell the ends, looks wait for them; a callback that fails costs 1.5 s, and looks are back', () => {
    const pace = createLookPace({ expectedMs: () => 30_000 });
    const crowd = Array.from({ length: 10_000 }, () => pace.follow(ROUTE, 0));
    assert.equal(crowd[0]?.next(0).waitMs, 28_500);
    for (const one of crowd.slice(1, 4)) one.ended('callback');
    assert.equal(crowd[0]?.next(0).waitMs, 31_500, 'the look is the safety net');
    crowd[4]?.ended('look');
    assert.equal(crowd[0]?.next(0).waitMs, 28_500, 'the trust is over');
    for (const one of crowd.slice(5, 8)) one.ended('callback');
    for (const one of crowd) one.stop();
    for (const endMs of [30_000, 33_000]) {
      assert.ok(lagOf(looksOf(pace.follow(ROUTE, 0), { endMs }), endMs) <= 1_500, 'its callback never came');
    }
  });

  test('the trust in callbacks is that of one route', () => {
    const pace = createLookPace({ expectedMs: () => 30_000 });
    for (let ends = 0; ends < 3; ends += 1) pace.follow(ROUTE, 0).ended('callback');
    const other = pace.follow({ ...ROUTE, upstreamModel: 'flux-dev' }, 0);
    assert.ok((looksOf(other, { endMs: 29_000 }).at(-1) ?? 0) < 30_000);
  });
});
