import type { Database, Row, Tx } from '../database/database.ts';
import type { WebhookEvent } from './events.ts';

/** What an operator sees of one delivery. The URL is left out: it may carry a secret; the host is enough to act. */
export interface DeliveryReport {
  id: string;
  teamId: string;
  jobId: string;
  event: WebhookEvent;
  sequence: number;
  host: string;
  state: 'pending' | 'delivered' | 'failed' | 'superseded';
  /** Tries in this round; a replay begins a new one. */
  tries: number;
  /** UTC milliseconds. */
  dueAt: number;
  createdAt: number;
  endedAt: number | null;
}

export interface DeliveryFilter {
  teamId?: string;
  jobId?: string;
  state?: DeliveryReport['state'];
  /** Only deliveries older than this one (keyset paging). */
  before?: string;
  /** At most `LIST_MAX`, which is also the default. */
  limit?: number;
}

/** Deliveries on one page. */
const LIST_MAX = 100;

/** Deliveries that fit the filter, newest first. */
export async function listDeliveries(
  database: Pick<Database, 'query'>,
  filter: DeliveryFilter,
): Promise<DeliveryReport[]> {
  const rows = await database.query<DeliveryRow>(LIST, [
    filter.teamId ?? null,
    filter.jobId ?? null,
    filter.state ?? null,
    filter.before ?? null,
    Math.min(filter.limit ?? LIST_MAX, LIST_MAX),
  ]);
  return rows.map((row) => ({
    id: row.id,
    teamId: row.team_id,
    jobId: row.job_id,
    event: row.event,
    sequence: row.sequence,
    host: row.host,
    state: row.state,
    tries: row.tries,
    dueAt: row.due_at,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  }));
}

const LIST = `
SELECT id, team_id, job_id, event, sequence, host, state, tries, due_at, created_at, ended_at FROM deliveries
WHERE (CAST($1 AS TEXT) IS NULL OR team_id = $1) AND (CAST($2 AS TEXT) IS NULL OR job_id = $2)
  AND (CAST($3 AS TEXT) IS NULL OR state = $3) AND (CAST($4 AS TEXT) IS NULL OR id < $4)
ORDER BY id DESC LIMIT $5`;

interface DeliveryRow extends Row {
  id: string;
  team_id: string;
  job_id: string;
  event: WebhookEvent;
  sequence: number;
  host: string;
  state: DeliveryReport['state'];
  tries: number;
  due_at: number;
  created_at: number;
  ended_at: number | null;
}

/** One try of a delivery as the log keeps it. */
export interface TryReport {
  number: number;
  at: number;
  durationMs: number;
  statusCode: number | null;
  failure: string | null;
}

/** All tries of one delivery, first to last, those before a replay included. */
export async function listTries(database: Pick<Database, 'query'>, deliveryId: string): Promise<TryReport[]> {
  const rows = await database.query<TryRow>(
    `SELECT number, at, duration_ms, status_code, failure FROM delivery_tries WHERE delivery_id = $1 ORDER BY number`,
    [deliveryId],
  );
  return rows.map((row) => ({
    number: row.number,
    at: row.at,
    durationMs: row.duration_ms,
    statusCode: row.status_code,
    failure: row.failure,
  }));
}

interface TryRow extends Row {
  number: number;
  at: number;
  duration_ms: number;
  status_code: number | null;
  failure: string | null;
}

/**
 * Sends an ended event once more, with the whole schedule, the same id and the same body. False when there is no
 * such delivery, it is still pending, or it is progress, which would come after its ending.
 */
export async function replayDelivery(tx: Tx, id: string): Promise<boolean> {
  const rows = await tx.query(
    `UPDATE deliveries SET state = 'pending', tries = 0, due_at = lumegate_now(), ended_at = NULL
     WHERE id = $1 AND state IN ('delivered', 'failed') AND event <> 'progress' RETURNING id`,
    [id],
  );
  return rows.length > 0;
}

/** Replays every failed event of one team, or of all; returns how many. */
export async function replayFailed(tx: Tx, teamId?: string): Promise<number> {
  const rows = await tx.query(
    `UPDATE deliveries SET state = 'pending', tries = 0, due_at = lumegate_now(), ended_at = NULL
     WHERE state = 'failed' AND event <> 'progress' AND (CAST($1 AS TEXT) IS NULL OR team_id = $1) RETURNING id`,
    [teamId ?? null],
  );
  return rows.length;
}
