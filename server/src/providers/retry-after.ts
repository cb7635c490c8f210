/** Longer waits are cut to this: no job lives that long, so the difference tells nothing. */
const RETRY_AFTER_MS_MAX = 24 * 60 * 60_000;

/**
 * Milliseconds that a `Retry-After` header asks to wait, from 0 to one day; null where there is none to read. A date
 * counts from the answer's own `Date`, so that neither our clock nor an error in theirs matters.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>): number | null {
  const value = headers['retry-after']?.trim();
  if (value === undefined || value === '') return null;
  if (/^\d{1,20}(\.\d{1,6})?$/.test(value)) return boundedWait(Number(value) * 1000);
  // Date.parse reads almost anything, a negative number included, as some date.
  const until = /^[A-Za-z]{3,9},? /.test(value) ? Date.parse(value) : Number.NaN;
  const now = Date.parse(headers['date'] ?? '');
  return Number.isNaN(until) || Number.isNaN(now) ? null : boundedWait(until - now);
}

/** Milliseconds as whole ones from 0 to one day. */
export function boundedWait(waitMs: number): number {
  return Math.round(Math.min(RETRY_AFTER_MS_MAX, Math.max(0, waitMs)));
}
