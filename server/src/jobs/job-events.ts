import type { Database, Row, Tx } from '../database/database.ts';

/** The steps that a timeline shows. */
export const EVENT_KINDS = [
  'accepted',
  'sent',
  'taken',
  'progress',
  'refused',
  'retrying',
  'ambiguous',
  'ready',
  'short',
  'stored',
  'resumed',
  'cancel-requested',
  'completed',
  'failed',
  'cancelled',
  'expired',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface JobEvent {
  sequence: number;
  kind: EventKind;
  /** UTC milliseconds. */
  at: number;
  data: Record<string, unknown>;
}

const INSERT = `
INSERT INTO job_events (job_id, sequence, kind, at, data_json)
VALUES ($1, COALESCE((SELECT MAX(sequence) FROM job_events WHERE job_id = $1), 0) + 1, $2, $3, $4)`;

/** Adds a step to the job's timeline, in the transaction that makes it true. */
export async function insertEvent(
  tx: Tx,
  event: { jobId: string; kind: EventKind; at: number; data?: Record<string, unknown> },
): Promise<void> {
  await tx.query(INSERT, [event.jobId, event.kind, event.at, JSON.stringify(event.data ?? {})]);
}

/** Steps read at a time. Only progress can make many, and it is told at most once for each percent of a try. */
export const EVENTS_PAGE = 500;

const LIST = `
SELECT sequence, kind, at, data_json FROM job_events
WHERE job_id = $1 AND sequence > $2 ORDER BY sequence LIMIT ${EVENTS_PAGE}`;

interface EventRow extends Row {
  sequence: number;
  kind: EventKind;
  at: number;
  data_json: string;
}

/** Steps after `afterSequence`, oldest first, at most a page; a shorter answer is the last one. */
export async function listEvents(database: Database, jobId: string, afterSequence: number): Promise<JobEvent[]> {
  const rows = await database.query<EventRow>(LIST, [jobId, afterSequence]);
  return rows.map(({ data_json: data, ...event }) => ({ ...event, data: JSON.parse(data) as Record<string, unknown> }));
}

/** Every step of a job, oldest first. */
export async function listAllEvents(database: Database, jobId: string): Promise<JobEvent[]> {
  const all: JobEvent[] = [];
  for (;;) {
    const page = await listEvents(database, jobId, all.at(-1)?.sequence ?? 0);
    all.push(...page);
    if (page.length < EVENTS_PAGE) return all;
  }
}
