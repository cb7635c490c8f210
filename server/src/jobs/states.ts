/** The states of a job on the wire. The last three are final. */
export const JOB_STATES = ['QUEUED', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const;
export type JobStatus = (typeof JOB_STATES)[number];

/** What may follow upon what, and by which step; `docs/states.md` is drawn from this table. */
export const JOB_CHANGES: readonly { from: JobStatus; to: JobStatus; by: string }[] = [
  { from: 'QUEUED', to: 'PROCESSING', by: 'claim: a worker takes the lease' },
  { from: 'QUEUED', to: 'FAILED', by: 'sweep: the deadline has passed' },
  { from: 'QUEUED', to: 'CANCELLED', by: 'cancel: nothing was bought yet' },
  { from: 'PROCESSING', to: 'COMPLETED', by: 'settle: every output is stored, the hold is captured' },
  { from: 'PROCESSING', to: 'FAILED', by: 'settle: no try is left, the hold is released' },
  { from: 'PROCESSING', to: 'CANCELLED', by: 'settle: the caller asked, the hold is released' },
];

export type FinalStatus = Extract<JobStatus, 'COMPLETED' | 'FAILED' | 'CANCELLED'>;

/** True for COMPLETED, FAILED and CANCELLED, which never change. */
export function isFinal(status: JobStatus): status is FinalStatus {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';
}

/** The states of a purchase at a provider. */
export const ATTEMPT_STATES = ['INTENT', 'SENT', 'ACCEPTED', 'DONE', 'REJECTED', 'AMBIGUOUS'] as const;
export type AttemptState = (typeof ATTEMPT_STATES)[number];

/** What may follow upon what in a purchase. SENT is the short time between the first byte and the answer; a crash in it reads as INTENT. */
export const ATTEMPT_CHANGES: readonly { from: AttemptState; to: AttemptState; by: string }[] = [
  { from: 'INTENT', to: 'ACCEPTED', by: 'the provider took the request' },
  { from: 'INTENT', to: 'REJECTED', by: 'a definite refusal, or surely nothing was sent' },
  { from: 'INTENT', to: 'AMBIGUOUS', by: 'the answer was lost, or the process died before reading it' },
  { from: 'INTENT', to: 'DONE', by: 'the job ended while nobody knew yet whether the request had left' },
  {
    from: 'AMBIGUOUS',
    to: 'ACCEPTED',
    by: 'found at the provider, by look-up, by callback or by sending the same id again',
  },
  { from: 'AMBIGUOUS', to: 'REJECTED', by: 'the provider surely does not know it' },
  { from: 'AMBIGUOUS', to: 'DONE', by: 'never found: written off' },
  { from: 'ACCEPTED', to: 'DONE', by: 'completed, failed or abandoned at the provider' },
];
