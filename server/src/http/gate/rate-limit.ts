import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';

interface Bucket {
  tokens: number;
  /** On the monotonic clock. */
  filledAt: number;
}

/** Beyond this many keys, buckets that have filled up again are forgotten; they say nothing that a new one would not. */
const BUCKETS_MAX = 10_000;

/**
 * One bucket of tokens per key: it holds a minute's worth and fills evenly, so a burst is fine and a flood is not.
 * In the memory of this process; several processes allow several times as much.
 */
export function createRateLimit({
  ratePerMinute,
  clock,
}: {
  ratePerMinute: number;
  clock: Clock;
}): (keyId: string) => void {
  const buckets = new Map<string, Bucket>();
  const perMs = ratePerMinute / 60_000;
  const take = (keyId: string): void => {
    const now = clock.monotonicMs();
    const bucket = buckets.get(keyId);
    if (bucket === undefined) {
      if (buckets.size >= BUCKETS_MAX) forgetFull(buckets, { now, perMs, ratePerMinute });
      buckets.set(keyId, { tokens: ratePerMinute - 1, filledAt: now });
      return;
    }
    bucket.tokens = Math.min(ratePerMinute, bucket.tokens + (now - bucket.filledAt) * perMs);
    bucket.filledAt = now;
    if (bucket.tokens < 1) {
      const waitMs = (1 - bucket.tokens) / perMs;
      throw new GatewayError('rate_limited', { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) });
    }
    bucket.tokens -= 1;
  };
  return ratePerMinute === 0 ? () => {} : take;
}

function forgetFull(
  buckets: Map<string, Bucket>,
  { now, perMs, ratePerMinute }: { now: number; perMs: number; ratePerMinute: number },
): void {
  for (const [keyId, bucket] of buckets) {
    if (bucket.tokens + (now - bucket.filledAt) * perMs >= ratePerMinute) buckets.delete(keyId);
  }
}
