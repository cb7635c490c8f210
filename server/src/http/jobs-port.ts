import type { CheckedInput } from '../catalog/check-input.ts';
import type { ActionOperation, Model, Operation, TrainingOperation } from '../catalog/model.ts';
import type { CallbackDelivery } from '../core/provider.ts';
import type { NewLora } from '../loras/loras.ts';
import type { Attempt } from '../jobs/attempts.ts';
import type { JobRecord } from '../jobs/job-record.ts';
import type { JobCursor, JobQuery } from '../jobs/list-jobs.ts';
import type { JobStatus } from '../jobs/states.ts';
import type { Caller } from '../teams/authenticate.ts';

/** What a submit hands over once every check of form has passed. */
export interface SubmitRequest {
  caller: Caller;
  operation: Operation | ActionOperation | TrainingOperation;
  model: Model;
  /** Which action upon a finished job this is; absent for a run of the model itself. */
  action?: string;
  input: CheckedInput;
  /** The request as it came, for the job's `input`. */
  body: Record<string, unknown>;
  webhook: { url: string; events: WebhookEvent[] } | null;
  idempotency: { key: string; fingerprint: string } | null;
  /** What the job trains, and how many trainings its team may have under way, this one included. */
  training?: { lora: NewLora; openMax: number };
}

export type WebhookEvent = 'progress' | 'completed' | 'failed';

/** What a request would cost and do, without doing it. */
export interface JobEstimate {
  /** Whole credits. */
  credits: number;
  /** Measured here, or by the vendor's word; null where neither is known. */
  secondsExpected: number | null;
  /** Names of parameters that the model has no use for. */
  ignored: string[];
  adjustments: { parameter: string; asked: unknown; applied: unknown; reason: string }[];
  provider: string;
  sandbox: boolean;
  creditsAvailable: number;
}

/** Every step of a job and every try at a provider. Instants are UTC milliseconds. */
export interface Timeline {
  events: { sequence: number; kind: string; at: number; data: Record<string, unknown> }[];
  attempts: AttemptFacts[];
}

/** The part of an attempt that callers may know. */
export type AttemptFacts = Pick<
  Attempt,
  | 'number'
  | 'provider'
  | 'upstreamModel'
  | 'state'
  | 'failureKind'
  | 'adjustments'
  | 'seed'
  | 'intentAt'
  | 'acceptedAt'
  | 'closedAt'
>;

/** One message of a job's live stream; `id` is the step it belongs to, so a reader can go on after the last one it saw. */
export interface JobMessage {
  type: 'state' | 'progress' | 'timeline';
  id: number;
  data: object;
}

/** What the door asks of the job engine. Refusals are GatewayErrors; a foreign job is the same null as a missing one. */
export interface JobsPort {
  /** Resolves once the job, its hold and its key are committed. */
  submitJob(request: SubmitRequest): Promise<{ jobId: string; status: JobStatus; replayed: boolean }>;
  /** The job of an earlier request with this key and body, or null. */
  findReplay(
    caller: Caller,
    idempotency: { key: string; fingerprint: string },
  ): Promise<{ jobId: string; status: JobStatus; replayed: boolean } | null>;
  estimateJob(request: { caller: Caller; model: Model; input: CheckedInput }): Promise<JobEstimate>;
  findJob(caller: Caller, jobId: string): Promise<JobRecord | null>;
  listJobs(
    caller: Caller,
    query: JobQuery,
  ): Promise<{ jobs: JobRecord[]; nextCursor: JobCursor | null; models: string[] | null }>;
  /** Resolves at a final state, after `ms` or when the signal aborts, with the job as it then is. */
  waitForJob(caller: Caller, jobId: string, wait: { ms: number; signal: AbortSignal }): Promise<JobRecord | null>;
  /** Tells the state and the steps after `afterSequence`, then what happens, and ends after a final state. */
  watchJob(
    caller: Caller,
    jobId: string,
    watch: { afterSequence: number; signal: AbortSignal },
  ): Promise<AsyncIterable<JobMessage> | null>;
  findTimeline(caller: Caller, jobId: string): Promise<Timeline | null>;
  /** Throws `job_not_found` and `job_already_final`. */
  cancelJob(caller: Caller, jobId: string): Promise<JobRecord>;
  receiveCallback(callback: {
    provider: string;
    attemptId: string;
    token: string;
    delivery: CallbackDelivery;
  }): Promise<'accepted' | 'unknown'>;
}
