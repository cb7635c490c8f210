import { microUsd, type MicroUsd } from '../core/money.ts';
import type { Adjustment } from '../catalog/parameter-map.ts';
import type { ProviderOutput } from '../core/outcome.ts';
import type { ProviderReference } from '../core/provider.ts';
import type { Database, Row, Tx } from '../database/database.ts';
import { unindexed } from '../database/unindexed.ts';
import { bookCost } from './costs.ts';
import type { AttemptState } from './states.ts';
import { LeaseLost, type Lease } from './world.ts';

/** A generation that was done when the provider took it; what came inside its answer lies in the blob store (`blob:<key>`). */
export interface ReadyResult {
  outputs: ProviderOutput[];
  costMicroUsd: MicroUsd | null;
  seed: number | null;
}

/** One try to buy a generation. Instants are UTC milliseconds. */
export interface Attempt {
  id: string;
  jobId: string;
  /** 1 for the first. */
  number: number;
  provider: string;
  upstreamModel: string;
  /** The key that it was bought with; see `ProviderKeys`. */
  providerKey: string;
  state: AttemptState;
  reference: ProviderReference | null;
  /** Set where the provider answered with the finished result. */
  ready: ReadyResult | null;
  callbackToken: string;
  failureKind: string | null;
  failureText: string | null;
  adjustments: Adjustment[];
  /** The seed that was sent: the caller's, or one of ours that makes the run recognisable. */
  seed: number | null;
  /** What the catalogue says that it costs; null where nothing is known. */
  expectedCostMicroUsd: MicroUsd | null;
  /** What the provider said that it cost. */
  costMicroUsd: MicroUsd | null;
  intentAt: number;
  acceptedAt: number | null;
  closedAt: number | null;
}

interface AttemptRow extends Row {
  id: string;
  job_id: string;
  number: number;
  provider: string;
  upstream_model: string;
  provider_key: string | null;
  state: AttemptState;
  reference_json: string | null;
  ready_json: string | null;
  callback_token: string;
  failure_kind: string | null;
  failure_text: string | null;
  adjustments_json: string;
  seed: number | null;
  expected_cost_micro_usd: number | null;
  cost_micro_usd: number | null;
  intent_at: number;
  accepted_at: number | null;
  closed_at: number | null;
}

const COLUMNS = `id, job_id, number, provider, upstream_model, provider_key, state, reference_json, ready_json, callback_token,
  failure_kind, failure_text, adjustments_json, seed, expected_cost_micro_usd, cost_micro_usd, intent_at, accepted_at, closed_at`;
const LIST = `SELECT ${COLUMNS} FROM attempts WHERE job_id = $1 ORDER BY number`;
const FIND = `SELECT ${COLUMNS} FROM attempts WHERE id = $1 AND provider = $2`;

/** A job's attempts, first to last. */
export async function listAttempts(database: Database, jobId: string): Promise<Attempt[]> {
  return (await database.query<AttemptRow>(LIST, [jobId])).map(attemptFromRow);
}

/** An attempt by its id, or null. */
export async function findAttempt(database: Database, attemptId: string, provider: string): Promise<Attempt | null> {
  const row = (await database.query<AttemptRow>(FIND, [attemptId, provider]))[0];
  return row === undefined ? null : attemptFromRow(row);
}

function attemptFromRow(row: AttemptRow): Attempt {
  return {
    id: row.id,
    jobId: row.job_id,
    number: row.number,
    provider: row.provider,
    upstreamModel: row.upstream_model,
    // Rows of before this column were bought with the sandbox, which wants no key.
    providerKey: row.provider_key ?? `none:${row.provider}`,
    state: row.state,
    // Safe: only markAccepted writes these two columns, from a ProviderReference and a ReadyResult.
    reference: row.reference_json === null ? null : (JSON.parse(row.reference_json) as ProviderReference),
    ready: row.ready_json === null ? null : (JSON.parse(row.ready_json) as ReadyResult),
    callbackToken: row.callback_token,
    failureKind: row.failure_kind,
    failureText: row.failure_text,
    // Safe: only insertAttempt writes this column.
    adjustments: JSON.parse(row.adjustments_json) as Adjustment[],
    seed: row.seed,
    expectedCostMicroUsd: row.expected_cost_micro_usd === null ? null : microUsd(row.expected_cost_micro_usd),
    costMicroUsd: row.cost_micro_usd === null ? null : microUsd(row.cost_micro_usd),
    intentAt: row.intent_at,
    acceptedAt: row.accepted_at,
    closedAt: row.closed_at,
  };
}

const TOUCH = `
UPDATE jobs SET lease_epoch = lease_epoch
WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3 AND ${unindexed('status')} = 'PROCESSING' RETURNING id`;

/** Throws LeaseLost, and so rolls back, unless the lease is still held; on PostgreSQL it locks the job's row. */
export async function assertLease(tx: Tx, lease: Lease): Promise<void> {
  const rows = await tx.query(TOUCH, [lease.jobId, lease.workerId, lease.epoch]);
  if (rows.length === 0) throw new LeaseLost(lease.jobId);
}

const INSERT = `
INSERT INTO attempts (id, job_id, number, provider, upstream_model, provider_key, state, request_hash, callback_token,
  adjustments_json, seed, expected_cost_micro_usd, lease_epoch, intent_at)
VALUES ($1, $2, $3, $4, $5, $6, 'INTENT', $7, $8, $9, $10, $11, $12, $13)`;

/** Writes down the intent to buy; must be committed before the request leaves. */
export async function insertAttempt(tx: Tx, attempt: Attempt & { requestHash: string; epoch: number }): Promise<void> {
  await tx.query(INSERT, [
    attempt.id,
    attempt.jobId,
    attempt.number,
    attempt.provider,
    attempt.upstreamModel,
    attempt.providerKey,
    attempt.requestHash,
    attempt.callbackToken,
    JSON.stringify(attempt.adjustments),
    attempt.seed,
    attempt.expectedCostMicroUsd,
    attempt.epoch,
    attempt.intentAt,
  ]);
}

const ACCEPT = `
UPDATE attempts SET state = 'ACCEPTED', reference_json = $2, upstream_id = $3, ready_json = $4, accepted_at = $5,
  cost_micro_usd = COALESCE($6, cost_micro_usd)
WHERE id = $1 AND state IN ('INTENT', 'SENT', 'AMBIGUOUS') AND closed_at IS NULL
AND NOT EXISTS (SELECT 1 FROM attempts AS other
  WHERE other.provider = $7 AND other.upstream_id = CAST($3 AS TEXT) AND other.id <> $1) RETURNING id`;

const FIND_OTHERS = `SELECT upstream_id FROM attempts WHERE provider = $1 AND upstream_id = $2 AND id <> $3`;

const CALM = `UPDATE jobs SET crashes = 0 WHERE id = $1 AND crashes > 0`;

/**
 * The provider took the request; a job that gets on is no suspect. `known` when the attempt is past that already,
 * `foreign` when the generation belongs to another attempt: then nothing was written.
 */
export async function markAccepted(
  tx: Tx,
  attempt: {
    id: string;
    jobId: string;
    provider: string;
    reference: ProviderReference;
    ready?: ReadyResult | null;
    at: number;
    costMicroUsd: MicroUsd | null;
  },
): Promise<'new' | 'known' | 'foreign'> {
  // A synchronous provider gives no id; there is nothing to confuse then.
  const upstreamId = attempt.reference.id === '' ? null : attempt.reference.id;
  const rows = await tx.query(ACCEPT, [
    attempt.id,
    JSON.stringify(attempt.reference),
    upstreamId,
    attempt.ready == null ? null : JSON.stringify(attempt.ready),
    attempt.at,
    attempt.costMicroUsd,
    attempt.provider,
  ]);
  if (rows.length > 0) {
    await tx.query(CALM, [attempt.jobId]);
    return 'new';
  }
  const others = upstreamId === null ? [] : await tx.query(FIND_OTHERS, [attempt.provider, upstreamId, attempt.id]);
  return others.length > 0 ? 'foreign' : 'known';
}

/** True when another attempt of ours stands for this generation. */
export async function isForeign(database: Database, attempt: Attempt, upstreamId: string): Promise<boolean> {
  return (await database.query(FIND_OTHERS, [attempt.provider, upstreamId, attempt.id])).length > 0;
}

const AMBIGUOUS = `UPDATE attempts SET state = 'AMBIGUOUS', failure_text = $2 WHERE id = $1 AND state IN ('INTENT', 'SENT')`;

/** The answer is lost: the provider may have acted. */
export async function markAmbiguous(tx: Tx, attemptId: string, text: string): Promise<void> {
  await tx.query(AMBIGUOUS, [attemptId, text]);
}

const CLOSE = `
UPDATE attempts SET state = $2, failure_kind = $3, failure_text = $4, closed_at = $5,
  cost_micro_usd = COALESCE($6, cost_micro_usd)
WHERE id = $1 AND closed_at IS NULL AND (state <> 'ACCEPTED' OR $2 <> 'REJECTED') RETURNING id`;

/**
 * Ends an attempt: REJECTED when surely nothing was bought, DONE otherwise; then what it cost, or may have cost, is
 * booked. False when nothing was changed: it is closed, or it is to be rejected and a callback has told meanwhile that
 * it was accepted.
 */
export async function closeAttempt(
  tx: Tx,
  attempt: {
    id: string;
    state: 'DONE' | 'REJECTED';
    at: number;
    failureKind: string | null;
    failureText: string | null;
    costMicroUsd?: MicroUsd | null;
  },
): Promise<boolean> {
  const rows = await tx.query(CLOSE, [
    attempt.id,
    attempt.state,
    attempt.failureKind,
    attempt.failureText,
    attempt.at,
    attempt.costMicroUsd ?? null,
  ]);
  if (rows.length === 0) return false;
  if (attempt.state === 'DONE') {
    await bookCost(tx, { attemptId: attempt.id, isDelivered: attempt.failureKind === null, at: attempt.at });
  }
  return true;
}
