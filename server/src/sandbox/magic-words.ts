import type { FailureKind } from '../core/outcome.ts';

/** What a magic word makes the sandbox do. */
export interface Trick {
  word: string;
  /** What happens, as `docs/sandbox.md` says it. */
  meaning: string;
  /** Refuses the start request with this status. */
  refuse?: { status: number; kind: FailureKind; text: string; times?: number };
  /** Fails after it was accepted, at this progress. */
  failAt?: { progress: number; kind: FailureKind; text: string };
  /** Takes this many times as long. */
  slowness?: number;
  /** What is wrong with the result file. */
  file?: 'truncated' | 'wrong-type' | 'empty';
  /** The start request is carried out and its answer is lost, this many times. */
  loseAnswers?: number;
  /** How often the callback is sent. */
  callbacks?: number;
}

/** A prompt that contains `sandbox:<word>` plays the failure. Nothing is charged for any of the failed ones. */
export const TRICKS: readonly Trick[] = [
  {
    word: 'refuse',
    meaning: 'Content policy refusal after the provider has looked at the prompt.',
    failAt: { progress: 10, kind: 'content_refused', text: 'content policy violation' },
  },
  {
    word: 'refuse-late',
    meaning: 'Content policy refusal of the finished picture, after progress 90.',
    failAt: { progress: 90, kind: 'content_refused', text: 'content policy violation' },
  },
  {
    word: 'reject',
    meaning: 'The provider refuses the input at once (its 422).',
    refuse: { status: 422, kind: 'input_rejected', text: 'the sandbox was told to refuse this input' },
  },
  {
    word: 'busy',
    meaning: '429 to every try, with `Retry-After: 1`: the job fails when no try is left.',
    refuse: { status: 429, kind: 'rate_limited', text: 'too many requests' },
  },
  {
    word: 'busy-twice',
    meaning: '429 to the first two tries, then success.',
    refuse: { status: 429, kind: 'rate_limited', text: 'too many requests', times: 2 },
  },
  {
    word: 'unavailable',
    meaning: 'The provider answers 503 to every try.',
    refuse: { status: 503, kind: 'unavailable', text: 'service unavailable' },
  },
  {
    word: 'no-money',
    meaning: 'The operator’s account at the provider is empty (402).',
    refuse: { status: 402, kind: 'quota', text: 'insufficient balance' },
  },
  {
    word: 'bad-key',
    meaning: 'The operator’s provider key is wrong (401).',
    refuse: { status: 401, kind: 'unauthorized', text: 'invalid key' },
  },
  {
    word: 'crash',
    meaning: 'The provider fails half way.',
    failAt: { progress: 50, kind: 'unknown', text: 'the model crashed' },
  },
  { word: 'slow', meaning: 'Takes twenty times as long.', slowness: 20 },
  { word: 'never', meaning: 'Never finishes: the job fails at its deadline.', slowness: Infinity },
  { word: 'truncated', meaning: 'The result file is cut in half.', file: 'truncated' },
  { word: 'wrong-type', meaning: 'The result is an HTML page instead of a picture.', file: 'wrong-type' },
  { word: 'empty', meaning: 'The result file has no bytes.', file: 'empty' },
  {
    word: 'lost-answer',
    meaning: 'The answer to the start request is lost; the job finds its generation again.',
    loseAnswers: 1,
  },
  { word: 'duplicate-callback', meaning: 'The callback arrives five times.', callbacks: 5 },
];

const WORD = /\bsandbox:([a-z0-9-]+)/i;

/** The trick that a prompt asks for; null without a magic word or with an unknown one. */
export function trickOf(prompt: string): Trick | null {
  const word = WORD.exec(prompt)?.[1]?.toLowerCase();
  return TRICKS.find((trick) => trick.word === word) ?? null;
}
