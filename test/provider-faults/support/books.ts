import path from 'node:path';

import { systemClock } from '../../../server/src/core/clock.ts';
import { auditLedger } from '../../../server/src/credits/audit-ledger.ts';
import type { Database, Row } from '../../../server/src/database/database.ts';
import { openPostgres } from '../../../server/src/database/postgres.ts';
import { openSqlite } from '../../../server/src/database/sqlite.ts';
import { auditJobs } from '../../../server/src/jobs/audit-jobs.ts';
import type { StorePlace } from '../../support/server.ts';

/** What a purchase cost, or may have cost. */
export interface CostEntry extends Row {
  job_id: string;
  account: string;
  amount_micro_usd: number;
}

/** What the store says about money, read beside a running gateway. */
export interface Books {
  costs: CostEntry[];
  alerts: (Row & { kind: string; subject: string; state: string })[];
  /** Rows of jobs, and amounts that are held. */
  jobs: number;
  held: number;
  findings: string[];
}

const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** Reads the store of a gateway, which may be running. */
export async function readBooks(place: StorePlace): Promise<Books> {
  const database = open(place);
  try {
    return await read(await database);
  } finally {
    await (await database).close();
  }
}

async function open({ dataFolder, databaseUrl }: StorePlace): Promise<Database> {
  if (databaseUrl !== null) return openPostgres({ url: databaseUrl, log: silent });
  return openSqlite({ file: path.join(dataFolder, 'lumegate.sqlite'), clock: systemClock() });
}

async function read(database: Database): Promise<Books> {
  const [counts] = await database.query<Row & { jobs: number }>('SELECT COUNT(*) AS jobs FROM jobs');
  const [held] = await database.query<Row & { held: number }>('SELECT COALESCE(SUM(held), 0) AS held FROM accounts');
  const [ledger, jobs] = [await auditLedger(database), await auditJobs(database)];
  return {
    costs: await database.query(
      `SELECT attempts.job_id, cost_entries.account, cost_entries.amount_micro_usd FROM cost_entries
       JOIN attempts ON attempts.id = cost_entries.attempt_id`,
    ),
    alerts: await database.query('SELECT kind, subject, state FROM operator_alerts ORDER BY created_at, id'),
    jobs: Number(counts?.jobs),
    held: Number(held?.held),
    findings: [
      ...ledger.map((finding) => `ledger: ${finding.check} ${JSON.stringify(finding.row)}`),
      ...jobs.map((finding) => `jobs: ${finding.rule} ${finding.jobId}`),
    ],
  };
}
