import { findPossibleLoss } from '../../server/src/jobs/costs.ts';
import { AFTER_FAILURE } from '../../server/src/jobs/after-failure.ts';
import { WRITTEN_OFF } from '../../server/src/jobs/choose-route.ts';
import type { Database, Row, SqlValue } from '../../server/src/database/database.ts';
import type { JobSettings } from '../../server/src/jobs/world.ts';
import { FAILURE_KINDS, type FailureKind } from '../../server/src/core/outcome.ts';
import type { Generation } from './sim-upstream.ts';

interface Rule {
  rule: string;
  sql: string;
}

const KNOWN_COST = 'COALESCE(attempts.cost_micro_usd, attempts.expected_cost_micro_usd, 0)';

/** Answer rows that break the rule; none in a sound store. */
const RULES: readonly Rule[] = [
  {
    rule: 'a purchase that is over, at a cost that is known and the operator’s, is booked once',
    sql: `SELECT attempts.id FROM attempts JOIN jobs ON jobs.id = attempts.job_id
LEFT JOIN cost_entries ON cost_entries.attempt_id = attempts.id
WHERE attempts.state = 'DONE' AND own_keys = 0 AND ${KNOWN_COST} > 0 GROUP BY attempts.id HAVING COUNT(cost_entries.attempt_id) <> 1`,
  },
  {
    rule: 'nothing is booked for a purchase that is open, was refused or was paid by a team itself',
    sql: `SELECT attempts.id, attempts.state FROM cost_entries JOIN attempts ON attempts.id = attempt_id
JOIN jobs ON jobs.id = attempts.job_id WHERE attempts.state <> 'DONE' OR own_keys = 1`,
  },
  {
    rule: 'what is booked is what the purchase cost, as a cost where it was delivered and in suspense elsewhere',
    sql: `SELECT attempts.id, account, amount_micro_usd FROM cost_entries JOIN attempts ON attempts.id = attempt_id
WHERE amount_micro_usd <> ${KNOWN_COST} OR (account = 'cost') <> (failure_kind IS NULL)`,
  },
  {
    rule: 'no two purchases stand for one generation',
    sql: `SELECT provider, json_extract(reference_json, '$.id') AS upstream FROM attempts WHERE upstream <> ''
GROUP BY provider, upstream HAVING COUNT(*) > 1`,
  },
  {
    rule: 'an open purchase is counted at the key that it was made with',
    sql: `SELECT attempts.id FROM attempts JOIN jobs ON jobs.id = attempts.job_id
WHERE attempts.closed_at IS NULL AND jobs.status = 'PROCESSING' AND jobs.provider_key IS NOT attempts.provider_key`,
  },
];

const WRITE_OFFS: Rule = {
  rule: 'a job buys on after lost purchases more often than the operator allows',
  sql: `SELECT job_id, COUNT(*) AS lost FROM attempts WHERE failure_kind = '${WRITTEN_OFF}' GROUP BY job_id HAVING COUNT(*) > $1`,
};

/** Rules with the limit of a provider's key as their parameter. */
const LIMITS: readonly Rule[] = [
  {
    rule: 'more jobs stand at a provider’s key than it may carry',
    sql: `SELECT provider_key, COUNT(*) AS jobs FROM jobs WHERE status = 'PROCESSING' AND provider_key IS NOT NULL
GROUP BY provider_key HAVING COUNT(*) > $1`,
  },
];

/** Breaches of what must always be true of purchases, their costs and the providers' own books. */
export async function checkPurchases(parts: {
  database: Pick<Database, 'query'>;
  generations: readonly Generation[];
  inFlightMax: number;
  settings: Pick<JobSettings, 'ambiguous'>;
}): Promise<string[]> {
  const { database, settings } = parts;
  const broken: string[] = [];
  const run = async ({ rule, sql }: Rule, values: readonly SqlValue[]): Promise<void> => {
    for (const row of await database.query(sql, values)) broken.push(`${rule}: ${JSON.stringify(row)}`);
  };
  for (const rule of RULES) await run(rule, []);
  for (const rule of LIMITS) await run(rule, [parts.inFlightMax]);
  await run(WRITE_OFFS, [settings.ambiguous === 'retry-once' ? 2 : 1]);
  return [...broken, ...(await checkLoss(database)), ...(await checkBooks(parts))];
}

const LOST = `
SELECT COUNT(*) AS attempts, COALESCE(SUM(${KNOWN_COST}), 0) AS amount FROM attempts JOIN jobs ON jobs.id = job_id
WHERE state = 'DONE' AND attempts.failure_kind IS NOT NULL AND own_keys = 0 AND ${KNOWN_COST} > 0`;

/** What the operator is told he may have lost is the sum of all purchases that nobody was charged for. */
async function checkLoss(database: Pick<Database, 'query'>): Promise<string[]> {
  const told = await findPossibleLoss(database);
  const [row] = await database.query<Row & { attempts: number; amount: number }>(LOST);
  return row?.attempts === told.attempts && row.amount === Number(told.microUsd)
    ? []
    : [`the possible loss is told as ${JSON.stringify(told)} and is ${JSON.stringify(row)}`];
}

/** Every generation in a provider's books stands behind one attempt, which does not say that nothing was bought. */
async function checkBooks(parts: {
  database: Pick<Database, 'query'>;
  generations: readonly Generation[];
}): Promise<string[]> {
  const rows = await parts.database.query<Row & { id: string }>(`SELECT id FROM attempts WHERE state = 'REJECTED'`);
  const rejected = new Set(rows.map(({ id }) => id));
  const bought = new Set<string>();
  return parts.generations.flatMap(({ id, attemptId, toldFailed }) => {
    if (bought.has(attemptId)) return [`the attempt ${attemptId} bought ${id} and another one before`];
    bought.add(attemptId);
    return rejected.has(attemptId) && !toldFailed ? [`${id} was bought by an attempt that counts as rejected`] : [];
  });
}

/** Failures that are about a route and never about the request. */
const OF_ROUTES: ReadonlySet<string | null> = new Set<FailureKind>([
  'unavailable',
  'rate_limited',
  'quota',
  'unauthorized',
  'retired',
]);
/** Purchases of one job; a job that has made them all fails whatever is left. */
const ATTEMPTS_MAX = 12;

interface FailedRow extends Row {
  failure_kind: string | null;
  providers: string;
  own_keys: number;
  team_id: string;
}

type TryRow = Row & { provider: string; failure_kind: string | null };

/**
 * Failover: a job that fails for a provider's sake has used up its tries at each of its providers, or that provider
 * takes none of the keys. A route that was healthy and had room would have been tried, or waited for.
 */
export async function checkFailed(
  database: Pick<Database, 'query'>,
  jobId: string,
  isRefused: (provider: string, teamId: string | null) => boolean,
): Promise<string[]> {
  const [job] = await database.query<FailedRow>(
    'SELECT failure_kind, providers, own_keys, team_id FROM jobs WHERE id = $1',
    [jobId],
  );
  if (job === undefined || !OF_ROUTES.has(job.failure_kind)) return [];
  const attempts = await database.query<TryRow>(
    'SELECT provider, failure_kind FROM attempts WHERE job_id = $1 ORDER BY number',
    [jobId],
  );
  if (attempts.length >= ATTEMPTS_MAX) return [];
  return job.providers.split(',').flatMap((provider) => {
    const tries = attempts.filter((attempt) => attempt.provider === provider);
    if (isUsedUp(tries) || isRefused(provider, job.own_keys === 1 ? job.team_id : null)) return [];
    return [`job ${jobId} failed as ${job.failure_kind} although ${provider} was not asked as often as it could be`];
  });
}

function isUsedUp(tries: readonly TryRow[]): boolean {
  const last = tries.at(-1);
  if (last === undefined) return false;
  const kind = FAILURE_KINDS.find((known) => known === last.failure_kind);
  if (kind === undefined) return last.failure_kind === WRITTEN_OFF || last.failure_kind === 'short';
  const rule = AFTER_FAILURE[kind];
  return rule.beforePurchase !== 'retry' || tries.length >= rule.triesMax;
}
