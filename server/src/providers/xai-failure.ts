import type { FailureKind } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { complaintOf } from './failure-text.ts';
import { kindOfStatus } from './read-failure.ts';

const MODERATED = /moderat|content polic|safety|violat/i;
const UNPAID = /credit|billing|spending limit|quota/i;
const KEY = /api key/i;

/** What xAI's words and status say of a request that it did not take. */
export function xaiRefusalKind(answer: ProviderAnswer): FailureKind {
  const words = complaintOf(answer.json);
  if (answer.status < 500 && MODERATED.test(words)) return 'content_refused';
  // An account that cannot pay answers as a bad key does, or as one that asks too often.
  if ((answer.status === 403 || answer.status === 429) && UNPAID.test(words)) return 'quota';
  if (answer.status === 400 && KEY.test(words)) return 'unauthorized';
  return kindOfStatus(answer.status);
}

/** What its words say of work that failed. */
export function xaiFailureKind(words: string): FailureKind {
  return MODERATED.test(words) ? 'content_refused' : 'unavailable';
}
