import type { Row, SqlValue } from '../database/database.ts';
import { RECORD_COLUMNS, recordFromRow, type JobRecord, type RecordRow } from './job-record.ts';
import type { JobStatus } from './states.ts';
import type { JobCaller, JobsWorld } from './world.ts';

/** A place in the list: the last job of the page before. */
export interface JobCursor {
  createdAt: number;
  id: string;
}

export interface JobQuery {
  status: JobStatus | null;
  model: string | null;
  /** 1 to 100. */
  limit: number;
  cursor: JobCursor | null;
  /** `team` must have been allowed by the door. */
  scope: 'user' | 'team';
  /** A job's id, or null. */
  search: string | null;
  includeModels: boolean;
}

const FILTERS = `team_id = $1 AND mode = $2
  AND (CAST($3 AS TEXT) IS NULL OR user_id = $3)
  AND (CAST($4 AS TEXT) IS NULL OR status = $4)
  AND (CAST($5 AS TEXT) IS NULL OR model = $5)
  AND (CAST($6 AS TEXT) IS NULL OR id = $6)`;

/**
 * Newest first. The cursor names a job and not a number of rows, so jobs that are added meanwhile
 * neither repeat nor skip one. 9007199254740991 stands before the first page.
 */
const LIST = `
SELECT ${RECORD_COLUMNS} FROM jobs
WHERE ${FILTERS} AND (created_at, id) < ($7, $8)
ORDER BY created_at DESC, id DESC LIMIT $9`;

const LIST_OWN = `
SELECT ${RECORD_COLUMNS} FROM jobs
WHERE team_id = $1 AND mode = $2 AND user_id = $3
  AND (CAST($4 AS TEXT) IS NULL OR status = $4)
  AND (CAST($5 AS TEXT) IS NULL OR model = $5)
  AND (CAST($6 AS TEXT) IS NULL OR id = $6)
  AND (created_at, id) < ($7, $8)
ORDER BY created_at DESC, id DESC LIMIT $9`;

const MODELS = `
SELECT DISTINCT model FROM jobs
WHERE team_id = $1 AND mode = $2 AND (CAST($3 AS TEXT) IS NULL OR user_id = $3) ORDER BY model LIMIT 500`;

/** One page of the caller's jobs (or the team's). */
export async function listJobs(
  world: JobsWorld,
  caller: JobCaller,
  query: JobQuery,
): Promise<{ jobs: JobRecord[]; nextCursor: JobCursor | null; models: string[] | null }> {
  const userId = query.scope === 'team' ? null : caller.userId;
  const values: SqlValue[] = [
    caller.teamId,
    caller.mode,
    userId,
    query.status,
    query.model,
    query.search?.toLowerCase() ?? null,
    query.cursor?.createdAt ?? Number.MAX_SAFE_INTEGER,
    query.cursor?.id ?? '',
    query.limit + 1,
  ];
  const rows = await world.database.query<RecordRow>(userId === null ? LIST : LIST_OWN, values);
  const page = rows.slice(0, query.limit).map((row) => recordFromRow(row, world.publicUrl()));
  const last = page.at(-1);
  const hasMore = rows.length > query.limit && last !== undefined;
  const models = query.includeModels
    ? await world.database.query<Row & { model: string }>(MODELS, [caller.teamId, caller.mode, userId])
    : null;
  return {
    jobs: page,
    nextCursor: hasMore ? { createdAt: last.createdAt, id: last.id } : null,
    models: models?.map((row) => row.model) ?? null,
  };
}
