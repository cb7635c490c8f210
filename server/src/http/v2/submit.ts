import type { CheckedInput } from '../../catalog/check-input.ts';
import type { Operation } from '../../catalog/model.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JobStatus } from '../../jobs/states.ts';
import { json, type Answer } from '../gate/answer.ts';
import { checkBody } from '../gate/check-body.ts';
import { bodyOf, type KeyedCall, type Operate } from '../gate/door.ts';
import { resolveInput } from '../gate/resolve-input.ts';
import { requestHeader } from '../gate/request-header.ts';
import { requestFingerprint } from '../gate/fingerprint.ts';
import { idempotencyKeyFrom } from '../gate/idempotency-key.ts';
import type { SubmitRequest } from '../jobs-port.ts';
import type { HttpWorld } from '../world.ts';

/** The way of every request that makes a job; each submit operation is this with its own name. */
export function submitOperation(world: HttpWorld, operation: Operation): Operate<KeyedCall> {
  const path = `/v2/${operation}`;
  return async (call): Promise<Answer> => {
    const key = idempotencyKeyFrom(requestHeader(call.context, 'idempotency-key'));
    const body = await bodyOf(call);
    const { model, input } = checkBody(world.catalog, operation, body);
    const idempotency = key === null ? null : { key, fingerprint: requestFingerprint({ method: 'POST', path, body }) };
    const { caller } = call;
    const request = { caller, operation, model, input, body, webhook: webhookOf(input), idempotency };
    return accepted(world, call, await submitOrReplay(world, request));
  };
}

/** The 202 of a job that is stored. */
export async function accepted(world: HttpWorld, call: KeyedCall, submitted: Submitted): Promise<Answer> {
  await world.reachCrashPoint('C6');
  call.jobId = submitted.jobId;
  const answer = { jobId: submitted.jobId, status: acceptedStatus(submitted.status) };
  return json(202, answer, submitted.replayed ? { 'idempotent-replayed': 'true' } : {});
}

type Submitted = Awaited<ReturnType<HttpWorld['jobs']['submitJob']>>;

/** A request that was accepted once is answered again, even if it would be refused today (an address has moved). */
export async function submitOrReplay(world: HttpWorld, request: SubmitRequest): Promise<Submitted> {
  try {
    const input = await resolveInput(world, request.caller, request);
    await world.reachCrashPoint('C1');
    return await world.jobs.submitJob({ ...request, input });
  } catch (error) {
    const { caller, idempotency } = request;
    if (idempotency === null || !(error instanceof GatewayError)) throw error;
    const earlier = await world.jobs.findReplay(caller, idempotency);
    if (earlier === null) throw error;
    return earlier;
  }
}

/** Where the events of a job go, and which. */
export function webhookOf({ webhook }: CheckedInput): SubmitRequest['webhook'] {
  if (webhook.url === null) return null;
  return { url: webhook.url, events: webhook.events ?? ['completed', 'failed'] };
}

/** The contract's answer knows no CANCELLED and allows the status of the beginning in its place; the job itself says CANCELLED. */
function acceptedStatus(status: JobStatus): Exclude<JobStatus, 'CANCELLED'> {
  return status === 'CANCELLED' ? 'QUEUED' : status;
}
