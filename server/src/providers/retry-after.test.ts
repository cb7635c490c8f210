import assert from 'node:assert/strict';
import { it } from 'node:test';

import { retryAfterMs } from './retry-after.ts';

const DAY_MS = 24 * 60 * 60_000;
const date = 'Sun, 22 Nov 2026 10:00:00 GMT';

for (const [what, headers, expected] of [
  ['seconds', { 'retry-after': '3' }, 3_000],
  ['a fraction of a second', { 'retry-after': ' 0.5 ' }, 500],
  ['no wait at all', { 'retry-after': '0' }, 0],
  ['an absurd wait', { 'retry-after': '1000000000' }, DAY_MS],
  ['a wait with more digits than a number holds', { 'retry-after': '9'.repeat(20) }, DAY_MS],
  ['a date, counted from the answer', { 'retry-after': 'Sun, 22 Nov 2026 10:01:00 GMT', date }, 60_000],
  ['a date that has passed', { 'retry-after': 'Sun, 22 Nov 2026 09:00:00 GMT', date }, 0],
  ['a date without one to count from', { 'retry-after': 'Sun, 22 Nov 2026 10:01:00 GMT' }, null],
  ['a negative wait', { 'retry-after': '-1', date }, null],
  ['a number in another notation', { 'retry-after': '1e3' }, null],
  ['words', { 'retry-after': 'soon', date }, null],
  ['nothing', {}, null],
] as const) {
  it(`reads ${what}`, () => assert.equal(retryAfterMs({ ...headers }), expected));
}
