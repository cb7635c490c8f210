import type { Route } from '../catalog/model.ts';
import type { Provider, ProviderReference } from '../core/provider.ts';
import { findAttempt, type Attempt } from './attempts.ts';
import { accept, buyAgain, recordAmbiguous, reject, type Bought } from './buy.ts';
import { readAnswer } from './provider-answer.ts';
import { isStopping, limitMs, pauseRun, type Run } from './run.ts';

/** For how long a lost purchase is looked for; a provider's list and callbacks lag by seconds, not minutes. */
const LOOK_MS_MAX = 15 * 60_000;
const LOOK_PAUSE_MS = 2_000;
const FIND_MS_MAX = 20_000;
/**
 * A request that was under way when its sender was stopped may still arrive, and lists lag: only after a purchase
 * has been looked for this long is it believed that the provider does not know it.
 */
const UNKNOWN_MS_MIN = 90_000;

type Lost = { route: Route; provider: Provider; attempt: Attempt };

/**
 * Finds out what became of a purchase whose answer is lost: sends it again where the provider buys once for
 * one id, looks it up where the provider can be asked, waits for a callback elsewhere. Never buys anew.
 */
export async function resolveAmbiguous(run: Run, lost: Lost): Promise<Bought | null> {
  if (lost.attempt.state === 'INTENT')
    await recordAmbiguous(run, lost.attempt, 'the process ended before the answer was read');
  const { clock } = run.world;
  const sinceMs = clock.monotonicMs();
  for (;;) {
    if (isStopping(run)) return null;
    const found = await lookOnce(run, lost, clock.monotonicMs() - sinceMs);
    if (found.state !== 'ambiguous') return found;
    if (clock.monotonicMs() - sinceMs >= LOOK_MS_MAX) return found;
    await pauseRun(run, LOOK_PAUSE_MS);
  }
}

async function lookOnce(run: Run, lost: Lost, lookedMs: number): Promise<Bought> {
  const { world } = run;
  const { provider, attempt } = lost;
  // A callback may have told meanwhile which generation is ours.
  const current = await findAttempt(world.database, attempt.id, provider.id);
  if (current?.state === 'ACCEPTED' && current.reference !== null) {
    return { state: 'accepted', attempt: current, reference: current.reference, outcome: null };
  }
  if (provider.deduplicates) return buyAgain(run, lost);
  if (provider.find === undefined || provider.found === undefined) return { state: 'ambiguous', attempt };
  const request = provider.find({
    attemptId: attempt.id,
    baseUrl: world.upstream.baseUrl(provider.id),
    sentAt: attempt.intentAt,
  });
  const result = await world.upstream.exchange(provider.id, request, {
    timeoutMs: limitMs(run, FIND_MS_MAX),
    signal: run.signal,
  });
  if (result.kind !== 'answer') return { state: 'ambiguous', attempt };
  const reference = provider.found(readAnswer(result));
  return adopt(run, attempt, reference === null && lookedMs < UNKNOWN_MS_MIN ? 'unsure' : reference);
}

async function adopt(run: Run, attempt: Attempt, found: ProviderReference | null | 'unsure'): Promise<Bought> {
  if (found === 'unsure') return { state: 'ambiguous', attempt };
  if (found === null) {
    return reject(run, attempt, { kind: 'unavailable', text: 'the provider does not know it', retryAfterMs: null });
  }
  await accept(run, attempt, { reference: found, costMicroUsd: null });
  return { state: 'accepted', attempt, reference: found, outcome: null };
}
