import { microUsd, type MicroUsd } from '../core/money.ts';
import type { Database, Row, Tx } from '../database/database.ts';

/** What a provider's bill may show and nobody was charged for. */
export interface PossibleLoss {
  attempts: number;
  microUsd: MicroUsd;
}

/** A team that buys with a key of its own has its own bill: whatever the provider says it cost is none of ours. */
const IS_OURS = `NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = attempts.job_id AND jobs.own_keys = 1)`;

const BOOK = `
INSERT INTO cost_entries (attempt_id, provider, account, amount_micro_usd, created_at)
SELECT id, provider, $2, COALESCE(cost_micro_usd, expected_cost_micro_usd), $3 FROM attempts
WHERE id = $1 AND COALESCE(cost_micro_usd, expected_cost_micro_usd, 0) > 0
AND ${IS_OURS} ON CONFLICT (attempt_id) DO NOTHING`;

/**
 * Books what a purchase cost the operator: as cost when it was delivered, as suspense when it may be on the provider's
 * bill although nobody was charged for it. What the provider said counts before what the catalogue expects.
 */
export async function bookCost(
  tx: Tx,
  purchase: { attemptId: string; isDelivered: boolean; at: number },
): Promise<void> {
  await tx.query(BOOK, [purchase.attemptId, purchase.isDelivered ? 'cost' : 'suspense', purchase.at]);
}

const BOOK_OPEN = `
INSERT INTO cost_entries (attempt_id, provider, account, amount_micro_usd, created_at)
SELECT id, provider, 'suspense', COALESCE(cost_micro_usd, expected_cost_micro_usd), $2 FROM attempts
WHERE job_id = $1 AND closed_at IS NULL AND COALESCE(cost_micro_usd, expected_cost_micro_usd, 0) > 0 AND ${IS_OURS}
ON CONFLICT (attempt_id) DO NOTHING`;

/** The same for purchases that are still open when their job ends. */
export async function bookOpenPurchases(tx: Tx, jobId: string, at: number): Promise<void> {
  await tx.query(BOOK_OPEN, [jobId, at]);
}

const SUSPENSE = `
SELECT COUNT(*) AS attempts, COALESCE(SUM(amount_micro_usd), 0) AS amount FROM cost_entries WHERE account = 'suspense'`;

/** Everything that may be on a provider’s bill and that nobody was charged for. */
export async function findPossibleLoss(database: Pick<Database, 'query'>): Promise<PossibleLoss> {
  const row = (await database.query<Row & { attempts: number; amount: number | string }>(SUSPENSE))[0];
  // PostgreSQL's sums of BIGINT come as text.
  return { attempts: row?.attempts ?? 0, microUsd: microUsd(Number(row?.amount ?? 0)) };
}
