import type { NewId } from '../core/ids.ts';
import type { MicroCredits } from '../core/money.ts';
import type { Row, Tx } from '../database/database.ts';
import { movableAmount } from './accounts.ts';

interface SettleOptions {
  newId: NewId;
  now: number;
  jobId: string;
  /** Who ended the job, for the record: `system`, `key:<id>`, `operator`. */
  actor: string;
}

/** `settled` is false when the hold had been captured or released before: then nothing was changed. */
export interface SettleResult {
  settled: boolean;
}

const INSERT_CAPTURE = `
INSERT INTO transfers
  (id, kind, hold_id, debit_account, credit_account, amount_micro, job_id, key_id, actor, reason, created_at)
SELECT CAST($1 AS TEXT), 'capture', id, debit_account, credit_account, CAST($2 AS BIGINT), job_id, key_id,
  CAST($3 AS TEXT), 'job completed', CAST($4 AS BIGINT)
FROM transfers WHERE job_id = $5 AND kind = 'hold' AND amount_micro >= CAST($2 AS BIGINT)
ON CONFLICT (hold_id) WHERE kind IN ('capture', 'release') DO NOTHING`;

const INSERT_RELEASE = `
INSERT INTO transfers
  (id, kind, hold_id, debit_account, credit_account, amount_micro, job_id, key_id, actor, reason, created_at)
SELECT CAST($1 AS TEXT), 'release', id, debit_account, credit_account, amount_micro, job_id, key_id,
  CAST($2 AS TEXT), 'job ended without a result', CAST($3 AS BIGINT)
FROM transfers WHERE job_id = $4 AND kind = 'hold'
ON CONFLICT (hold_id) WHERE kind IN ('capture', 'release') DO NOTHING`;

/** The next two act only when the transfer $1 was inserted, so they may follow it without awaiting its result. */
const SETTLE_IN_BUDGET = `
UPDATE key_budgets SET
  held_micro = held_micro - moved.held,
  spent_micro = spent_micro + moved.captured
FROM (
  SELECT h.key_id AS moved_key, h.amount_micro AS held,
    CASE s.kind WHEN 'capture' THEN s.amount_micro ELSE 0 END AS captured
  FROM transfers s JOIN transfers h ON h.id = s.hold_id WHERE s.id = $1
) AS moved
WHERE key_id = moved.moved_key`;

const SETTLE_IN_ACCOUNT = `
UPDATE accounts SET
  posted = posted - moved.captured,
  held = accounts.held - moved.held,
  open_holds = open_holds - 1
FROM (
  SELECT h.debit_account AS moved_account, h.amount_micro AS held,
    CASE s.kind WHEN 'capture' THEN s.amount_micro ELSE 0 END AS captured
  FROM transfers s JOIN transfers h ON h.id = s.hold_id WHERE s.id = $1
) AS moved
WHERE id = moved.moved_account`;

const FIND_SETTLE = `
SELECT h.amount_micro AS held, s.id AS settle_id
FROM transfers h LEFT JOIN transfers s ON s.hold_id = h.id AND s.kind IN ('capture', 'release')
WHERE h.job_id = $1 AND h.kind = 'hold'`;

/** Takes what the job cost; the rest of its hold returns by itself. Throws when the amount exceeds the hold. */
export async function capture(tx: Tx, options: SettleOptions & { amountMicro: MicroCredits }): Promise<SettleResult> {
  const amount = movableAmount(options.amountMicro);
  const id = options.newId();
  const inserted = tx.query(INSERT_CAPTURE, [id, amount, options.actor, options.now, options.jobId]);
  return settle(tx, { id, jobId: options.jobId, inserted });
}

/** Gives the whole hold back: the job ended without a result. */
export async function release(tx: Tx, options: SettleOptions): Promise<SettleResult> {
  const id = options.newId();
  const inserted = tx.query(INSERT_RELEASE, [id, options.actor, options.now, options.jobId]);
  return settle(tx, { id, jobId: options.jobId, inserted });
}

/** Budget before account, as in `hold`: one order of locks, so that no two transactions wait for each other. */
async function settle(tx: Tx, options: { id: string; jobId: string; inserted: Promise<Row[]> }): Promise<SettleResult> {
  const { id, jobId, inserted } = options;
  const [, , , holds] = await Promise.all([
    inserted,
    tx.query(SETTLE_IN_BUDGET, [id]),
    tx.query(SETTLE_IN_ACCOUNT, [id]),
    tx.query<{ held: number; settle_id: string | null }>(FIND_SETTLE, [jobId]),
  ]);
  const [held] = holds;
  if (held === undefined) throw new Error(`job ${jobId} has no hold to settle`);
  if (held.settle_id === null)
    throw new RangeError(`job ${jobId} holds ${held.held} micro-credits, less than the capture`);
  return { settled: held.settle_id === id };
}
