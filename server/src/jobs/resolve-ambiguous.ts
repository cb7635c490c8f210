import type { Found, LostAttempt, ProviderReference, ProviderRequest } from '../core/provider.ts';
import { findAttempt, isForeign } from './attempts.ts';
import {
  accept,
  buyAgain,
  callbackUrl,
  FOREIGN_GENERATION,
  recordAmbiguous,
  reject,
  sentParameters,
  type Bought,
  type Purchase,
} from './buy.ts';
import { readAnswer } from './provider-answer.ts';
import { isStopping, limitMs, pauseRun, type Run } from './run.ts';

/** For how long a lost purchase is looked for where the provider's file does not say; lists and callbacks lag by seconds. */
const LOOK_MS_MAX = 15 * 60_000;
const LOOK_PAUSE_MS = 2_000;
const FIND_MS_MAX = 20_000;
/** Pages of a provider's list that are read in one look. */
const PAGES_MAX = 10;
/**
 * A request that was under way when its sender was stopped may still arrive, and lists lag: only after a purchase
 * has been looked for this long is it believed that the provider does not know it.
 */
const UNKNOWN_MS_MIN = 90_000;

/**
 * Finds out what became of a purchase whose answer is lost: sends it again where the provider buys once for
 * one id, looks it up where the provider can be asked, waits for a callback elsewhere. Never buys anew. Still
 * ambiguous when its time is over, null when the process stops.
 */
export async function resolveAmbiguous(run: Run, lost: Purchase): Promise<Bought | null> {
  if (lost.attempt.state === 'INTENT')
    await recordAmbiguous(run, lost.attempt, 'the process ended before the answer was read');
  const { clock } = run.world;
  const lookMs = lookMsFor(run, lost);
  const sinceMs = clock.monotonicMs();
  for (;;) {
    if (isStopping(run)) return null;
    const found = await lookOnce(run, lost, clock.monotonicMs() - sinceMs);
    if (found.state !== 'ambiguous') return found;
    if (clock.monotonicMs() - sinceMs >= lookMs) return found;
    await pauseRun(run, LOOK_PAUSE_MS);
  }
}

/** Nothing is waited for where the provider can neither be asked nor tell by itself. */
function lookMsFor(run: Run, lost: Purchase): number {
  const { provider } = lost;
  const canTell = provider.deduplicates || provider.find !== undefined || callbackUrl(run, lost) !== null;
  return canTell ? (run.world.catalog.providers.get(provider.id)?.lookMs ?? LOOK_MS_MAX) : 0;
}

async function lookOnce(run: Run, lost: Purchase, lookedMs: number): Promise<Bought> {
  const { world } = run;
  const { provider, attempt } = lost;
  // A callback may have told meanwhile which generation is ours.
  const current = await findAttempt(world.database, attempt.id, provider.id);
  if (current?.state === 'ACCEPTED' && current.reference !== null) {
    return { state: 'accepted', attempt: current, reference: current.reference, outcome: null };
  }
  if (provider.deduplicates) return buyAgain(run, lost);
  const reference = await lookUp(run, lost);
  // A list in which two generations go by one id hides one of them.
  const isHidden = current?.failureText === FOREIGN_GENERATION;
  return adopt(run, lost, reference === null && (isHidden || lookedMs < UNKNOWN_MS_MIN) ? 'unsure' : reference);
}

async function adopt(run: Run, { attempt }: Purchase, found: ProviderReference | null | 'unsure'): Promise<Bought> {
  if (found === 'unsure') return { state: 'ambiguous', attempt };
  if (found === null) {
    return reject(run, attempt, { kind: 'unavailable', text: 'the provider does not know it', retryAfterMs: null });
  }
  const isOurs = await accept(run, attempt, { reference: found, costMicroUsd: null });
  return isOurs ? { state: 'accepted', attempt, reference: found, outcome: null } : { state: 'ambiguous', attempt };
}

/** Asks the provider for the lost generation; null when its whole list was read and does not have it. */
async function lookUp(run: Run, lost: Purchase): Promise<ProviderReference | null | 'unsure'> {
  const { provider, attempt } = lost;
  if (provider.find === undefined || provider.found === undefined) return 'unsure';
  const sought: LostAttempt = {
    attemptId: attempt.id,
    baseUrl: run.world.upstream.baseUrl(provider.id),
    upstreamModel: attempt.upstreamModel,
    parameters: sentParameters(run, lost),
    callbackUrl: callbackUrl(run, lost),
    sentAt: attempt.intentAt,
  };
  let request: ProviderRequest | null = provider.find(sought);
  let isComplete = true;
  for (let page = 1; page <= PAGES_MAX && request !== null; page += 1) {
    const found: Found = await readPage(run, lost, { request, sought });
    if (found === 'unsure') return 'unsure';
    for (const candidate of found.candidates) {
      if (!(await isForeign(run.world.database, attempt, candidate.id))) return candidate;
    }
    isComplete &&= found.isComplete;
    request = found.next;
  }
  return request === null && isComplete ? null : 'unsure';
}

async function readPage(
  run: Run,
  { provider, attempt }: Purchase,
  look: { request: ProviderRequest; sought: LostAttempt },
): Promise<Found> {
  const result = await run.world.upstream.exchange(provider.id, look.request, {
    timeoutMs: limitMs(run, FIND_MS_MAX),
    signal: run.signal,
    keyId: attempt.providerKey,
  });
  if (result.kind !== 'answer' || result.truncated) return 'unsure';
  return provider.found?.(readAnswer(result), look.sought) ?? 'unsure';
}
