import type { Database, Row } from '../../server/src/database/database.ts';
import { WRITTEN_OFF } from '../../server/src/jobs/choose-route.ts';
import type { Counts } from './coverage.ts';

const NEXT = `SELECT COUNT(*) AS times FROM attempts AS later
JOIN attempts AS earlier ON earlier.job_id = later.job_id AND earlier.number = later.number - 1`;

/** What the engine must have done at least once in a run, each read from the rows that a history leaves behind. */
const OUTCOMES = {
  'a job moves on to another provider': `${NEXT} WHERE later.provider <> earlier.provider`,
  'a lost purchase is written off': `SELECT COUNT(*) AS times FROM attempts WHERE failure_kind = '${WRITTEN_OFF}'`,
  'a job buys once more after a write-off': `${NEXT} WHERE earlier.failure_kind = '${WRITTEN_OFF}'`,
  'a refusal for content is taken elsewhere': `${NEXT} WHERE earlier.failure_kind = 'content_refused'`,
  'a short delivery is kept': `SELECT COUNT(*) AS times FROM job_events WHERE kind = 'short' AND data_json LIKE '%"rerouted":false%'`,
  'a short delivery is bought elsewhere': `SELECT COUNT(*) AS times FROM job_events WHERE kind = 'short' AND data_json LIKE '%"rerouted":true%'`,
  'a provider names a generation of another job': `SELECT COUNT(*) AS times FROM job_events
WHERE kind = 'ambiguous' AND data_json LIKE '%belongs to another attempt%'`,
  'a finished answer is settled by the process that got it': `SELECT COUNT(*) AS times FROM attempts JOIN jobs ON jobs.id = job_id
WHERE ready_json IS NOT NULL AND status = 'COMPLETED' AND attempts.lease_epoch = jobs.lease_epoch`,
  'a finished answer is settled from the store after a crash': `SELECT COUNT(*) AS times FROM attempts JOIN jobs ON jobs.id = job_id
WHERE ready_json LIKE '%"blob:%' AND status = 'COMPLETED' AND attempts.lease_epoch < jobs.lease_epoch`,
  'a lost purchase is found again': `SELECT COUNT(*) AS times FROM job_events AS lost JOIN job_events AS taken ON taken.job_id = lost.job_id
WHERE lost.kind = 'ambiguous' AND taken.kind = 'taken' AND taken.sequence > lost.sequence`,
  'a callback tells of a purchase': `SELECT COUNT(*) AS times FROM job_events WHERE kind = 'taken' AND data_json LIKE '%"by":"callback"%'`,
  'a team buys with a key of its own': `SELECT COUNT(*) AS times FROM attempts JOIN jobs ON jobs.id = job_id WHERE own_keys = 1`,
  'an output beyond the order is left': `SELECT COUNT(*) AS times FROM job_events WHERE kind = 'short' AND data_json LIKE '%"delivered":"3"%'`,
  'a job is given up after repeated crashes': `SELECT COUNT(*) AS times FROM jobs WHERE error LIKE '%repeated crashes%'`,
  'a job fails because all keys are refused': `SELECT COUNT(*) AS times FROM jobs WHERE failure_kind IN ('unauthorized', 'quota')`,
} as const;

/** The same for what leaves no row: it is counted as it happens. */
export const SEEN = [
  'a circuit opens',
  'a circuit closes',
  'a probe is sent through a half-open circuit',
  'a key pauses for its rate limit',
  'the operator hears provider-key-refused',
  'the operator hears provider-out-of-money',
  'the operator hears provider-key-well-again',
  'one id for two jobs',
  'a look-up finds several candidates',
  'a look-up goes on to the next page',
] as const;
export type Seen = (typeof SEEN)[number];

/** Names under which outcomes are counted. */
export const OUTCOME_NAMES: readonly string[] = [...Object.keys(OUTCOMES), ...SEEN].map((name) => `outcome ${name}`);

/** Adds what the rows of a finished history show. */
export async function countOutcomes(database: Pick<Database, 'query'>, counts: Counts): Promise<void> {
  for (const [name, sql] of Object.entries(OUTCOMES)) {
    const [row] = await database.query<Row & { times: number }>(sql);
    if (row === undefined || row.times === 0) continue;
    counts[`outcome ${name}`] = (counts[`outcome ${name}`] ?? 0) + row.times;
  }
}
