import { auditLedger } from '../../credits/audit-ledger.ts';
import type { Database, Row } from '../../database/database.ts';
import type { Purchase } from '../../doubles/ledger.ts';
import { auditJobs } from '../../jobs/audit-jobs.ts';
import { findPossibleLoss } from '../../jobs/costs.ts';
import type { ProofReceiver } from './proof-receiver.ts';

/** What a proof has counted. The first five must be 0. */
export interface Verdict {
  lost: number;
  boughtTwice: number;
  unsettled: number;
  drift: number;
  untold: number;
  jobs: number;
  completed: number;
  failed: number;
  purchases: number;
  /** Purchases that no provider ever confirmed, and what they may cost. */
  writtenOff: number;
  possibleLossMicroUsd: number;
}

interface JobRow extends Row {
  id: string;
  status: string;
  prompt_word: string;
}

const JOBS = `SELECT id, status, substr(input_json, instr(input_json, 'proof-'), 12) AS prompt_word FROM jobs`;
const DONE = `
SELECT job_id, provider, COUNT(*) AS bought, SUM(CASE WHEN failure_kind = 'written-off' THEN 1 ELSE 0 END) AS written_off
FROM attempts WHERE state <> 'REJECTED' GROUP BY job_id, provider`;
const UNSETTLED = `
SELECT COUNT(*) AS count FROM transfers AS h WHERE h.kind = 'hold'
AND NOT EXISTS (SELECT 1 FROM transfers AS s WHERE s.hold_id = h.id)`;

/** Compares what clients, store, providers and receiver know. */
export async function judge(facts: {
  database: Database;
  accepted: ReadonlyMap<string, string>;
  purchases: readonly Purchase[];
  receiver: Pick<ProofReceiver, 'endings'>;
}): Promise<Verdict> {
  const { database, accepted, purchases, receiver } = facts;
  const jobs = await database.query<JobRow>(JOBS);
  const ended = new Set(jobs.filter(({ status }) => status === 'COMPLETED' || status === 'FAILED').map(({ id }) => id));
  const attempts = await database.query<
    Row & { job_id: string; provider: string; bought: number; written_off: number }
  >(DONE);
  const loss = await findPossibleLoss(database);
  const audit = [...(await auditLedger(database)), ...(await auditJobs(database))];
  const [unsettled] = await database.query<Row & { count: number }>(UNSETTLED);
  return {
    lost: [...accepted.values()].filter((id) => !ended.has(id)).length,
    boughtTwice: countExtraPurchases(jobs, { attempts, purchases }),
    unsettled: unsettled?.count ?? 0,
    drift: audit.length,
    untold: jobs.filter(({ id }) => (receiver.endings.get(id)?.size ?? 0) !== 1).length,
    jobs: jobs.length,
    completed: jobs.filter(({ status }) => status === 'COMPLETED').length,
    failed: jobs.filter(({ status }) => status === 'FAILED').length,
    purchases: purchases.length,
    writtenOff: attempts.reduce((sum, { written_off: count }) => sum + count, 0),
    possibleLossMicroUsd: loss.microUsd,
  };
}

/** A purchase that no attempt of ours stands for was made twice, or for nobody. */
function countExtraPurchases(
  jobs: readonly JobRow[],
  facts: {
    attempts: readonly { job_id: string; provider: string; bought: number }[];
    purchases: readonly Purchase[];
  },
): number {
  const allowed = new Map(facts.attempts.map((row) => [`${row.job_id} ${row.provider}`, row.bought]));
  const jobByWord = new Map(jobs.map((job) => [job.prompt_word, job.id]));
  const made = new Map<string, number>();
  for (const { prompt, provider } of facts.purchases) {
    const name = `${jobByWord.get(prompt.slice(0, 12)) ?? 'nobody'} ${provider}`;
    made.set(name, (made.get(name) ?? 0) + 1);
  }
  return [...made].reduce((sum, [name, count]) => sum + Math.max(0, count - (allowed.get(name) ?? 0)), 0);
}
