import type { Database } from '../database/database.ts';
import type { LedgerFinding } from './audit-ledger.ts';

const STOP = `UPDATE accounts SET stopped = 1 WHERE id = $1 AND kind = 'team' AND stopped = 0 RETURNING team_id`;

const STOP_ALL = `UPDATE accounts SET stopped = 1 WHERE kind = 'team' AND stopped = 0 RETURNING team_id`;

const RESUME = `UPDATE accounts SET stopped = 0 WHERE team_id = $1 AND stopped = 1 RETURNING team_id`;

/**
 * Stops new holds on the accounts that the findings blame, or on all accounts when a finding blames none: a broken
 * ledger must not go on. Jobs that hold credits already still settle. Returns the ids of the teams it stopped.
 */
export async function stopSpending(database: Database, findings: readonly LedgerFinding[]): Promise<string[]> {
  return database.transaction(async (tx) => {
    if (findings.some((finding) => finding.accountId === null)) return idsOf(await tx.query<IdRow>(STOP_ALL));
    // In the order of their ids, so that two auditors at once do not lock crosswise.
    const blamed = [...new Set(findings.map((finding) => finding.accountId ?? ''))].sort((a, b) => (a < b ? -1 : 1));
    const stopped: string[] = [];
    for (const accountId of blamed) stopped.push(...idsOf(await tx.query<IdRow>(STOP, [accountId])));
    return stopped;
  });
}

/** Lets a team spend again, once a person has understood and corrected what was broken. False when it was not stopped. */
export async function resumeSpending(database: Database, teamId: string): Promise<boolean> {
  return database.transaction(async (tx) => (await tx.query(RESUME, [teamId])).length > 0);
}

type IdRow = { team_id: string };

function idsOf(rows: readonly IdRow[]): string[] {
  return [...new Set(rows.map((row) => row.team_id))];
}
