import { z } from 'zod';

import type { FailureKind } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { complaintOf } from './failure-text.ts';
import { kindOfStatus } from './read-failure.ts';
import { maybeText } from './upstream-json.ts';

/** Types of complaints that are not about the form of the input. */
const KIND_BY_TYPE: ReadonlyMap<string, FailureKind> = new Map([
  ['content_policy_violation', 'content_refused'],
  // Mostly a maker's silent refusal.
  ['no_media_generated', 'content_refused'],
  ['generation_timeout', 'timed_out'],
  ['internal_server_error', 'unavailable'],
  ['downstream_service_error', 'unavailable'],
  ['downstream_service_unavailable', 'unavailable'],
]);

/** What the platform itself says went wrong, before or around the model. */
const KIND_BY_ERROR_TYPE: ReadonlyMap<string, FailureKind> = new Map([
  ['request_timeout', 'timed_out'],
  ['startup_timeout', 'unavailable'],
  ['runner_scheduling_failure', 'unavailable'],
  ['runner_connection_timeout', 'unavailable'],
  ['runner_disconnected', 'unavailable'],
  ['runner_connection_refused', 'unavailable'],
  ['runner_connection_error', 'unavailable'],
  ['runner_incomplete_response', 'unavailable'],
  ['runner_server_error', 'unavailable'],
  ['internal_error', 'unavailable'],
  ['client_disconnected', 'unknown'],
  ['client_cancelled', 'unknown'],
  ['bad_request', 'input_rejected'],
]);

const COMPLAINTS_READ_MAX = 8;
const body = z.object({ detail: z.unknown().optional(), error_type: maybeText });
const typed = z.object({ type: z.string() });

/** True where the answer is fal's own word about a request, and not that of a gateway in front of it. */
export function isFalError(answer: ProviderAnswer): boolean {
  const read = body.safeParse(answer.json);
  return answer.headers['x-fal-error-type'] !== undefined || (read.success && complaintOf(answer.json) !== '');
}

/** The kind of a refusal, or of a failure that stands where the result would. */
export function falFailureKind(answer: ProviderAnswer): FailureKind {
  const read = body.safeParse(answer.json);
  const details: unknown[] = read.success && Array.isArray(read.data.detail) ? read.data.detail : [];
  for (const detail of details.slice(0, COMPLAINTS_READ_MAX)) {
    const kind = KIND_BY_TYPE.get(typed.safeParse(detail).data?.type ?? '');
    if (kind !== undefined) return kind;
  }
  const errorType = answer.headers['x-fal-error-type'] ?? (read.success ? read.data.error_type : null);
  const kind = KIND_BY_ERROR_TYPE.get(errorType ?? '');
  if (kind !== undefined) return kind;
  const isPurse = /balance|locked|billing|credit/i.test(complaintOf(answer.json));
  return answer.status === 403 && isPurse ? 'quota' : kindOfStatus(answer.status);
}
