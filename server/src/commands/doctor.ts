import { auditLedger } from '../credits/audit-ledger.ts';
import { auditJobs } from '../jobs/audit-jobs.ts';
import { openStore } from './open-store.ts';
import type { CommandWorld } from './serve.ts';

/** Findings shown of each kind; the count says the rest. */
const SHOWN_MAX = 10;

/** `lumegate doctor`: every balance recomputed from the transfers, every job checked. Exit code 1 with any finding. */
export async function doctor({ machine, output }: CommandWorld): Promise<number> {
  const store = await openStore(machine);
  try {
    const ledger = await auditLedger(store.database);
    const jobs = await auditJobs(store.database);
    for (const finding of [...ledger, ...jobs].slice(0, SHOWN_MAX)) output.say(`  ${JSON.stringify(finding)}`);
    output.say(`Ledger: ${ledger.length === 0 ? 'every balance agrees with its transfers' : `${ledger.length} findings`}.`);
    output.say(`Jobs: ${jobs.length === 0 ? 'every job is as it must be' : `${jobs.length} findings`}.`);
    return ledger.length + jobs.length === 0 ? 0 : 1;
  } finally {
    await store.database.close();
  }
}
