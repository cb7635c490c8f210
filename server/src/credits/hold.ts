import { GatewayError } from '../core/errors.ts';
import type { NewId } from '../core/ids.ts';
import { microCredits, type MicroCredits } from '../core/money.ts';
import type { Tx } from '../database/database.ts';
import {
  balanceOf,
  movableAmount,
  noAccount,
  testBalanceMicro,
  type AccountFigures,
  type Balance,
  type Mode,
} from './accounts.ts';
import { findKeyBudget } from './budgets.ts';

export interface HoldOptions {
  newId: NewId;
  now: number;
  jobId: string;
  teamId: string;
  keyId: string;
  mode: Mode;
  amountMicro: MicroCredits;
  /** Open holds of the team in this mode, this one included; one more is refused as `queue-full`. */
  openHoldsMax: number;
}

/**
 * Why a hold was refused: `insufficient` and `budget` (of the key) lack credits, `queue-full` lacks room.
 * `availableMicro` is what the refusing side still had: the account, or the key's budget.
 */
export type HoldResult =
  | { ok: true; holdId: string }
  | {
      ok: false;
      reason: 'insufficient' | 'budget' | 'queue-full';
      requiredMicro: MicroCredits;
      availableMicro: MicroCredits;
    };

const INSERT_HOLD = `
INSERT INTO transfers (id, kind, debit_account, credit_account, amount_micro, job_id, key_id, actor, reason, created_at)
SELECT CAST($1 AS TEXT), 'hold', id, mode || ':usage-income', CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT),
  CAST($5 AS TEXT), 'job submitted', CAST($6 AS BIGINT)
FROM accounts WHERE team_id = $7 AND mode = $8`;

/** Every key has a row from its first hold on, so that a cap set later finds the true figures without a recount. */
const HOLD_IN_BUDGET = `
INSERT INTO key_budgets (key_id, cap_micro, spent_micro, held_micro) VALUES ($1, NULL, 0, $2)
ON CONFLICT (key_id) DO UPDATE SET held_micro = key_budgets.held_micro + excluded.held_micro
WHERE key_budgets.cap_micro IS NULL
  OR key_budgets.spent_micro + key_budgets.held_micro + excluded.held_micro <= key_budgets.cap_micro
RETURNING key_id`;

const HOLD_IN_ACCOUNT = `
UPDATE accounts SET held = held + $1, open_holds = open_holds + 1
WHERE team_id = $2 AND mode = $3 AND posted - held >= $1 AND open_holds < $4 AND stopped = 0
RETURNING id`;

const LOCK_ACCOUNT = `
UPDATE accounts SET posted = posted WHERE team_id = $1 AND mode = $2
RETURNING id, posted, held, open_holds, stopped`;

const INSERT_TEST_GRANT = `
INSERT INTO transfers (id, kind, debit_account, credit_account, amount_micro, actor, reason, created_at)
VALUES ($1, 'grant', 'test:promotion', $2, $3, 'system', 'test balance refilled', $4)`;

const ADD_TO_ACCOUNT = `UPDATE accounts SET posted = posted + $2 WHERE id = $1`;

/**
 * Reserves the price of a job, in one round trip when nothing is refused. After a refusal the transaction
 * holds half of a hold: the caller must throw, so that it rolls back. A second hold for a job is a unique violation.
 */
export async function hold(tx: Tx, options: HoldOptions): Promise<HoldResult> {
  const { jobId, teamId, keyId, mode, now } = options;
  const amount = movableAmount(options.amountMicro);
  const holdId = options.newId();
  const guarded = [amount, teamId, mode, options.openHoldsMax];
  // The account comes last: its row is the one that all keys of a team wait for.
  const [, inBudget, inAccount] = await Promise.all([
    tx.query(INSERT_HOLD, [holdId, amount, jobId, keyId, `key:${keyId}`, now, teamId, mode]),
    tx.query(HOLD_IN_BUDGET, [keyId, amount]),
    tx.query(HOLD_IN_ACCOUNT, guarded),
  ]);
  if (inBudget.length === 0) return refusedByBudget(tx, keyId, amount);
  if (inAccount.length === 1) return { ok: true, holdId };

  const refusal = await whyRefused(tx, { ...options, amountMicro: amount });
  if (refusal !== null) return refusal;
  const again = await tx.query(HOLD_IN_ACCOUNT, guarded);
  if (again.length !== 1) throw new Error(`the locked ${mode} account of team ${teamId} refused a hold that fits`);
  return { ok: true, holdId };
}

async function refusedByBudget(tx: Tx, keyId: string, requiredMicro: MicroCredits): Promise<HoldResult> {
  const budget = await findKeyBudget(tx, keyId);
  const left = (budget.capMicro ?? 0) - budget.spentMicro - budget.heldMicro;
  return { ok: false, reason: 'budget', requiredMicro, availableMicro: microCredits(Math.max(0, left)) };
}

/** null when the hold fits after all, under the lock: others have let go, or the test balance was refilled. */
async function whyRefused(tx: Tx, options: HoldOptions): Promise<HoldResult | null> {
  const { teamId, mode, amountMicro, openHoldsMax } = options;
  const [row] = await tx.query<AccountFigures & { id: string; stopped: number }>(LOCK_ACCOUNT, [teamId, mode]);
  if (row === undefined) throw noAccount(teamId, mode);
  if (row.stopped === 1) {
    throw new GatewayError('unavailable', { internal: `spending of the ${mode} account of team ${teamId} is stopped` });
  }
  const balance = balanceOf(row);
  const refused = { ok: false, requiredMicro: amountMicro, availableMicro: balance.availableMicro } as const;
  if (balance.availableMicro < amountMicro) {
    if (mode === 'live' || amountMicro > testBalanceMicro) return { ...refused, reason: 'insufficient' };
    await refillTestBalance(tx, { ...options, accountId: row.id, balance });
  }
  return balance.openHolds >= openHoldsMax ? { ...refused, reason: 'queue-full' } : null;
}

async function refillTestBalance(
  tx: Tx,
  options: HoldOptions & { accountId: string; balance: Balance },
): Promise<void> {
  const missing = testBalanceMicro - options.balance.availableMicro;
  await Promise.all([
    tx.query(INSERT_TEST_GRANT, [options.newId(), options.accountId, missing, options.now]),
    tx.query(ADD_TO_ACCOUNT, [options.accountId, missing]),
  ]);
}
