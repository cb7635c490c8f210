import type { FailureKind } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { complaintOf } from './failure-text.ts';
import { kindOfStatus } from './read-failure.ts';

/** Why Mureka refused. One status stands for too many requests and for an empty purse; words tell them apart. */
export function murekaRefusalKind(answer: ProviderAnswer): FailureKind {
  const words = complaintOf(answer.json);
  if (answer.status === 429 && /quota|billing|balance|credit/i.test(words)) return 'quota';
  if (answer.status === 400 && isJudgement(words)) return 'content_refused';
  return kindOfStatus(answer.status);
}

/** Why work ended without a song, by the status of the task and its reason; null where it has not ended so. */
export function murekaFailureKind(status: string, words: string): FailureKind | null {
  switch (status) {
    case 'failed':
      return isJudgement(words) ? 'content_refused' : 'unavailable';
    case 'timeouted':
      return 'timed_out';
    // Nobody here asked for it, and whether it was paid for is not known.
    case 'cancelled':
      return 'unknown';
    default:
      return null;
  }
}

function isJudgement(words: string): boolean {
  return /sensitive|violat|moderat|prohibited|inappropriate|copyright|unsafe|content polic/i.test(words);
}
