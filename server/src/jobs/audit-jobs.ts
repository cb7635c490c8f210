import type { Database, Row } from '../database/database.ts';

/** A job that is not as it must be. */
export interface JobFinding {
  rule: string;
  jobId: string;
}

interface Rule {
  rule: string;
  /** Answers the ids of the jobs that break the rule; none in a sound store. */
  sql: string;
}

/** The rules of `docs/states.md` as queries. Money is checked by the ledger's own audit. */
const RULES: readonly Rule[] = [
  {
    rule: 'a completed job has at least one output, and no other job has any',
    sql: `SELECT jobs.id FROM jobs
WHERE (status = 'COMPLETED') <> EXISTS (SELECT 1 FROM outputs WHERE outputs.job_id = jobs.id) LIMIT 100`,
  },
  {
    rule: 'no purchase of an ended job is open',
    sql: `SELECT DISTINCT jobs.id FROM jobs JOIN attempts ON attempts.job_id = jobs.id
WHERE jobs.completed_at IS NOT NULL AND attempts.closed_at IS NULL LIMIT 100`,
  },
  {
    rule: 'at most one purchase of a job is open',
    sql: `SELECT job_id AS id FROM attempts WHERE closed_at IS NULL GROUP BY job_id HAVING COUNT(*) > 1 LIMIT 100`,
  },
  {
    rule: 'an ended job says so in its timeline exactly once',
    sql: `SELECT jobs.id FROM jobs WHERE (completed_at IS NOT NULL) <> (1 = (SELECT COUNT(*) FROM job_events
WHERE job_events.job_id = jobs.id AND kind IN ('completed', 'failed', 'cancelled'))) LIMIT 100`,
  },
  {
    rule: 'an ended job whose caller wanted to be told has its event in the outbox',
    sql: `SELECT jobs.id FROM jobs WHERE completed_at IS NOT NULL AND webhook_url IS NOT NULL
AND ((status = 'COMPLETED' AND webhook_events LIKE '%completed%') OR (status <> 'COMPLETED' AND webhook_events LIKE '%failed%'))
AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.job_id = jobs.id AND event <> 'progress') LIMIT 100`,
  },
  {
    rule: 'a job that runs is leased by a worker or waits to be claimed again',
    sql: `SELECT jobs.id FROM jobs WHERE status = 'PROCESSING' AND lease_owner IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = jobs.lease_owner) LIMIT 100`,
  },
];

/** Every breach of the rules, at most 100 of each. */
export async function auditJobs(database: Pick<Database, 'query'>): Promise<JobFinding[]> {
  const findings: JobFinding[] = [];
  for (const { rule, sql } of RULES) {
    const rows = await database.query<Row & { id: string }>(sql);
    findings.push(...rows.map((row) => ({ rule, jobId: row.id })));
  }
  return findings;
}
