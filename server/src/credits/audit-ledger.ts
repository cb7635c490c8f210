import type { Database, Row } from '../database/database.ts';

/** One row that should not exist: which rule it breaks, on which account (where one is to blame), and its figures. */
export interface LedgerFinding {
  check: LedgerCheck;
  /** The account whose spending should stop until this is understood; null where no account is to blame. */
  accountId: string | null;
  row: Row;
}

/** More rows of one broken rule than this say nothing new. */
const ROWS_MAX = 100;

/** Balances are kept beside the transfers for speed; the transfers are the truth. */
const ACCOUNT_DRIFT = `
WITH moves AS (
  SELECT credit_account AS account, amount_micro AS posted, 0 AS held, 0 AS open_holds
  FROM transfers WHERE kind IN ('grant', 'adjust')
  UNION ALL
  SELECT debit_account, -amount_micro, 0, 0 FROM transfers WHERE kind IN ('grant', 'adjust', 'capture')
  UNION ALL
  SELECT debit_account, 0, amount_micro, 1 FROM transfers h
  WHERE kind = 'hold'
    AND NOT EXISTS (SELECT 1 FROM transfers s WHERE s.hold_id = h.id AND s.kind IN ('capture', 'release'))
), sums AS (
  SELECT account, SUM(posted) AS posted, SUM(held) AS held, SUM(open_holds) AS open_holds FROM moves GROUP BY account
)
SELECT a.id AS account_id, a.posted, a.held, a.open_holds,
  CAST(COALESCE(s.posted, 0) AS BIGINT) AS posted_by_transfers,
  CAST(COALESCE(s.held, 0) AS BIGINT) AS held_by_transfers,
  CAST(COALESCE(s.open_holds, 0) AS BIGINT) AS open_holds_by_transfers
FROM accounts a LEFT JOIN sums s ON s.account = a.id
WHERE a.kind = 'team'
  AND (a.posted <> COALESCE(s.posted, 0) OR a.held <> COALESCE(s.held, 0) OR a.open_holds <> COALESCE(s.open_holds, 0))
LIMIT ${ROWS_MAX}`;

const BUDGET_DRIFT = `
WITH sums AS (
  SELECT h.key_id, MIN(h.debit_account) AS account_id,
    SUM(CASE WHEN s.id IS NULL THEN h.amount_micro ELSE 0 END) AS held,
    SUM(CASE s.kind WHEN 'capture' THEN s.amount_micro ELSE 0 END) AS spent
  FROM transfers h LEFT JOIN transfers s ON s.hold_id = h.id AND s.kind IN ('capture', 'release')
  WHERE h.kind = 'hold' GROUP BY h.key_id
), keys AS (
  SELECT key_id FROM key_budgets UNION SELECT key_id FROM sums
)
SELECT s.account_id, k.key_id, b.spent_micro, b.held_micro,
  CAST(COALESCE(s.spent, 0) AS BIGINT) AS spent_by_transfers, CAST(COALESCE(s.held, 0) AS BIGINT) AS held_by_transfers
FROM keys k LEFT JOIN key_budgets b ON b.key_id = k.key_id LEFT JOIN sums s ON s.key_id = k.key_id
WHERE b.key_id IS NULL OR b.spent_micro <> COALESCE(s.spent, 0) OR b.held_micro <> COALESCE(s.held, 0)
LIMIT ${ROWS_MAX}`;

/** What the keys of a team have spent must be what the team has spent. */
const KEY_SPENDING = `
WITH by_key AS (
  SELECT k.team_id, k.mode, SUM(b.spent_micro) AS spent
  FROM key_budgets b JOIN api_keys k ON k.id = b.key_id GROUP BY k.team_id, k.mode
), by_team AS (
  SELECT debit_account, SUM(amount_micro) AS spent FROM transfers WHERE kind = 'capture' GROUP BY debit_account
)
SELECT a.id AS account_id, CAST(COALESCE(t.spent, 0) AS BIGINT) AS spent_by_team,
  CAST(COALESCE(k.spent, 0) AS BIGINT) AS spent_by_keys
FROM accounts a
  LEFT JOIN by_team t ON t.debit_account = a.id
  LEFT JOIN by_key k ON k.team_id = a.team_id AND k.mode = a.mode
WHERE a.kind = 'team' AND COALESCE(t.spent, 0) <> COALESCE(k.spent, 0)
LIMIT ${ROWS_MAX}`;

/** By mode, so that a transfer between live and test accounts shows as well. */
const DEBITS_AND_CREDITS = `
WITH sides AS (
  SELECT a.mode, t.amount_micro AS debit, 0 AS credit FROM transfers t JOIN accounts a ON a.id = t.debit_account
  UNION ALL
  SELECT a.mode, 0, t.amount_micro FROM transfers t JOIN accounts a ON a.id = t.credit_account
)
SELECT mode, CAST(SUM(debit) AS BIGINT) AS debits, CAST(SUM(credit) AS BIGINT) AS credits
FROM sides GROUP BY mode HAVING SUM(debit) <> SUM(credit)`;

const WRONG_ACCOUNTS = `
SELECT CASE WHEN d.kind = 'team' THEN d.id ELSE c.id END AS account_id, t.id AS transfer_id, t.kind,
  t.debit_account, t.credit_account
FROM transfers t JOIN accounts d ON d.id = t.debit_account JOIN accounts c ON c.id = t.credit_account
WHERE d.mode <> c.mode OR NOT CASE t.kind
  WHEN 'grant' THEN d.kind = 'promotion' AND c.kind = 'team'
  WHEN 'adjust' THEN d.kind = 'team' AND c.kind = 'adjustment'
  ELSE d.kind = 'team' AND c.kind = 'usage-income' END
LIMIT ${ROWS_MAX}`;

const SETTLE_UNLIKE_HOLD = `
SELECT h.debit_account AS account_id, s.id AS transfer_id, h.id AS hold_id, s.kind, s.amount_micro,
  h.amount_micro AS held
FROM transfers s JOIN transfers h ON h.id = s.hold_id
WHERE h.kind <> 'hold' OR s.debit_account <> h.debit_account OR s.credit_account <> h.credit_account
  OR s.job_id <> h.job_id OR COALESCE(s.key_id, '') <> COALESCE(h.key_id, '')
  OR s.amount_micro > h.amount_micro OR (s.kind = 'release' AND s.amount_micro <> h.amount_micro)
LIMIT ${ROWS_MAX}`;

const HOLD_OF_FOREIGN_KEY = `
SELECT a.id AS account_id, h.id AS transfer_id, h.key_id
FROM transfers h JOIN accounts a ON a.id = h.debit_account LEFT JOIN api_keys k ON k.id = h.key_id
WHERE h.kind = 'hold' AND (k.id IS NULL OR k.team_id <> a.team_id OR k.mode <> a.mode)
LIMIT ${ROWS_MAX}`;

const UNSETTLED_HOLD_OF_ENDED_JOB = `
SELECT h.debit_account AS account_id, j.id AS job_id, j.status, h.id AS hold_id
FROM jobs j JOIN transfers h ON h.job_id = j.id AND h.kind = 'hold'
WHERE j.status IN ('COMPLETED', 'FAILED', 'CANCELLED')
  AND NOT EXISTS (SELECT 1 FROM transfers s WHERE s.hold_id = h.id AND s.kind IN ('capture', 'release'))
LIMIT ${ROWS_MAX}`;

const ENDED_JOB_WITHOUT_ONE_SETTLE = `
SELECT a.id AS account_id, j.id AS job_id, j.status, COUNT(s.id) AS settles
FROM jobs j
  LEFT JOIN accounts a ON a.team_id = j.team_id AND a.mode = j.mode
  LEFT JOIN transfers s ON s.job_id = j.id AND s.kind IN ('capture', 'release')
WHERE j.status IN ('COMPLETED', 'FAILED', 'CANCELLED')
GROUP BY a.id, j.id, j.status HAVING COUNT(s.id) <> 1
LIMIT ${ROWS_MAX}`;

const SETTLE_AGAINST_STATUS = `
SELECT s.debit_account AS account_id, j.id AS job_id, j.status, s.kind
FROM transfers s JOIN jobs j ON j.id = s.job_id
WHERE (s.kind = 'capture' AND j.status <> 'COMPLETED')
  OR (s.kind = 'release' AND j.status NOT IN ('FAILED', 'CANCELLED'))
LIMIT ${ROWS_MAX}`;

const CAPTURE_UNLIKE_CHARGE = `
SELECT s.debit_account AS account_id, j.id AS job_id, j.charge_micro, s.amount_micro
FROM transfers s JOIN jobs j ON j.id = s.job_id
WHERE s.kind = 'capture' AND s.amount_micro <> j.charge_micro
LIMIT ${ROWS_MAX}`;

const OPEN_JOB_WITHOUT_HOLD = `
SELECT a.id AS account_id, j.id AS job_id, j.status
FROM jobs j LEFT JOIN accounts a ON a.team_id = j.team_id AND a.mode = j.mode
WHERE j.status IN ('QUEUED', 'PROCESSING')
  AND NOT EXISTS (SELECT 1 FROM transfers h WHERE h.job_id = j.id AND h.kind = 'hold')
LIMIT ${ROWS_MAX}`;

/** Every rule of the ledger by its name; each statement returns the rows that break it. */
export const LEDGER_CHECKS = {
  'account-drift': ACCOUNT_DRIFT,
  'budget-drift': BUDGET_DRIFT,
  'key-spending': KEY_SPENDING,
  'debits-and-credits': DEBITS_AND_CREDITS,
  'wrong-accounts': WRONG_ACCOUNTS,
  'settle-unlike-hold': SETTLE_UNLIKE_HOLD,
  'hold-of-foreign-key': HOLD_OF_FOREIGN_KEY,
  'unsettled-hold-of-ended-job': UNSETTLED_HOLD_OF_ENDED_JOB,
  'ended-job-without-one-settle': ENDED_JOB_WITHOUT_ONE_SETTLE,
  'settle-against-status': SETTLE_AGAINST_STATUS,
  'capture-unlike-charge': CAPTURE_UNLIKE_CHARGE,
  'open-job-without-hold': OPEN_JOB_WITHOUT_HOLD,
} as const;
export type LedgerCheck = keyof typeof LEDGER_CHECKS;

/**
 * Recomputes the whole ledger and returns every row that breaks a rule: none, in a sound store. Each rule is
 * one statement and so sees one instant; it may run beside live traffic.
 */
export async function auditLedger(database: Pick<Database, 'query'>): Promise<LedgerFinding[]> {
  const findings: LedgerFinding[] = [];
  // Safe: the keys of a constant object are its literal names.
  for (const check of Object.keys(LEDGER_CHECKS) as LedgerCheck[]) {
    for (const { account_id: accountId = null, ...row } of await database.query(LEDGER_CHECKS[check])) {
      findings.push({ check, accountId: accountId === null ? null : String(accountId), row });
    }
  }
  return findings;
}
