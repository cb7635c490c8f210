import type { NewId } from '../core/ids.ts';
import { AMOUNT_MICRO_MAX, microCredits, type MicroCredits } from '../core/money.ts';
import type { Tx } from '../database/database.ts';
import { balanceOf, movableAmount, noAccount, type AccountFigures, type Mode } from './accounts.ts';

export interface GrantOptions {
  newId: NewId;
  now: number;
  teamId: string;
  mode: Mode;
  /** Above zero: a grant. Below zero: a correction that takes credits back, as far as they are not held. */
  amountMicro: MicroCredits;
  actor: string;
  reason: string;
  /** The same reference again changes nothing, whatever else is in the call; null for one that may be repeated. */
  externalRef: string | null;
}

/** `granted` is false when the reference had been used before. A refusal has changed nothing. */
export type GrantResult =
  | { ok: true; granted: boolean }
  | { ok: false; reason: 'insufficient'; availableMicro: MicroCredits };

const LOCK_ACCOUNT = `
UPDATE accounts SET posted = posted WHERE team_id = $1 AND mode = $2
RETURNING id, posted, held, open_holds`;

const FIND_REFERENCE = `SELECT id FROM transfers WHERE external_ref = $1`;

const INSERT_GRANT = `
INSERT INTO transfers
  (id, kind, debit_account, credit_account, amount_micro, external_ref, actor, reason, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (external_ref) WHERE external_ref IS NOT NULL DO NOTHING
RETURNING id`;

const ADD_TO_ACCOUNT = `UPDATE accounts SET posted = posted + $2 WHERE id = $1`;

/** Gives credits to a team, or takes them back, once for each external reference. */
export async function grant(tx: Tx, options: GrantOptions): Promise<GrantResult> {
  const { teamId, mode, amountMicro, externalRef } = options;
  const amount = movableAmount(Math.abs(microCredits(amountMicro)));
  const [locked, used] = await Promise.all([
    tx.query<AccountFigures & { id: string }>(LOCK_ACCOUNT, [teamId, mode]),
    tx.query(FIND_REFERENCE, [externalRef]),
  ]);
  const [account] = locked;
  if (account === undefined) throw noAccount(teamId, mode);
  if (used.length > 0) return { ok: true, granted: false };

  const { availableMicro, postedMicro } = balanceOf(account);
  if (amountMicro < 0 && availableMicro < amount) return { ok: false, reason: 'insufficient', availableMicro };
  if (postedMicro + amountMicro > AMOUNT_MICRO_MAX) {
    throw new RangeError(`the balance of team ${teamId} would exceed ${AMOUNT_MICRO_MAX} micro-credits`);
  }
  const { newId, actor, reason, now } = options;
  const way =
    amountMicro > 0
      ? { kind: 'grant', debit: `${mode}:promotion`, credit: account.id }
      : { kind: 'adjust', debit: account.id, credit: `${mode}:adjustment` };
  const values = [newId(), way.kind, way.debit, way.credit, amount, externalRef, actor, reason, now];
  // Empty when another team's grant with the same reference was first.
  const inserted = await tx.query(INSERT_GRANT, values);
  if (inserted.length === 0) return { ok: true, granted: false };
  await tx.query(ADD_TO_ACCOUNT, [account.id, amountMicro]);
  return { ok: true, granted: true };
}
