import type { WebhookEvent } from './events.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Waits between one try and the next; the first try is made at once. Ten tries over 75 hours 35 minutes. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];
/** Each wait is up to this share shorter or longer, so that what failed together does not come back together. */
const JITTER_SHARE = 0.1;
/** A receiver may ask for more patience than the schedule has, but not for more than this. */
const RETRY_AFTER_MS_MAX = 24 * HOUR;

/** What came of one try: an answer with a status, or none. */
export type TryOutcome =
  | { kind: 'answered'; status: number; retryAfter: string | null }
  /** `isFinal`: no later try could end differently (the URL is no URL, the signing key is gone). */
  | { kind: 'unanswered'; failure: string; isFinal: boolean };

/** What follows from a try. */
export type Decision = { kind: 'delivered' } | { kind: 'retry'; dueAt: number } | { kind: 'failed' };

export interface DecisionInput {
  event: WebhookEvent;
  outcome: TryOutcome;
  /** Tries made in this round, this one included. */
  tries: number;
  /** UTC milliseconds. */
  now: number;
  /** A number in [0, 1) from the random port. */
  fraction: number;
}

/**
 * Decides what follows from a try. Only 2xx is success; a redirect is a failure; 410 ends the delivery at once.
 * Progress is best effort: it has one try, the next progress or the ending tells the receiver more.
 */
export function decide({ event, outcome, tries, now, fraction }: DecisionInput): Decision {
  if (outcome.kind === 'answered' && outcome.status >= 200 && outcome.status <= 299) return { kind: 'delivered' };
  if (outcome.kind === 'answered' && outcome.status === 410) return { kind: 'failed' };
  if (outcome.kind === 'unanswered' && outcome.isFinal) return { kind: 'failed' };
  const delayMs = RETRY_DELAYS_MS[tries - 1];
  if (event === 'progress' || delayMs === undefined) return { kind: 'failed' };
  const jitteredMs = Math.round(delayMs * (1 + JITTER_SHARE * (2 * fraction - 1)));
  return { kind: 'retry', dueAt: now + Math.max(jitteredMs, askedDelayMs(outcome, now)) };
}

function askedDelayMs(outcome: TryOutcome, now: number): number {
  if (outcome.kind !== 'answered' || outcome.retryAfter === null) return 0;
  if (outcome.status !== 429 && outcome.status !== 503) return 0;
  return Math.min(retryAfterMs(outcome.retryAfter, now), RETRY_AFTER_MS_MAX);
}

/** Reads `Retry-After` in both of its forms, whole seconds or an HTTP date; 0 for anything else or for the past. */
function retryAfterMs(header: string, now: number): number {
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * SECOND;
  // Only real HTTP dates: Date.parse alone would take "-5" or "soon 1" for a year.
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return 0;
  const at = Date.parse(text);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now);
}
