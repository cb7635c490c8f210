import type { FailureKind } from '../core/outcome.ts';

/**
 * What follows upon a failed try. `retry`: the other routes first, and this one again while it has tries left.
 * `other-route`: the other routes, and never this one again. `fail`: the job fails.
 */
export type NextStep = 'retry' | 'other-route' | 'fail';

export interface FailureRule {
  /** Nothing was bought: the provider refused, or never got the request. */
  beforePurchase: NextStep;
  /** The provider took the request and then failed. */
  afterPurchase: NextStep;
  /** Tries on one route, the first included. */
  triesMax: number;
  /** What the caller reads in `error` when the job fails for this. */
  text: string;
}

/**
 * The one place that decides about retries. Content refusals are never shopped around, unless the operator says so
 * (`LUMEGATE_CONTENT_REFUSED`); money and key
 * problems are the operator's and pass on to the next route where there is one.
 */
export const AFTER_FAILURE: Readonly<Record<FailureKind, FailureRule>> = {
  input_rejected: {
    beforePurchase: 'fail',
    afterPurchase: 'fail',
    triesMax: 1,
    text: 'The provider refused the input',
  },
  content_refused: {
    beforePurchase: 'fail',
    afterPurchase: 'fail',
    triesMax: 1,
    text: 'Provider returned an error: content policy violation',
  },
  rate_limited: {
    beforePurchase: 'retry',
    afterPurchase: 'retry',
    triesMax: 8,
    text: 'No available capacity — please retry shortly',
  },
  quota: {
    beforePurchase: 'other-route',
    afterPurchase: 'other-route',
    triesMax: 1,
    text: 'The provider is not available to this gateway at present',
  },
  unavailable: { beforePurchase: 'retry', afterPurchase: 'retry', triesMax: 3, text: 'Provider unavailable' },
  timed_out: {
    beforePurchase: 'retry',
    afterPurchase: 'fail',
    triesMax: 3,
    text: 'The provider did not finish in time',
  },
  unauthorized: {
    beforePurchase: 'other-route',
    afterPurchase: 'other-route',
    triesMax: 1,
    text: 'The provider is not available to this gateway at present',
  },
  retired: {
    beforePurchase: 'other-route',
    afterPurchase: 'other-route',
    triesMax: 1,
    text: 'The provider no longer serves this model',
  },
  unknown: { beforePurchase: 'fail', afterPurchase: 'fail', triesMax: 1, text: 'Generation failed' },
};

/** First pause before a retry; doubled each time. */
const RETRY_MS_FIRST = 500;
const RETRY_MS_MAX = 30_000;

/** Decides what follows: `tries` counts the tries already made on this route. */
export function afterFailure(failure: {
  kind: FailureKind;
  bought: boolean;
  tries: number;
  retryAfterMs: number | null;
  /** The operator's word on asking another provider after a refusal for content. */
  contentRefused?: 'fail' | 'other-route';
  /** A number in [0, 1). */
  jitter: number;
}): { step: NextStep; waitMs: number; text: string } {
  const rule = AFTER_FAILURE[failure.kind];
  const usual = failure.bought ? rule.afterPurchase : rule.beforePurchase;
  const wanted = failure.kind === 'content_refused' ? (failure.contentRefused ?? usual) : usual;
  const step = wanted === 'retry' && failure.tries >= rule.triesMax ? 'other-route' : wanted;
  const backoffMs = Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** (failure.tries - 1)) * (0.5 + failure.jitter);
  // A provider that asks for an hour does not get it: the deadline of the job decides.
  const waitMs = Math.min(RETRY_MS_MAX, failure.retryAfterMs ?? backoffMs);
  return { step, waitMs: step === 'retry' ? Math.round(waitMs) : 0, text: rule.text };
}
