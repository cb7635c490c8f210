import type { FailureKind } from '../core/outcome.ts';
import { microCredits, wholeCredits, type MicroCredits, type MicroUsd } from '../core/money.ts';
import { capture, release } from '../credits/settle.ts';
import type { Row, Tx } from '../database/database.ts';
import { unindexed } from '../database/unindexed.ts';
import { insertOutputs, type Output } from '../files/outputs.ts';
import { insertDelivery } from '../webhooks/deliveries.ts';
import { webhookBody } from '../webhooks/events.ts';
import { closeAttempt } from './attempts.ts';
import { bookOpenPurchases } from './costs.ts';
import type { Shortfall } from './delivered.ts';
import { insertEvent } from './job-events.ts';
import { withLinks } from './job-record.ts';
import { LeaseLost, type JobsWorld, type Lease } from './world.ts';

/** Who ends a job: its runner, or a sweep for a job that nobody runs (`workerId` null). */
export interface Ending {
  jobId: string;
  workerId: string | null;
  epoch: number;
}

/** What the job's row says when it ends. */
interface EndedRow extends Row {
  id: string;
  team_id: string;
  key_id: string;
  model: string;
  charge_micro: number;
  webhook_url: string | null;
  webhook_events: string | null;
}

const RETURNED = 'id, team_id, key_id, model, charge_micro, webhook_url, webhook_events';

const COMPLETE = `
UPDATE jobs SET status = 'COMPLETED', progress = 100, result_json = $4, charge_micro = $6,
  webhook_status = CASE WHEN webhook_events LIKE '%completed%' THEN webhook_status END, lease_owner = NULL, completed_at = $5
WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3 AND ${unindexed('status')} = 'PROCESSING' RETURNING ${RETURNED}`;

const END_RUNNING = `
UPDATE jobs SET status = $4, progress = 0, charge_micro = 0, error = $5, failure_kind = $6, lease_owner = NULL, completed_at = $7,
  webhook_status = CASE WHEN webhook_events LIKE '%failed%' THEN webhook_status END
WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3 AND ${unindexed('status')} = 'PROCESSING' RETURNING ${RETURNED}`;

const END_IDLE = `
UPDATE jobs SET status = $3, progress = 0, charge_micro = 0, error = $4, failure_kind = $5, completed_at = $6,
  webhook_status = CASE WHEN webhook_events LIKE '%failed%' THEN webhook_status END
WHERE id = $1 AND lease_epoch = $2 AND lease_owner IS NULL AND ${unindexed('status')} IN ('QUEUED', 'PROCESSING') RETURNING ${RETURNED}`;

export interface Completion {
  outputs: Output[];
  /** Stored links, without the public address. */
  result: Record<string, unknown>;
  /** What the team pays, at most what was held. */
  chargeMicro: MicroCredits;
  shortfalls: readonly Shortfall[];
  attempt: { id: string; number: number; costMicroUsd: MicroUsd | null };
  /** When the provider was seen to be done, and when everything was stored here. */
  readyAt: number;
  storedAt: number;
}

/** What the timeline tells of a stored file: measured on the file, not what was asked. */
function filesSeen(output: Output): object {
  const { contentType, sizeBytes, width, height, seconds } = output;
  return { contentType, sizeBytes, width, height, ...(seconds === null ? {} : { seconds }) };
}

/**
 * Ends a job well: state, capture, files and outgoing event in one transaction. Throws LeaseLost when
 * another worker has it; then nothing was changed.
 */
export async function completeJob(world: JobsWorld, lease: Lease, completion: Completion): Promise<void> {
  const now = world.clock.now();
  const resultJson = JSON.stringify(completion.result);
  await world.database.transaction(async (tx) => {
    const job = (
      await tx.query<EndedRow>(COMPLETE, [
        lease.jobId,
        lease.workerId,
        lease.epoch,
        resultJson,
        now,
        completion.chargeMicro,
      ])
    )[0];
    if (job === undefined) throw new LeaseLost(lease.jobId);
    await world.reachCrashPoint('C19');
    const amountMicro = microCredits(job.charge_micro);
    const credits = wholeCredits(amountMicro);
    const { settled } = await capture(tx, { newId: world.newId, now, jobId: job.id, amountMicro, actor: 'engine' });
    if (!settled) throw new Error(`the hold of job ${job.id} was settled before`);
    await world.reachCrashPoint('C20');
    await Promise.all([
      insertOutputs(tx, completion.outputs),
      closeAttempt(tx, { ...completion.attempt, state: 'DONE', at: now, failureKind: null, failureText: null }),
      insertEvent(tx, {
        jobId: job.id,
        kind: 'ready',
        at: completion.readyAt,
        data: { outputs: completion.outputs.length },
      }),
      insertEvent(tx, {
        jobId: job.id,
        kind: 'stored',
        at: completion.storedAt,
        data: { files: completion.outputs.map(filesSeen) },
      }),
      ...tellShortfalls(tx, { jobId: job.id, completion }),
      insertEvent(tx, { jobId: job.id, kind: 'completed', at: now, data: { creditsCharged: credits } }),
      tell(world, tx, job, {
        event: 'completed',
        status: 'COMPLETED',
        progress: 100,
        result: withLinks(resultJson, world.publicUrl()),
        creditCost: credits,
        completedAt: now,
        error: null,
      }),
    ]);
    await world.reachCrashPoint('C21');
  });
  await world.reachCrashPoint('C22');
  announce(world, lease.jobId);
}

/** What is less than was ordered goes into the timeline; the charge says the rest. */
function tellShortfalls(tx: Tx, { jobId, completion }: { jobId: string; completion: Completion }): Promise<void>[] {
  const { shortfalls, attempt, storedAt: at } = completion;
  if (shortfalls.length === 0) return [];
  return [
    insertEvent(tx, { jobId, kind: 'short', at, data: { attempt: attempt.number, shortfalls, rerouted: false } }),
  ];
}

export interface Failure {
  kind: FailureKind;
  /** What the caller reads. */
  text: string;
}

/** Ends a job badly: state, release and outgoing event in one transaction. Throws LeaseLost like completeJob. */
export async function failJob(world: JobsWorld, ending: Ending, failure: Failure): Promise<void> {
  await endUncharged(world, ending, { status: 'FAILED', text: failure.text, kind: failure.kind });
}

/** Ends a job because its caller asked; releases the hold. Throws LeaseLost like completeJob. */
export async function cancelJobNow(world: JobsWorld, ending: Ending): Promise<void> {
  await endUncharged(world, ending, { status: 'CANCELLED', text: 'Cancelled by the caller', kind: null });
}

async function endUncharged(
  world: JobsWorld,
  ending: Ending,
  how: { status: 'FAILED' | 'CANCELLED'; text: string; kind: FailureKind | null },
): Promise<void> {
  const now = world.clock.now();
  await world.database.transaction(async (tx) => {
    const rows =
      ending.workerId === null
        ? await tx.query<EndedRow>(END_IDLE, [ending.jobId, ending.epoch, how.status, how.text, how.kind, now])
        : await tx.query<EndedRow>(END_RUNNING, [
            ending.jobId,
            ending.workerId,
            ending.epoch,
            how.status,
            how.text,
            how.kind,
            now,
          ]);
    const job = rows[0];
    if (job === undefined) throw new LeaseLost(ending.jobId);
    const { settled } = await release(tx, { newId: world.newId, now, jobId: job.id, actor: 'engine' });
    if (!settled) throw new Error(`the hold of job ${job.id} was settled before`);
    await insertEvent(tx, {
      jobId: job.id,
      kind: how.status === 'FAILED' ? 'failed' : 'cancelled',
      at: now,
      data: { error: how.text, kind: how.kind, creditsCharged: 0 },
    });
    await abandonAttempts(tx, job.id, now);
    await tell(world, tx, job, {
      event: 'failed',
      status: how.status,
      progress: 0,
      result: null,
      creditCost: 0,
      completedAt: now,
      error: how.text,
    });
  });
  announce(world, ending.jobId);
}

/** A purchase that is still open when its job ends is the operator's loss at most; it is closed as such. */
const ABANDON = `
UPDATE attempts SET state = 'DONE', closed_at = $2, failure_kind = COALESCE(failure_kind, 'abandoned'),
  failure_text = COALESCE(failure_text, 'the job ended before the provider did')
WHERE job_id = $1 AND closed_at IS NULL`;

async function abandonAttempts(tx: Tx, jobId: string, now: number): Promise<void> {
  await bookOpenPurchases(tx, jobId, now);
  await tx.query(ABANDON, [jobId, now]);
}

interface Told {
  event: 'completed' | 'failed';
  status: 'COMPLETED' | 'FAILED' | 'CANCELLED';
  progress: number;
  result: unknown;
  creditCost: number;
  completedAt: number;
  error: string | null;
}

/** Puts the event into the outbox when the caller asked for it. */
async function tell(world: JobsWorld, tx: Tx, job: EndedRow, told: Told): Promise<void> {
  if (job.webhook_url === null || job.webhook_events?.split(',').includes(told.event) !== true) return;
  await insertDelivery(tx, {
    id: world.newId(),
    teamId: job.team_id,
    jobId: job.id,
    keyId: job.key_id,
    event: told.event,
    url: job.webhook_url,
    body: webhookBody(told.event, { id: job.id, model: job.model, ...told }),
    now: told.completedAt,
  });
  tx.afterCommit(() => world.database.notify('delivery', ''));
}

/** Wakes those who wait for the job, and the queue, where a place is free now. */
function announce(world: JobsWorld, jobId: string): void {
  world.database.notify('job', jobId);
  world.database.notify('work', '');
}
