import { microCredits, type MicroCredits } from '../core/money.ts';
import type { Database, Tx } from '../database/database.ts';

/** What a key may spend in its life, has spent, and has reserved, in micro-credits. */
export interface KeyBudget {
  /** null: no cap of its own, only the team's balance counts. */
  capMicro: MicroCredits | null;
  spentMicro: MicroCredits;
  heldMicro: MicroCredits;
}

const SET_CAP = `
INSERT INTO key_budgets (key_id, cap_micro, spent_micro, held_micro) VALUES ($1, $2, 0, 0)
ON CONFLICT (key_id) DO UPDATE SET cap_micro = excluded.cap_micro`;

const CLEAR_CAP = `UPDATE key_budgets SET cap_micro = NULL WHERE key_id = $1`;

const FIND_BUDGET = `SELECT cap_micro, spent_micro, held_micro FROM key_budgets WHERE key_id = $1`;

/** Caps what the key may spend; a cap below what is spent or held already stops new holds and touches no old one. */
export async function setKeyBudget(tx: Tx, options: { keyId: string; capMicro: MicroCredits }): Promise<void> {
  if (!(options.capMicro >= 0)) throw new RangeError(`a budget of ${options.capMicro} micro-credits is below zero`);
  await tx.query(SET_CAP, [options.keyId, microCredits(options.capMicro)]);
}

/** Takes the cap away; what the key spends is counted on. */
export async function clearKeyBudget(tx: Tx, options: { keyId: string }): Promise<void> {
  await tx.query(CLEAR_CAP, [options.keyId]);
}

/** The budget of a key; a key that was never used has spent nothing and has no cap. */
export async function findKeyBudget(database: Pick<Database, 'query'>, keyId: string): Promise<KeyBudget> {
  type Figures = { cap_micro: number | null; spent_micro: number; held_micro: number };
  const [row] = await database.query<Figures>(FIND_BUDGET, [keyId]);
  return {
    capMicro: row === undefined || row.cap_micro === null ? null : microCredits(row.cap_micro),
    spentMicro: microCredits(row?.spent_micro ?? 0),
    heldMicro: microCredits(row?.held_micro ?? 0),
  };
}
