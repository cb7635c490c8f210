import { errorCode } from '../core/error-code.ts';

/** A value that both engines can bind. Booleans are stored as 0 and 1. */
export type SqlValue = string | number | null;
/** A row as both engines return it: text, safe integers or null. */
export type Row = Record<string, SqlValue>;

/** Statements inside one transaction. Only these may be awaited in it: no network, no files, no timers. */
export interface Tx {
  /**
   * Runs one statement (`$1` placeholders) and returns its rows (RETURNING included). Statements that are
   * started without awaiting the one before travel to PostgreSQL together and run in the order of the calls.
   */
  query<R extends Row = Row>(sql: string, values?: readonly SqlValue[]): Promise<R[]>;
  /** Makes transactions that take the same name run one after another, until commit. */
  lock(name: string): Promise<void>;
  /** Runs after the commit, before `transaction` resolves; never after a rollback. */
  afterCommit(run: () => void): void;
}

/** Topics of wake-ups between processes; each carries an id or an empty text. */
export type Topic = 'work' | 'job' | 'hint' | 'delivery' | 'keys' | 'provider-keys' | 'alert';

/**
 * The store, whichever engine carries it. One SQL text serves both; `lumegate_now()` is the
 * database's clock in UTC milliseconds and the only clock that leases are compared with.
 */
export interface Database {
  readonly engine: 'sqlite' | 'postgres';
  /** Reads outside a transaction: sees everything that was committed before the call. */
  query<R extends Row = Row>(sql: string, values?: readonly SqlValue[]): Promise<R[]>;
  /** Commits when `work` resolves, rolls back when it throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Tells every process that shares the store; coalesced, best effort, a hint and never a fact. */
  notify(topic: Topic, id: string): void;
  /** Calls `listener` for each hint, own ones included; returns the way to stop. */
  subscribe(topic: Topic, listener: (id: string) => void): () => void;
  close(): Promise<void>;
}

/** The store cannot be reached, is full or is busy beyond its limit: the caller sees 503. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** True when the error is the violation of a UNIQUE or PRIMARY KEY constraint, on either engine. */
export function isUniqueViolation(error: unknown): boolean {
  const errcode = error instanceof Error && 'errcode' in error ? error.errcode : null;
  // 2067 and 1555 are SQLITE_CONSTRAINT_UNIQUE and _PRIMARYKEY.
  return errorCode(error) === '23505' || errcode === 2067 || errcode === 1555;
}
