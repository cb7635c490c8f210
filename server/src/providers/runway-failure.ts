import type { FailureKind } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { complaintOf } from './failure-text.ts';
import { kindOfStatus } from './read-failure.ts';

/** What Runway's words and status say of a request that it did not take. */
export function runwayRefusalKind(answer: ProviderAnswer): FailureKind {
  const words = complaintOf(answer.json);
  // An account that cannot pay answers as a wrong field does.
  if ((answer.status === 400 || answer.status === 429) && /credit|daily/i.test(words)) return 'quota';
  return kindOfStatus(answer.status);
}

/** What the code of a failed task says: `SAFETY.…` is a judgement of content, `INPUT_PREPROCESSING.SAFETY…` too. */
export function runwayFailureKind(code: string): FailureKind {
  if (/(^|\.)SAFETY\b/.test(code)) return 'content_refused';
  return /^(ASSET|INPUT)\b/.test(code) ? 'input_rejected' : 'unavailable';
}
