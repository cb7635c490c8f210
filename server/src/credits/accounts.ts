import type { NewId } from '../core/ids.ts';
import { AMOUNT_MICRO_MAX, fromCredits, microCredits, type MicroCredits } from '../core/money.ts';
import type { Database, Tx } from '../database/database.ts';

/** Live credits are the team's own; test credits refill by themselves and buy from the sandbox only. */
export type Mode = 'live' | 'test';

/** To this a test balance is filled up whenever it is too short: enough for a day of trying, too little to overflow. */
export const testBalanceMicro: MicroCredits = fromCredits(1_000_000);

/** What a team owns and has reserved, in micro-credits. */
export interface Balance {
  postedMicro: MicroCredits;
  heldMicro: MicroCredits;
  /** `posted - held`: what can still be held. */
  availableMicro: MicroCredits;
  openHolds: number;
}

const INSERT_ACCOUNT = `
INSERT INTO accounts (id, team_id, mode, kind, posted, held, open_holds) VALUES ($1, $2, $3, 'team', $4, 0, 0)`;

const INSERT_FIRST_TEST_GRANT = `
INSERT INTO transfers (id, kind, debit_account, credit_account, amount_micro, actor, reason, created_at)
VALUES ($1, 'grant', 'test:promotion', $2, $3, 'system', 'first test balance', lumegate_now())`;

const FIND_BALANCE = `SELECT posted, held, open_holds FROM accounts WHERE team_id = $1 AND mode = $2`;

/** Opens the two accounts of a new team: live with nothing in it, test with the test balance. */
export async function openAccounts(tx: Tx, options: { newId: NewId; teamId: string }): Promise<void> {
  const { newId, teamId } = options;
  const testAccount = newId();
  await Promise.all([
    tx.query(INSERT_ACCOUNT, [newId(), teamId, 'live', 0]),
    tx.query(INSERT_ACCOUNT, [testAccount, teamId, 'test', testBalanceMicro]),
    tx.query(INSERT_FIRST_TEST_GRANT, [newId(), testAccount, testBalanceMicro]),
  ]);
}

/** The balance of a team in one mode; throws for a team without accounts. */
export async function findBalance(database: Pick<Database, 'query'>, teamId: string, mode: Mode): Promise<Balance> {
  const [row] = await database.query<AccountFigures>(FIND_BALANCE, [teamId, mode]);
  if (row === undefined) throw noAccount(teamId, mode);
  return balanceOf(row);
}

/** The stored figures of an account. */
export type AccountFigures = { posted: number; held: number; open_holds: number };

/** Reads the stored figures as amounts. */
export function balanceOf(row: AccountFigures): Balance {
  return {
    postedMicro: microCredits(row.posted),
    heldMicro: microCredits(row.held),
    availableMicro: microCredits(row.posted - row.held),
    openHolds: row.open_holds,
  };
}

/**
 * Refuses an amount that may not move: anything but a whole number from 1 to the bound. It stands in front of every
 * statement because SQLite would turn "1e3" into 1000 and store 1.5 as it is, where PostgreSQL refuses both.
 */
export function movableAmount(amountMicro: number): MicroCredits {
  if (!(amountMicro >= 1)) {
    throw new RangeError(`${amountMicro} is not an amount from 1 to ${AMOUNT_MICRO_MAX} micro-credits`);
  }
  return microCredits(amountMicro);
}

/** The error for a team that has no account in the mode, which `openAccounts` rules out. */
export function noAccount(teamId: string, mode: Mode): Error {
  return new Error(`team ${teamId} has no ${mode} account`);
}
