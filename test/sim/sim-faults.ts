import type { ExchangeResult } from '../../server/src/core/net-port.ts';
import type { FailureKind } from '../../server/src/core/outcome.ts';

/** What a provider makes of one start request; names that end in `-after` buy something, whatever the answer says. */
export const START_FAULTS = [
  'accept',
  'accept-done',
  'slow',
  'reset-before',
  'reset-after',
  'timeout-before',
  'timeout-after',
  'rate-limited',
  'rate-limited-bare',
  'rate-limited-by-date',
  'rate-limited-for-ages',
  'input-rejected',
  'content-refused',
  'quota',
  'unauthorized',
  'retired',
  'unavailable',
  'error-after',
  'error-before',
  'connection-refused',
  'name-unresolved',
  'tls-failed',
  'unreadable-after',
  'empty-after',
  'cut-after',
  'wrong-shape-after',
  'null-id-after',
  'same-id-after',
] as const;
export type StartFault = (typeof START_FAULTS)[number];

/** How a generation goes on once it was bought. */
export const COURSES = [
  'plain',
  'never',
  'refused-late',
  'overloaded-late',
  'progress-falls',
  'failed-after-success',
  'unknown-status',
  'dearer',
  'no-output',
  'more-outputs',
  'small-file',
  'cut-file',
  'empty-file',
  'huge-file',
  'bomb-file',
  'wrong-type',
  'file-missing',
  'file-redirected',
  'link-expires',
  'file-drips',
  'download-reset-once',
  'download-hangs',
] as const;
export type Course = (typeof COURSES)[number];

/** How a poll, a look-up or a cancel is met. */
export const LOOKS = ['answer', 'error', 'rate-limited', 'lost', 'refused', 'unreadable', 'slow'] as const;
export type LookFault = (typeof LOOKS)[number];

/** A time in which a provider treats every start in one way. */
export const EPISODES = ['storm', 'answers-lost', 'out-of-money', 'down'] as const;
export type Episode = (typeof EPISODES)[number];

/** How a provider uses the address for callbacks. */
export const CALLBACKS = ['none', 'once', 'often', 'early', 'late', 'forged', 'foreign', 'unknown'] as const;
export type CallbackStyle = (typeof CALLBACKS)[number];

/** Answers that surely buy nothing. */
export const REFUSALS: Partial<Record<StartFault, { status: number; kind: FailureKind; retryAfter?: string }>> = {
  'rate-limited': { status: 429, kind: 'rate_limited', retryAfter: '2' },
  'rate-limited-bare': { status: 429, kind: 'rate_limited' },
  'rate-limited-by-date': { status: 429, kind: 'rate_limited' },
  'rate-limited-for-ages': { status: 429, kind: 'rate_limited', retryAfter: '1000000000' },
  'input-rejected': { status: 422, kind: 'input_rejected' },
  'content-refused': { status: 400, kind: 'content_refused' },
  quota: { status: 402, kind: 'quota' },
  unauthorized: { status: 401, kind: 'unauthorized' },
  retired: { status: 410, kind: 'retired' },
  unavailable: { status: 503, kind: 'unavailable' },
};

/** Requests that never reached the provider. */
export const UNSENT: Partial<Record<StartFault, Extract<ExchangeResult, { kind: 'refused' }>['reason']>> = {
  'connection-refused': 'connection-refused',
  'name-unresolved': 'name-unresolved',
  'tls-failed': 'tls',
};

/** True for faults in which the provider acts, whatever the gateway learns of it. */
export function buys(fault: StartFault): boolean {
  return fault.startsWith('accept') || fault === 'slow' || fault.endsWith('-after');
}

/** The provider faults of the reliability bar, each with the counts under which a history shows it. */
export const PROVIDER_FAULTS: Readonly<Record<string, { means: string; counts: readonly string[] }>> = {
  P1: { means: 'accepts, then times out', counts: ['start timeout-after'] },
  P2: { means: 'resets before the answer', counts: ['start reset-before', 'start reset-after'] },
  P3: {
    means: '429 with Retry-After in seconds, as a date, without, absurd',
    counts: [
      'start rate-limited',
      'start rate-limited-by-date',
      'start rate-limited-bare',
      'start rate-limited-for-ages',
      'look rate-limited',
      'episode storm',
    ],
  },
  P4: {
    means: '5xx, in bursts too',
    counts: ['start unavailable', 'start error-before', 'start error-after', 'look error', 'episode down'],
  },
  P5: {
    means: 'an answer that is no JSON, empty or cut off at its length',
    counts: ['start unreadable-after', 'start empty-after', 'start cut-after', 'look unreadable'],
  },
  P6: {
    means: 'wrong shape, unknown status, null id, one id for two jobs',
    counts: ['start wrong-shape-after', 'course unknown-status', 'start null-id-after', 'start same-id-after'],
  },
  P7: { means: 'never finishes', counts: ['course never'] },
  P8: { means: 'a truncated file', counts: ['course cut-file', 'course download-reset-once'] },
  P9: { means: 'a file of the wrong type', counts: ['course wrong-type'] },
  P10: { means: 'a file of 0 bytes, a file of 2 GB', counts: ['course empty-file', 'course huge-file'] },
  P11: {
    means: 'a link that is missing, has expired, leads to a private address',
    counts: ['course file-missing', 'course link-expires', 'course file-redirected'],
  },
  P12: {
    means: 'fewer or more outputs, a smaller one',
    counts: ['course no-output', 'course more-outputs', 'course small-file'],
  },
  P13: { means: 'a pixel bomb', counts: ['course bomb-file'] },
  P14: { means: 'refused late', counts: ['course refused-late', 'course overloaded-late'] },
  P15: { means: 'the same callback five times', counts: ['callback often'] },
  P16: { means: 'a callback before the answer', counts: ['callback early'] },
  P17: {
    means: 'failed after success, progress that falls',
    counts: ['course failed-after-success', 'course progress-falls'],
  },
  P18: {
    means: 'a callback that is forged, for another job, or of an unknown id',
    counts: ['callback forged', 'callback foreign', 'callback unknown'],
  },
  P19: { means: 'dearer than quoted', counts: ['course dearer'] },
  P20: {
    means: 'drips, hangs, takes a minute for each answer',
    counts: ['course file-drips', 'course download-hangs', 'look slow'],
  },
  P21: {
    means: 'no TLS, no name, no connection',
    counts: ['start tls-failed', 'start name-unresolved', 'start connection-refused', 'look refused'],
  },
  P22: { means: 'a clock that is 1 h off', counts: ['start rate-limited-by-date'] },
  P23: { means: 'out of money, for one request or for a while', counts: ['start quota', 'episode out-of-money'] },
};
