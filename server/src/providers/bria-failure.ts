import { z } from 'zod';

import type { FailureKind } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { complaintOf } from './failure-text.ts';
import { kindOfStatus } from './read-failure.ts';
import { maybeNumber, maybeText } from './upstream-json.ts';

/** How Bria says what went wrong: in an answer beside the work's id, and in a look at work that failed. */
export const briaError = z.object({ code: maybeNumber, message: maybeText, details: maybeText });

const KIND_OF_CODE: ReadonlyMap<number, FailureKind> = new Map([
  [400, 'input_rejected'],
  [404, 'input_rejected'],
  [408, 'timed_out'],
  [413, 'input_rejected'],
  [415, 'input_rejected'],
  [422, 'input_rejected'],
  [429, 'rate_limited'],
  [460, 'input_rejected'],
  [504, 'timed_out'],
  // The picture holds nothing that it can work with.
  [506, 'input_rejected'],
]);

const refusalBody = z.object({ error: briaError });

/** What an error says, in one line; '' where it says nothing. */
export function briaWords({ message, details }: z.infer<typeof briaError>): string {
  return [message, details].filter((words) => words != null && words.trim() !== '').join(': ');
}

/** Why Bria refused. An account that may not buy comes with the status of a key that may not. */
export function briaRefusalKind(answer: ProviderAnswer): FailureKind {
  const read = refusalBody.safeParse(answer.json);
  const words = read.success ? briaWords(read.data.error) : complaintOf(answer.json);
  if (answer.status === 403 && /billing|payment|credit|quota|subscription|plan|limit/i.test(words)) return 'quota';
  if (answer.status === 422 && isJudgement(words)) return 'content_refused';
  // It could not fetch the picture.
  return answer.status === 460 ? 'input_rejected' : kindOfStatus(answer.status);
}

/** Why work failed that was taken: its number is that of a status, and speaks of the picture, never of the key. */
export function briaFailureKind(code: number | null | undefined, words: string): FailureKind {
  if (isJudgement(words)) return 'content_refused';
  return KIND_OF_CODE.get(code ?? 0) ?? 'unavailable';
}

function isJudgement(words: string): boolean {
  return /moderat|content polic|inappropriate|unsafe|nsfw|sensitive/i.test(words);
}
