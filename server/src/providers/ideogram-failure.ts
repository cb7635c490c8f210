import type { FailureKind } from '../core/outcome.ts';
import { kindOfStatus } from './read-failure.ts';

/**
 * Why Ideogram refused, by the status of its answer and, where that has two meanings, by its words. Its 422 is the safety
 * check of prompt or picture and nothing else: what is merely wrong is a 400.
 */
export function ideogramRefusalKind(status: number, words: string): FailureKind {
  if (status === 422) return 'content_refused';
  if (status === 403 && /credit|balance|billing|payment|subscription/i.test(words)) return 'quota';
  return kindOfStatus(status);
}
