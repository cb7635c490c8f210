import type { Row, SqlValue } from '../database/database.ts';
import { recordFromRow, type JobRecord, type RecordRow } from './job-record.ts';
import { ANY, BY_MODEL, ENDED_BY_BOTH, ENDED_BY_STATUS, MODELS, OPEN_BY_STATUS, SEARCH } from './list-statements.ts';
import { isFinal, type JobStatus } from './states.ts';
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

/** More models than the catalogue will ever have. */
const MODELS_MAX = 500;

/** One page of the caller's jobs (or the team's), newest first. */
export async function listJobs(
  world: JobsWorld,
  caller: JobCaller,
  query: JobQuery,
): Promise<{ jobs: JobRecord[]; nextCursor: JobCursor | null; models: string[] | null }> {
  const { sql, values } = pageStatement(caller, query);
  const rows = await world.database.query<RecordRow>(sql, values);
  const page = rows.slice(0, query.limit).map((row) => recordFromRow(row, world.publicUrl()));
  const last = page.at(-1);
  const hasMore = rows.length > query.limit && last !== undefined;
  return {
    jobs: page,
    nextCursor: hasMore ? { createdAt: last.createdAt, id: last.id } : null,
    models: query.includeModels ? await listModels(world, caller, query.scope) : null,
  };
}

/**
 * The statement that answers the query from an index. The cursor names a job and not a number of rows, so jobs that
 * are added meanwhile neither repeat nor skip one; the largest integer stands before the first page.
 */
export function pageStatement(caller: JobCaller, query: JobQuery): { sql: string; values: SqlValue[] } {
  const { status, model, scope, search, cursor } = query;
  const user = scope === 'user' ? caller.userId : null;
  const place = [cursor?.createdAt ?? Number.MAX_SAFE_INTEGER, cursor?.id ?? ''];
  // One more than asked tells whether there is another page.
  const base = [caller.teamId, caller.mode, ...place, query.limit + 1];
  const owner = user === null ? [] : [user];
  if (search !== null) return { sql: SEARCH, values: [...base, search.toLowerCase(), user, status, model] };
  if (status !== null && !isFinal(status)) return { sql: OPEN_BY_STATUS[status], values: [...base, user, model] };
  if (status !== null && model !== null)
    return { sql: ENDED_BY_BOTH[scope], values: [...base, status, model, ...owner] };
  if (status !== null) return { sql: ENDED_BY_STATUS[scope], values: [...base, status, ...owner] };
  if (model !== null) return { sql: BY_MODEL[scope], values: [...base, model, ...owner] };
  return { sql: ANY[scope], values: [...base, ...owner] };
}

async function listModels(world: JobsWorld, caller: JobCaller, scope: JobQuery['scope']): Promise<string[]> {
  const { sql, values } = modelsStatement(caller, scope);
  const rows = await world.database.query<Row & { model: string }>(sql, values);
  return rows.map((row) => row.model);
}

/** The statement that lists the models of the caller's (or the team's) jobs. */
export function modelsStatement(caller: JobCaller, scope: JobQuery['scope']): { sql: string; values: SqlValue[] } {
  const owner = scope === 'user' ? [caller.userId] : [];
  return { sql: MODELS[scope], values: [caller.teamId, caller.mode, MODELS_MAX, ...owner] };
}
