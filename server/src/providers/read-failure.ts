import type { FailureKind, Outcome } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { complaintOf, failureText } from './failure-text.ts';
import { retryAfterMs } from './retry-after.ts';
import { UnreadableAnswer } from './unreadable-answer.ts';

export type Failed = Extract<Outcome, { state: 'failed' }>;

/** A failure in words fit to be stored; see `failureText`. */
export function failure(kind: FailureKind, words: string, waitMs: number | null = null): Failed {
  return { state: 'failed', kind, text: failureText(words), retryAfterMs: waitMs };
}

/** What HTTP itself says about a refusal, where a provider means nothing else by it. */
export function kindOfStatus(status: number): FailureKind {
  if (status >= 500) return 'unavailable';
  switch (status) {
    case 400:
    case 413:
    case 414:
    case 415:
    case 422:
      return 'input_rejected';
    case 401:
    case 403:
      return 'unauthorized';
    case 402:
      return 'quota';
    case 404:
    case 410:
      return 'retired';
    case 408:
      return 'timed_out';
    case 429:
      return 'rate_limited';
    case 451:
      return 'content_refused';
    default:
      return 'unknown';
  }
}

/** A refusal read off the status, or as the kind that the adapter knows better, with the provider's own words. */
export function refusal(answer: ProviderAnswer, name: string, kind = kindOfStatus(answer.status)): Failed {
  const words = complaintOf(answer.json);
  const text = words === '' ? `${name} answered ${answer.status}` : `${name} answered ${answer.status}: ${words}`;
  return failure(kind, text, retryAfterMs(answer.headers));
}

/**
 * What an answer to a start means that is no taken generation: a refusal, or, where its status does not say that the
 * provider has done nothing, an `UnreadableAnswer` that is thrown.
 */
export function notStarted(answer: ProviderAnswer, name: string, kind = kindOfStatus(answer.status)): Failed {
  // Below 400 something may have been bought; the same after a conflict, or when somebody on the way hung up (499).
  if (answer.status < 400 || answer.status === 409 || answer.status === 499) {
    throw new UnreadableAnswer(`${name} answered ${answer.status} without the id of a generation`);
  }
  return refusal(answer, name, kind);
}
