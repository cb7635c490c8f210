import { microCredits, wholeCredits } from '../core/money.ts';
import type { Row, SqlValue } from '../database/database.ts';
import type { JobStatus } from './states.ts';
import type { JobCaller, JobsWorld } from './world.ts';

/** A job as callers see it. Instants are UTC milliseconds. */
export interface JobRecord {
  id: string;
  status: JobStatus;
  model: string;
  operation: string;
  mode: 'live' | 'test';
  progress: number;
  result: unknown;
  error: string | null;
  /** Credits: the hold while running, what was captured when completed, 0 when failed or cancelled. */
  creditCost: number;
  webhookStatus: 'pending' | 'delivered' | 'failed' | null;
  createdAt: number;
  completedAt: number | null;
  expired: boolean;
  cancelRequested: boolean;
  /** The request as it was received. */
  input: Record<string, unknown>;
  provider: string | null;
  sandbox: boolean;
}

/** The columns of a JobRecord. `$…` placeholders start where the statement wants them. */
export const RECORD_COLUMNS = `id, status, model, operation, mode, progress, result_json, error, charge_micro,
  webhook_status, created_at, completed_at, expired, cancel_requested_at, input_json, provider`;

export interface RecordRow extends Row {
  id: string;
  status: JobStatus;
  model: string;
  operation: string;
  mode: 'live' | 'test';
  progress: number;
  result_json: string | null;
  error: string | null;
  charge_micro: number;
  webhook_status: 'pending' | 'delivered' | 'failed' | null;
  created_at: number;
  completed_at: number | null;
  expired: number;
  cancel_requested_at: number | null;
  input_json: string;
  provider: string | null;
}

/** `publicUrl` completes the links, which are stored without it so that a gateway can move. */
export function recordFromRow(row: RecordRow, publicUrl: string): JobRecord {
  return {
    id: row.id,
    status: row.status,
    model: row.model,
    operation: row.operation,
    mode: row.mode,
    progress: row.progress,
    result: row.result_json === null ? null : withLinks(row.result_json, publicUrl),
    error: row.error,
    creditCost: wholeCredits(microCredits(row.charge_micro)),
    webhookStatus: row.webhook_status,
    createdAt: row.created_at,
    completedAt: row.completed_at,
    expired: row.expired === 1,
    cancelRequested: row.cancel_requested_at !== null,
    // Safe: submit stored a JSON object here and nothing else writes the column.
    input: JSON.parse(row.input_json) as Record<string, unknown>,
    provider: row.provider,
    sandbox: row.provider === 'sandbox',
  };
}

/** A stored result with its links made absolute. */
export function withLinks(resultJson: string, publicUrl: string): unknown {
  return linked(JSON.parse(resultJson), publicUrl);
}

/** A walk of our own takes half the time of a reviver of `JSON.parse`, in a path that every poll takes. */
function linked(value: unknown, publicUrl: string): unknown {
  if (typeof value === 'string') return value.startsWith('/media/') ? publicUrl + value : value;
  if (Array.isArray(value)) return value.map((item) => linked(item, publicUrl));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, linked(inner, publicUrl)]));
}

const FIND = `
SELECT ${RECORD_COLUMNS} FROM jobs
WHERE id = $1 AND team_id = $2 AND mode = $3 AND (user_id = $4 OR $5 = 1)`;

/** True for the roles that may see and act on every job of their team. */
export function seesTeam(caller: JobCaller): boolean {
  return caller.role === 'ADMIN' || caller.role === 'OWNER';
}

/** The caller's own job, or any of the team for an admin; null for a foreign as for a missing id. */
export async function findJob(world: JobsWorld, caller: JobCaller, jobId: string): Promise<JobRecord | null> {
  const values: SqlValue[] = [jobId.toLowerCase(), caller.teamId, caller.mode, caller.userId, seesTeam(caller) ? 1 : 0];
  const row = (await world.database.query<RecordRow>(FIND, values))[0];
  return row === undefined ? null : recordFromRow(row, world.publicUrl());
}
