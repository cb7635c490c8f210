import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { FAILURE_KINDS, type FailureKind } from '../../server/src/core/outcome.ts';
import { AFTER_FAILURE, afterFailure, type NextStep } from '../../server/src/jobs/after-failure.ts';

/** The decisions again, in another form: first try before a purchase, first try after one, and the first try too many. */
const DECISIONS: Record<FailureKind, [before: NextStep, after: NextStep, triesMax: number]> = {
  input_rejected: ['fail', 'fail', 1],
  content_refused: ['fail', 'fail', 1],
  rate_limited: ['retry', 'retry', 8],
  quota: ['other-route', 'other-route', 1],
  unavailable: ['retry', 'retry', 3],
  timed_out: ['retry', 'fail', 3],
  unauthorized: ['other-route', 'other-route', 1],
  retired: ['other-route', 'other-route', 1],
  unknown: ['fail', 'fail', 1],
};

const after = (failure: Partial<Parameters<typeof afterFailure>[0]>) =>
  afterFailure({ kind: 'unavailable', bought: false, tries: 1, retryAfterMs: null, jitter: 0.5, ...failure });

describe('what follows upon a failure', () => {
  for (const kind of FAILURE_KINDS) {
    test(`${kind} is decided as agreed`, () => {
      const [before, afterwards, triesMax] = DECISIONS[kind];
      assert.equal(after({ kind }).step, before);
      assert.equal(after({ kind, bought: true }).step, afterwards);
      assert.equal(AFTER_FAILURE[kind].triesMax, triesMax);
      if (before === 'retry') {
        assert.equal(after({ kind, tries: triesMax - 1 }).step, 'retry');
        assert.equal(after({ kind, tries: triesMax }).step, 'other-route');
      }
      assert.notEqual(after({ kind }).text, '');
    });
  }

  test('pauses double from half a second, with jitter, to half a minute at most', () => {
    assert.deepEqual(
      [1, 2, 3, 4].map((tries) => after({ kind: 'rate_limited', tries }).waitMs),
      [500, 1000, 2000, 4000],
    );
    assert.equal(after({ kind: 'rate_limited', jitter: 0 }).waitMs, 250);
    assert.equal(after({ kind: 'rate_limited', tries: 7, jitter: 0.99 }).waitMs, 30_000);
  });

  test('a provider’s Retry-After counts, but not for ages', () => {
    assert.equal(after({ kind: 'rate_limited', retryAfterMs: 4_000 }).waitMs, 4_000);
    assert.equal(after({ kind: 'rate_limited', retryAfterMs: 1e12 }).waitMs, 30_000);
    assert.equal(after({ kind: 'quota', retryAfterMs: 4_000 }).waitMs, 0);
  });
});
