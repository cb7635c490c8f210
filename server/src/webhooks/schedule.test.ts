import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decide, RETRY_DELAYS_MS, type Decision, type DecisionInput, type TryOutcome } from './schedule.ts';

const NOW = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const answered = (status: number, retryAfter: string | null = null): TryOutcome => ({
  kind: 'answered',
  status,
  retryAfter,
});
const after = (outcome: TryOutcome, more: Partial<DecisionInput> = {}): Decision =>
  decide({ event: 'completed', outcome, tries: 1, now: NOW, fraction: 0.5, ...more });
const delayAfter = (outcome: TryOutcome, more: Partial<DecisionInput> = {}): number => {
  const decision = after(outcome, more);
  assert.equal(decision.kind, 'retry');
  return decision.kind === 'retry' ? decision.dueAt - NOW : 0;
};

test('the schedule has ten tries over 75 hours and 35 minutes', () => {
  assert.equal(RETRY_DELAYS_MS.length + 1, 10);
  assert.equal(
    RETRY_DELAYS_MS.reduce((sum, delayMs) => sum + delayMs),
    75 * HOUR_MS + 35 * 60_000 + 5_000,
  );
});

test('2xx alone is success; any other answer is tried again', () => {
  for (const status of [200, 201, 204, 299]) assert.deepEqual(after(answered(status)), { kind: 'delivered' });
  for (const status of [300, 301, 302, 307, 308, 400, 401, 404, 429, 500, 503]) {
    assert.equal(delayAfter(answered(status)), 5_000);
  }
  assert.equal(delayAfter({ kind: 'unanswered', failure: 'timeout', isFinal: false }), 5_000);
});

test('410 and what no later try could mend end the delivery at once', () => {
  assert.deepEqual(after(answered(410)), { kind: 'failed' });
  assert.deepEqual(after({ kind: 'unanswered', failure: 'url-invalid', isFinal: true }), { kind: 'failed' });
});

test('each wait is its own of the schedule, up to a tenth shorter or longer', () => {
  for (const [index, delayMs] of RETRY_DELAYS_MS.entries()) {
    assert.equal(delayAfter(answered(500), { tries: index + 1, fraction: 0 }), delayMs * 0.9);
    assert.ok(delayAfter(answered(500), { tries: index + 1, fraction: 0.999_999 }) <= delayMs * 1.1);
  }
  assert.deepEqual(after(answered(500), { tries: 10 }), { kind: 'failed' });
});

test('Retry-After of 429 and 503 is honoured, in both forms', () => {
  assert.equal(delayAfter(answered(429, '120')), 120_000);
  assert.equal(delayAfter(answered(503, ' 60 ')), 60_000);
  assert.equal(delayAfter(answered(503, new Date(NOW + HOUR_MS).toUTCString())), HOUR_MS);
  assert.equal(delayAfter(answered(500, '120')), 5_000);
});

test('Retry-After never shortens the schedule, never exceeds a day, and nonsense is nothing', () => {
  for (const text of ['0', '1', '', '-5', 'soon', '1e9', '0x10', '2.5', new Date(NOW - HOUR_MS).toUTCString()]) {
    assert.equal(delayAfter(answered(503, text)), 5_000, text);
  }
  for (const text of ['1000000000', '9'.repeat(400), new Date(NOW + 9_000 * HOUR_MS).toUTCString()]) {
    assert.equal(delayAfter(answered(503, text)), 24 * HOUR_MS, text);
  }
});

test('progress has one try', () => {
  assert.deepEqual(after(answered(500), { event: 'progress' }), { kind: 'failed' });
  assert.deepEqual(after(answered(200), { event: 'progress' }), { kind: 'delivered' });
});
