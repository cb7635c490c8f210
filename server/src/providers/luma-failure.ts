import type { FailureKind } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { complaintOf } from './failure-text.ts';
import { kindOfStatus } from './read-failure.ts';

const MODERATED = /moderat|content polic|inappropriate|nsfw/i;

/** What Luma's words and status say of a request that it did not take. */
export function lumaRefusalKind(answer: ProviderAnswer): FailureKind {
  const words = complaintOf(answer.json);
  if (answer.status >= 500) return kindOfStatus(answer.status);
  if (MODERATED.test(words)) return 'content_refused';
  if (/insufficient credits|no credits/i.test(words)) return 'quota';
  return kindOfStatus(answer.status);
}

/** What its reason says of work that failed. */
export function lumaFailureKind(words: string): FailureKind {
  return MODERATED.test(words) ? 'content_refused' : 'unavailable';
}
