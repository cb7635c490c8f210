import { isoInstant } from '../core/clock.ts';
import { listAttempts, type Attempt } from './attempts.ts';
import { EVENTS_PAGE, listAllEvents, listEvents, type JobEvent } from './job-events.ts';
import { findJob, type JobRecord } from './job-record.ts';
import { isFinal } from './states.ts';
import type { JobCaller, JobsWorld } from './world.ts';

/** Hints can be lost between processes; who waits looks again after this long. */
const LOOK_MS_MAX = 2_000;

/** Waits until the job has ended or `ms` have passed; then tells how it stands. Null for a missing or foreign job. */
export async function waitForJob(
  world: JobsWorld,
  caller: JobCaller,
  jobId: string,
  options: { ms: number; signal?: AbortSignal },
): Promise<JobRecord | null> {
  const until = world.clock.monotonicMs() + options.ms;
  const changes = world.changes.listen(jobId, options.signal);
  try {
    for (;;) {
      const job = await findJob(world, caller, jobId);
      const leftMs = until - world.clock.monotonicMs();
      if (job === null || isFinal(job.status) || leftMs <= 0 || options.signal?.aborted === true) return job;
      await changes.wait(Math.min(leftMs, LOOK_MS_MAX));
    }
  } finally {
    changes.stop();
  }
}

/** One message of a job's stream. `id` is the timeline's sequence, so a reader can go on after the last one it saw. */
export interface JobMessage {
  type: 'state' | 'progress' | 'timeline';
  id: number;
  data: object;
}

/** Follows a job to its end: its state now, then every step from `afterSequence` on. Null for a missing or foreign job. */
export async function watchJob(
  world: JobsWorld,
  caller: JobCaller,
  jobId: string,
  options: { afterSequence: number; signal: AbortSignal },
): Promise<AsyncIterable<JobMessage> | null> {
  const job = await findJob(world, caller, jobId);
  return job === null ? null : messages(world, caller, job, options);
}

async function* messages(
  world: JobsWorld,
  caller: JobCaller,
  first: JobRecord,
  options: { afterSequence: number; signal: AbortSignal },
): AsyncIterable<JobMessage> {
  const changes = world.changes.listen(first.id, options.signal);
  let sequence = options.afterSequence;
  let status: JobRecord['status'] | null = null;
  try {
    for (;;) {
      // The job is read before its steps: a step that the job does not show yet comes in the next round.
      const job = await findJob(world, caller, first.id);
      if (job === null) return;
      const steps = await listEvents(world.database, job.id, sequence);
      for (const step of steps) {
        sequence = step.sequence;
        yield { type: step.kind === 'progress' ? 'progress' : 'timeline', id: sequence, data: presentStep(step) };
      }
      // The end is told after the last step, so what is left of the steps comes first.
      if (steps.length === EVENTS_PAGE && !options.signal.aborted) continue;
      if (job.status !== status) {
        status = job.status;
        yield {
          type: 'state',
          id: sequence,
          data: { id: job.id, status, progress: job.progress, error: job.error, creditCost: job.creditCost },
        };
      }
      if (isFinal(job.status) || options.signal.aborted) return;
      await changes.wait(LOOK_MS_MAX);
    }
  } finally {
    changes.stop();
  }
}

function presentStep(step: JobEvent): object {
  return { sequence: step.sequence, kind: step.kind, at: isoInstant(step.at), ...step.data };
}

/** Every step and every try of a job. */
export interface Timeline {
  job: JobRecord;
  events: JobEvent[];
  attempts: PublicAttempt[];
}

/** A try as its team may see it: without the callback's token, the provider's reference and key, and what it cost the operator. */
export type PublicAttempt = Pick<
  Attempt,
  | 'id'
  | 'number'
  | 'provider'
  | 'upstreamModel'
  | 'state'
  | 'failureKind'
  | 'failureText'
  | 'adjustments'
  | 'seed'
  | 'intentAt'
  | 'acceptedAt'
  | 'closedAt'
>;

/** Null for a missing or foreign job. */
export async function findTimeline(world: JobsWorld, caller: JobCaller, jobId: string): Promise<Timeline | null> {
  const job = await findJob(world, caller, jobId);
  if (job === null) return null;
  const [events, attempts] = await Promise.all([
    listAllEvents(world.database, job.id),
    listAttempts(world.database, job.id),
  ]);
  return { job, events, attempts: attempts.map(publicAttempt) };
}

function publicAttempt(attempt: Attempt): PublicAttempt {
  const { id, number, provider, upstreamModel, state, failureKind, failureText } = attempt;
  const { adjustments, seed, intentAt, acceptedAt, closedAt } = attempt;
  return {
    id,
    number,
    provider,
    upstreamModel,
    state,
    failureKind,
    failureText,
    adjustments,
    seed,
    intentAt,
    acceptedAt,
    closedAt,
  };
}
