import { timingSafeEqual } from 'node:crypto';

import type { CallbackDelivery } from '../core/provider.ts';
import { findAttempt, markAccepted } from './attempts.ts';
import { insertEvent } from './job-events.ts';
import type { JobsWorld } from './world.ts';

const HOLD_JOB = `UPDATE jobs SET model = model WHERE id = $1`;

/**
 * A provider says that something happened. Only a hint: the runner then asks the provider with our own key.
 * It can also tell which generation is ours after a lost answer, since the address holds the attempt's token.
 */
export async function receiveCallback(
  world: JobsWorld,
  callback: { provider: string; attemptId: string; token: string; delivery: CallbackDelivery },
): Promise<'accepted' | 'unknown'> {
  const provider = world.providers.get(callback.provider);
  // Anybody can call, so the store is asked about providers of ours alone; PostgreSQL takes no text with a NUL.
  if (provider === undefined) return 'unknown';
  const attempt = await findAttempt(world.database, callback.attemptId, callback.provider);
  if (attempt === null || !isEqual(attempt.callbackToken, callback.token)) return 'unknown';
  await world.reachCrashPoint('C13');
  const place = { baseUrl: world.upstream.baseUrl(provider.id), upstreamModel: attempt.upstreamModel };
  const reference = provider.callback?.(callback.delivery, place) ?? null;
  if (reference !== null && attempt.closedAt === null && attempt.reference === null) {
    const at = world.clock.now();
    await world.database.transaction(async (tx) => {
      // Whoever writes into a job's timeline holds its row, so that no two steps take the same number.
      await tx.query(HOLD_JOB, [attempt.jobId]);
      const marked = await markAccepted(tx, { ...attempt, reference, at, costMicroUsd: null });
      const data = { attempt: attempt.number, provider: attempt.provider, by: 'callback' };
      // A callback that names another attempt's generation is forged, or a provider's error: it tells nothing.
      if (marked === 'new') await insertEvent(tx, { jobId: attempt.jobId, kind: 'taken', at, data });
    });
  }
  await world.reachCrashPoint('C14');
  world.database.notify('hint', attempt.jobId);
  return 'accepted';
}

function isEqual(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
