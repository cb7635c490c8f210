import { isoInstant } from '../../core/clock.ts';
import type { JobRecord } from '../../jobs/job-record.ts';
import type { JobListItemBody, JobBody } from '../schemas.ts';

/** A job as a list shows it: field by field, so that nothing of the record goes out by accident. */
export function jobListItem(job: JobRecord): JobListItemBody {
  return {
    id: job.id,
    status: job.status,
    model: job.model,
    operation: job.operation,
    progress: job.progress,
    result: job.result,
    error: job.error,
    creditCost: job.creditCost,
    webhookStatus: job.webhookStatus,
    provider: job.provider,
    sandbox: job.sandbox,
    createdAt: isoInstant(job.createdAt),
    completedAt: job.completedAt === null ? null : isoInstant(job.completedAt),
    expired: job.expired,
    cancelRequested: job.cancelRequested,
  };
}

/** A job as `GET /v2/jobs/{id}` shows it, with the request it came from. */
export function jobView(job: JobRecord): JobBody {
  return { ...jobListItem(job), input: job.input };
}
