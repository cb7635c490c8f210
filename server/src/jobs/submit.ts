import type { CheckedInput } from '../catalog/check-input.ts';
import type { Model } from '../catalog/model.ts';
import { GatewayError } from '../core/errors.ts';
import { microCredits, wholeCredits } from '../core/money.ts';
import { hold, type HoldResult } from '../credits/hold.ts';
import type { Row, Tx } from '../database/database.ts';
import { countTrainings, insertLora, type NewLora } from '../loras/loras.ts';
import { planCall, type PlannedCall } from './call-plan.ts';
import { insertEvent } from './job-events.ts';
import { measureInputs } from './measure-inputs.ts';
import type { JobStatus } from './states.ts';
import type { JobCaller, JobsWorld } from './world.ts';

/** For how long a replayed Idempotency-Key answers with the first job. */
const IDEMPOTENCY_MS = 24 * 3_600_000;
/** After a 429 for a full queue: jobs end at the pace of providers, so a few seconds are soon enough. */
const QUEUE_FULL_RETRY_SECONDS = 5;
/** After a 429 for too many trainings. */
const TRAININGS_RETRY_SECONDS = 60;
/** Trainers are said to take 15 to 25 minutes, and may have a queue of their own. */
export const TRAINING_MS = 2 * 3_600_000;

export interface SubmitRequest {
  caller: JobCaller;
  operation: string;
  model: Model;
  /** Which action upon a finished job this is; absent for a run of the model itself. */
  action?: string;
  input: CheckedInput;
  /** The request as received; shown on the job. */
  body: Record<string, unknown>;
  webhook: { url: string; events: readonly ('progress' | 'completed' | 'failed')[] } | null;
  idempotency: { key: string; fingerprint: string } | null;
  /** What the job trains, and how many trainings its team may have under way, this one included. */
  training?: { lora: NewLora; openMax: number };
}

export interface Submitted {
  jobId: string;
  status: JobStatus;
  /** True when an earlier request with the same Idempotency-Key made the job. */
  replayed: boolean;
}

/** Rolls the transaction back: the key was used before. */
class KeyUsed extends Error {}
/** Rolls the transaction back: the team trains enough already. */
class TooManyTrainings extends Error {}
/** Rolls the transaction back: the ledger refuses. */
class HoldRefused extends Error {
  readonly refusal: Extract<HoldResult, { ok: false }>;
  constructor(refusal: Extract<HoldResult, { ok: false }>) {
    super(refusal.reason);
    this.refusal = refusal;
  }
}

/**
 * Accepts a job: job, hold, idempotency row and first event in one transaction, committed before this
 * resolves. Throws GatewayError (400, 402, 409, 429) and leaves nothing behind.
 */
export async function submitJob(world: JobsWorld, request: SubmitRequest): Promise<Submitted> {
  const planned = planCall(world, { ...request, inputs: await measureInputs(world, request) });
  const jobId = world.newId();
  try {
    await world.database.transaction((tx) => insertAll(world, tx, { request, planned, jobId }));
  } catch (error) {
    if (error instanceof KeyUsed) return replay(world, request);
    if (error instanceof HoldRefused) throw refusalError(error.refusal);
    if (error instanceof TooManyTrainings)
      throw new GatewayError('too_many_trainings', { retryAfterSeconds: TRAININGS_RETRY_SECONDS });
    throw error;
  }
  await world.reachCrashPoint('C5');
  world.database.notify('work', '');
  return { jobId, status: 'QUEUED', replayed: false };
}

const INSERT_KEY = `
INSERT INTO idempotency (team_id, key, fingerprint, job_id, expires_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (team_id, key) DO UPDATE
SET fingerprint = excluded.fingerprint, job_id = excluded.job_id, expires_at = excluded.expires_at
WHERE idempotency.expires_at <= $6
RETURNING job_id`;

/**
 * The rank makes the queue fair: a team's next job stands one behind its last one, and a team that has
 * none waiting starts at the front, so teams take turns however many jobs one of them sends. `LOWER` is the word by
 * which the index of a team's waiting jobs is found.
 */
const INSERT_JOB = `
INSERT INTO jobs (id, team_id, user_id, key_id, mode, operation, model, input_json, call_json, price_micro,
  charge_micro, status, progress, webhook_url, webhook_events, webhook_status, created_at, deadline_at,
  providers, own_keys, queue_rank)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, 'QUEUED', 0, $11, $12, $13, $14, lumegate_now() + $15, $16, $17,
  COALESCE(
    (SELECT MAX(queue_rank) + 1 FROM jobs WHERE team_id = $2 AND LOWER(status) = 'queued'),
    (SELECT MIN(queue_rank) FROM jobs WHERE status = 'QUEUED'),
    0))`;

async function insertAll(
  world: JobsWorld,
  tx: Tx,
  facts: { request: SubmitRequest; planned: PlannedCall; jobId: string },
): Promise<void> {
  const { request, planned, jobId } = facts;
  const { caller, idempotency } = request;
  const now = world.clock.now();
  // The job comes before its key: with the key first, SQLite reads through all keys at the job's insert for rows that
  // wait for this parent (measured: 100 µs more for each 1,000 keys in the table).
  const job = insertJob(tx, { ...facts, now, deadlineMs: deadlineMs(world, request) });
  const claimed: Promise<Row[] | null> =
    idempotency === null
      ? Promise.resolve(null)
      : tx.query(INSERT_KEY, [
          caller.teamId,
          idempotency.key,
          idempotency.fingerprint,
          jobId,
          now + IDEMPOTENCY_MS,
          now,
        ]);
  // A rejection is seen where the promises are awaited; this keeps an earlier throw from leaving it unheard.
  job.catch(() => {});
  claimed.catch(() => {});
  await world.reachCrashPoint('C2');
  // The statements do not wait for each other, so that PostgreSQL gets them in one go.
  const event = insertEvent(tx, {
    jobId,
    kind: 'accepted',
    at: now,
    data: {
      creditsHeld: wholeCredits(planned.price.priceMicro),
      ignored: planned.plan.ignored,
      adjustments: planned.adjustments,
    },
  });
  const held = hold(tx, {
    newId: world.newId,
    now,
    jobId,
    teamId: caller.teamId,
    keyId: caller.keyId,
    mode: caller.mode,
    amountMicro: planned.price.priceMicro,
    openHoldsMax: world.settings.teamQueueMax,
  });
  const settled = await Promise.allSettled([claimed, job, event, held] as const);
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  await world.reachCrashPoint('C3');
  if ((await claimed)?.length === 0) throw new KeyUsed();
  const refusal = await held;
  if (!refusal.ok) throw new HoldRefused(refusal);
  if (request.training !== undefined)
    await insertTraining(tx, request.training, { caller: request.caller, jobId, now });
  await world.reachCrashPoint('C4');
}

/** After the hold, whose lock on the team's account lets one of its trainings in at a time. */
async function insertTraining(
  tx: Tx,
  { lora, openMax }: NonNullable<SubmitRequest['training']>,
  owner: { caller: JobCaller; jobId: string; now: number },
): Promise<void> {
  const { caller, jobId, now } = owner;
  if ((await countTrainings(tx, caller)) >= openMax) throw new TooManyTrainings();
  await insertLora(tx, lora, { ...caller, jobId, now });
}

/** Trainings take a quarter of an hour or more, whatever is thought right for other jobs. */
function deadlineMs({ settings }: JobsWorld, { training }: SubmitRequest): number {
  return training === undefined ? settings.jobMs : Math.max(settings.jobMs, TRAINING_MS);
}

async function insertJob(
  tx: Tx,
  facts: { request: SubmitRequest; planned: PlannedCall; jobId: string; now: number; deadlineMs: number },
): Promise<void> {
  const { request, planned, jobId, now } = facts;
  const { caller, webhook } = request;
  const tells = webhook !== null && webhook.events.some((event) => event !== 'progress');
  await tx.query(INSERT_JOB, [
    jobId,
    caller.teamId,
    caller.userId,
    caller.keyId,
    caller.mode,
    request.operation,
    request.model.id,
    JSON.stringify(request.body),
    JSON.stringify(planned.plan),
    planned.price.priceMicro,
    webhook?.url ?? null,
    webhook?.events.join(',') ?? null,
    tells ? 'pending' : null,
    now,
    facts.deadlineMs,
    planned.plan.providers.join(','),
    planned.plan.payer === 'team' ? 1 : 0,
  ]);
}

interface KeyRow extends Row {
  fingerprint: string;
  job_id: string;
  status: JobStatus;
  expires_at: number;
}

const FIND_KEY = `
SELECT idempotency.fingerprint, idempotency.job_id, idempotency.expires_at, jobs.status
FROM idempotency JOIN jobs ON jobs.id = idempotency.job_id
WHERE idempotency.team_id = $1 AND idempotency.key = $2`;

/**
 * The job that an earlier request with the same key and body made, or null. For a request that would be refused
 * today (its model has been retired since): the promise was given when it was accepted.
 */
export async function findReplay(
  world: JobsWorld,
  caller: JobCaller,
  idempotency: { key: string; fingerprint: string },
): Promise<Submitted | null> {
  const row = (await world.database.query<KeyRow>(FIND_KEY, [caller.teamId, idempotency.key]))[0];
  if (row === undefined || row.fingerprint !== idempotency.fingerprint || row.expires_at <= world.clock.now())
    return null;
  return { jobId: row.job_id, status: row.status, replayed: true };
}

async function replay(world: JobsWorld, request: SubmitRequest): Promise<Submitted> {
  const key = request.idempotency?.key ?? '';
  const row = (await world.database.query<KeyRow>(FIND_KEY, [request.caller.teamId, key]))[0];
  // The row was there a moment ago and lives for a day; gone, it was swept in between.
  if (row === undefined)
    throw new GatewayError('unavailable', { internal: 'idempotency row vanished', retryAfterSeconds: 1 });
  if (row.fingerprint !== request.idempotency?.fingerprint) throw new GatewayError('idempotency_key_reused');
  return { jobId: row.job_id, status: row.status, replayed: true };
}

function refusalError(refusal: Extract<HoldResult, { ok: false }>): GatewayError {
  if (refusal.reason === 'queue-full') {
    return new GatewayError('queue_full', { retryAfterSeconds: QUEUE_FULL_RETRY_SECONDS });
  }
  return new GatewayError('credits_insufficient', {
    credits: {
      required: wholeCredits(microCredits(refusal.requiredMicro)),
      available: wholeCredits(microCredits(Math.max(0, refusal.availableMicro))),
    },
    internal: refusal.reason,
  });
}
