import { isoInstant } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { json, type Answer } from '../gate/answer.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import { jobIdOf } from '../gate/job-id.ts';
import type { AttemptFacts } from '../jobs-port.ts';
import type { TimelineBody } from '../schemas.ts';
import type { HttpWorld } from '../world.ts';

/** `GET /v2/jobs/{id}/timeline`: every step and every try with its time. */
export function jobTimeline(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    const jobId = jobIdOf(call);
    const timeline = await world.jobs.findTimeline(call.caller, jobId);
    if (timeline === null) throw new GatewayError('job_not_found');
    return json(200, {
      jobId,
      events: timeline.events.map(({ sequence, kind, at, data }) => ({ sequence, kind, at: isoInstant(at), data })),
      attempts: timeline.attempts.map(attemptView),
    } satisfies TimelineBody);
  };
}

/** Field by field: an attempt also holds the provider's references, our token and what the run cost the operator. */
function attemptView(attempt: AttemptFacts): TimelineBody['attempts'][number] {
  const instant = (at: number | null): string | null => (at === null ? null : isoInstant(at));
  return {
    number: attempt.number,
    provider: attempt.provider,
    upstreamModel: attempt.upstreamModel,
    state: attempt.state,
    failureKind: attempt.failureKind,
    adjustments: attempt.adjustments.map(({ parameter, asked, applied, reason }) => ({
      parameter,
      asked,
      applied,
      reason,
    })),
    seed: attempt.seed,
    intentAt: isoInstant(attempt.intentAt),
    acceptedAt: instant(attempt.acceptedAt),
    closedAt: instant(attempt.closedAt),
  };
}
