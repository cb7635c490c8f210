import { RECORD_COLUMNS } from './job-record.ts';

/**
 * The statements of the job list. Each kind of question has its own text, so that the planner always finds the index
 * made for it: one text with `($n IS NULL OR …)` for every filter read 300,000 rows for a page of 20, on the thread
 * that answers requests. Two sources make up all jobs:
 * - ended jobs are any number and stand in indexes that hold ended jobs only (`completed_at IS NOT NULL`). A job is
 *   written there once, when it ends, so that submits pay nothing for them;
 * - open jobs are few (at most LUMEGATE_TEAM_QUEUE for a team and mode; 2 ms for 10,000); they are read and sorted.
 *
 * Values of all: $1 team, $2 mode, $3 and $4 the cursor (created_at, id), $5 the limit; then what each one says.
 */

/** Whose jobs: one user's or the whole team's. */
export type ListScope = 'user' | 'team';

const OF_TEAM = 'team_id = $1 AND mode = $2';
const PAGE = 'AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5';

/** A job is found by its primary key, whatever else is asked. $6 id, $7 user or null, $8 status or null, $9 model or null. */
export const SEARCH = `
SELECT ${RECORD_COLUMNS} FROM jobs
WHERE id = $6 AND team_id = $1 AND mode = $2
  AND (CAST($7 AS TEXT) IS NULL OR user_id = $7)
  AND (CAST($8 AS TEXT) IS NULL OR status = $8)
  AND (CAST($9 AS TEXT) IS NULL OR model = $9)
  AND (created_at, id) < ($3, $4) LIMIT $5`;

/** No filter. $6 user. */
export const ANY: Record<ListScope, string> = {
  team: `SELECT ${RECORD_COLUMNS} FROM jobs WHERE ${OF_TEAM} ${PAGE}`,
  user: `SELECT ${RECORD_COLUMNS} FROM jobs WHERE ${OF_TEAM} AND user_id = $6 ${PAGE}`,
};

const ENDED = 'completed_at IS NOT NULL';

/** Ended jobs of one status. $6 status, $7 user. */
export const ENDED_BY_STATUS: Record<ListScope, string> = {
  team: `SELECT ${RECORD_COLUMNS} FROM jobs WHERE ${OF_TEAM} AND ${ENDED} AND status = $6 ${PAGE}`,
  user: `SELECT ${RECORD_COLUMNS} FROM jobs WHERE ${OF_TEAM} AND ${ENDED} AND status = $6 AND user_id = $7 ${PAGE}`,
};

/** Ended jobs of one status and model. $6 status, $7 model, $8 user. */
export const ENDED_BY_BOTH: Record<ListScope, string> = {
  team: `SELECT ${RECORD_COLUMNS} FROM jobs WHERE ${OF_TEAM} AND ${ENDED} AND status = $6 AND model = $7 ${PAGE}`,
  user: `
SELECT ${RECORD_COLUMNS} FROM jobs
WHERE ${OF_TEAM} AND ${ENDED} AND status = $6 AND model = $7 AND user_id = $8 ${PAGE}`,
};

/**
 * Open jobs of one status. `mode || ''` keeps SQLite from taking the list of all jobs for the better index: waiting
 * jobs are to be read from `jobs_waiting_of_team`, which holds every column that is asked for here, newest first.
 */
const open = (status: 'QUEUED' | 'PROCESSING'): string => `team_id = $1 AND mode || '' = $2 AND ${IS[status]}`;

const IS = { QUEUED: `LOWER(status) = 'queued'`, PROCESSING: `status = 'PROCESSING'` };

const openByStatus = (status: 'QUEUED' | 'PROCESSING'): string => `
SELECT ${RECORD_COLUMNS} FROM jobs
WHERE id IN (
  SELECT id FROM jobs
  WHERE ${open(status)}
    AND (CAST($6 AS TEXT) IS NULL OR user_id = $6)
    AND (CAST($7 AS TEXT) IS NULL OR model = $7)
    ${PAGE}
)
ORDER BY created_at DESC, id DESC`;

/** Open jobs of one status. $6 user or null, $7 model or null. */
export const OPEN_BY_STATUS = { QUEUED: openByStatus('QUEUED'), PROCESSING: openByStatus('PROCESSING') };

/** Every index is sorted within one status, so each status gives a page of its own, and the newest of all are taken. */
const byModel = (scope: ListScope): string => {
  const isUser = scope === 'user';
  const ended = `${OF_TEAM} AND ${ENDED} AND model = $6 ${isUser ? 'AND user_id = $7' : ''}`;
  const asked = `AND model = $6 ${isUser ? `AND user_id || '' = $7` : ''}`;
  const pages = [
    ...['COMPLETED', 'FAILED', 'CANCELLED'].map((status) => `${ended} AND status = '${status}' ${PAGE}`),
    `${open('QUEUED')} ${asked} ${PAGE}`,
    `${open('PROCESSING')} ${asked} ${PAGE}`,
  ];
  const found = pages.map(
    (where, index) => `
  SELECT id, created_at FROM (SELECT id, created_at FROM jobs WHERE ${where}) AS page_${index}`,
  );
  return `
SELECT ${RECORD_COLUMNS} FROM jobs
WHERE id IN (
  SELECT id FROM (${found.join(' UNION ALL')}) AS found ORDER BY created_at DESC, id DESC LIMIT $5
)
ORDER BY created_at DESC, id DESC`;
};

/** Jobs of one model. $6 model, $7 user. */
export const BY_MODEL: Record<ListScope, string> = { team: byModel('team'), user: byModel('user') };

/** From each model the index is asked for the next one, so it costs one look for each model and not for each job. */
const models = (scope: ListScope): string => {
  const ended = `SELECT model FROM jobs WHERE ${OF_TEAM} AND ${ENDED} ${scope === 'user' ? 'AND user_id = $4' : ''}`;
  const mine = scope === 'user' ? `AND user_id || '' = $4` : '';
  return `
WITH RECURSIVE ended_models (model) AS (
  SELECT (${ended} ORDER BY model LIMIT 1)
  UNION ALL
  SELECT (${ended} AND jobs.model > ended_models.model ORDER BY model LIMIT 1)
  FROM ended_models WHERE ended_models.model IS NOT NULL
)
SELECT model FROM ended_models WHERE model IS NOT NULL
UNION SELECT model FROM jobs WHERE ${open('QUEUED')} ${mine}
UNION SELECT model FROM jobs WHERE ${open('PROCESSING')} ${mine}
ORDER BY model LIMIT $3`;
};

/** The models of all jobs. $1 team, $2 mode, $3 the limit, $4 user. */
export const MODELS: Record<ListScope, string> = { team: models('team'), user: models('user') };
