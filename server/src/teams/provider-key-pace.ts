/** How fast one key may be used, as this process knows it. All instants are of the monotonic clock. */
export interface KeyPace {
  /** The last start, or -Infinity. */
  lastStartMs: number;
  /** Starts of the last minute, oldest first; kept only where the provider limits them. */
  startsMs: number[];
  pausedUntilMs: number;
  /** 429s without a good answer between them, each at a try of its own. */
  strikes: number;
}

/** A Retry-After of less is taken for this, of more for that: an hour would be a mistake, and jobs wait. */
export const PAUSE_MS_MIN = 1_000;
export const PAUSE_MS_MAX = 60_000;
/** The pause where the provider names none; doubled while 429s go on. */
export const BACKOFF_MS_MIN = 2_000;
export const BACKOFF_MS_MAX = 30_000;
const MINUTE_MS = 60_000;

/** A key that has done nothing yet. */
export function newPace(): KeyPace {
  return { lastStartMs: Number.NEGATIVE_INFINITY, startsMs: [], pausedUntilMs: Number.NEGATIVE_INFINITY, strikes: 0 };
}

/** Notes a 429. Those that come while the key pauses were under way before: they count as the same one. */
export function pause(pace: KeyPace, { nowMs, retryAfterMs }: { nowMs: number; retryAfterMs: number | null }): void {
  if (nowMs >= pace.pausedUntilMs) pace.strikes += 1;
  else if (retryAfterMs === null) return;
  const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(pace.strikes - 1, 10));
  const waitMs = Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS_MIN, retryAfterMs ?? backoffMs));
  pace.pausedUntilMs = Math.max(pace.pausedUntilMs, nowMs + waitMs);
}

/** Milliseconds until the key may start one more, 0 when it has just done so. A limit of null is none. */
export function takeStart(pace: KeyPace, { nowMs, perMinute }: { nowMs: number; perMinute: number | null }): number {
  if (nowMs < pace.pausedUntilMs) return Math.ceil(pace.pausedUntilMs - nowMs);
  if (perMinute !== null) {
    pace.startsMs = pace.startsMs.filter((at) => at > nowMs - MINUTE_MS);
    const [oldest] = pace.startsMs;
    if (oldest !== undefined && pace.startsMs.length >= perMinute) return Math.ceil(oldest + MINUTE_MS - nowMs);
    pace.startsMs.push(nowMs);
  }
  pace.lastStartMs = nowMs;
  return 0;
}
