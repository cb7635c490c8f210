import { isoInstant } from '../core/clock.ts';

/** The kinds of event a caller may subscribe to with `webhookEvents`. */
export const WEBHOOK_EVENTS = ['progress', 'completed', 'failed'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What an event says about its job; each event uses the part that the contract names. */
export interface WebhookJob {
  id: string;
  model: string;
  /** Public status; a cancelled job is told as event `failed` with status `CANCELLED`. */
  status: 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'CANCELLED';
  /** 0 to 100. */
  progress: number;
  /** The `result` object as the job's own page shows it. */
  result: unknown;
  error: string | null;
  /** In credits, as on the job. */
  creditCost: number;
  /** UTC milliseconds; null while the job runs. */
  completedAt: number | null;
}

/** Receivers are promised bodies of at most 20 KB. */
export const WEBHOOK_BODY_BYTES_MAX = 20_000;
/** An error text beyond this says nothing more; escaped as JSON it still fits the body's bound. */
const ERROR_CHARACTERS_MAX = 2_000;

/**
 * The body of one event, with exactly the contract's fields in the contract's order. It is made once and sent
 * unchanged at every try. Our additions (event id, sequence) travel as headers, so that strict parsers of the
 * contract keep working. A result beyond the size bound is left out (`null`): the receiver reads the job.
 */
export function webhookBody(event: WebhookEvent, job: WebhookJob): string {
  switch (event) {
    case 'progress':
      return JSON.stringify({ event, jobId: job.id, status: 'PROCESSING', progress: job.progress, model: job.model });
    case 'completed':
      return completedBody(job);
    case 'failed':
      return JSON.stringify({
        event,
        jobId: job.id,
        status: job.status === 'CANCELLED' ? 'CANCELLED' : 'FAILED',
        error: job.error?.slice(0, ERROR_CHARACTERS_MAX) ?? null,
        model: job.model,
      });
  }
}

function completedBody(job: WebhookJob): string {
  const body = {
    event: 'completed',
    jobId: job.id,
    status: 'COMPLETED',
    progress: 100,
    result: job.result,
    model: job.model,
    creditCost: job.creditCost,
    completedAt: job.completedAt === null ? null : isoInstant(job.completedAt),
  };
  const text = JSON.stringify(body);
  if (Buffer.byteLength(text) <= WEBHOOK_BODY_BYTES_MAX) return text;
  return JSON.stringify({ ...body, result: null });
}
