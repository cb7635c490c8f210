import type { FailureKind } from '../core/outcome.ts';

/** Codes that stand in brackets at the end of an error. */
const KIND_BY_CODE: ReadonlyMap<string, FailureKind> = new Map([
  ['E003', 'unavailable'],
  ['E004', 'timed_out'],
  ['E005', 'content_refused'],
  ['E1000', 'unavailable'],
  ['E1001', 'unavailable'],
  ['E6716', 'unavailable'],
  ['E8765', 'unavailable'],
  ['E9243', 'unavailable'],
  ['E9825', 'unavailable'],
]);

/** Words by which failures without a code can be told; the first that fits counts. */
const KIND_BY_WORDS: readonly [RegExp, FailureKind][] = [
  [/flagged as sensitive|nsfw|content (policy|moderat)|moderation|safety (filter|system|checker)/i, 'content_refused'],
  [
    /high demand|service (is )?(temporarily )?unavailable|director: unexpected|out of memory|overloaded/i,
    'unavailable',
  ],
  [/timed? ?out|deadline exceeded/i, 'timed_out'],
  [/rate limit|too many requests/i, 'rate_limited'],
  [/invalid (input|image|url)|input validation|must be (less|greater|one of)/i, 'input_rejected'],
];

/** Longer texts are stack traces, whose ends say no more. */
const READ_CHARACTERS_MAX = 2_000;

/** The kind of a failure inside a prediction, which Replicate tells in free text. */
export function replicateFailureKind(words: string): FailureKind {
  const text = words.slice(0, READ_CHARACTERS_MAX);
  for (const [, code] of text.matchAll(/\(?\b(E\d{3,4})\b\)?/g)) {
    const kind = KIND_BY_CODE.get(code ?? '');
    if (kind !== undefined) return kind;
  }
  return KIND_BY_WORDS.find(([pattern]) => pattern.test(text))?.[1] ?? 'unknown';
}
