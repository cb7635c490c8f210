import { DatabaseSync, type StatementSync } from 'node:sqlite';

import type { Clock } from '../core/clock.ts';
import { StoreUnavailable, type Database, type Row, type SqlValue, type Tx } from './database.ts';
import { localTopics } from './local-topics.ts';

/** How long a writer waits for another process (the command line beside a server) to finish. */
const BUSY_MS_MAX = 5_000;
/** Transactions that share one commit, and so one fsync; beyond it latency would grow for no throughput. */
const GROUP_MAX = 64;
/** Prepared statements kept; every statement of the program is a constant text, so this is never reached. */
const STATEMENTS_MAX = 500;
/**
 * In the primary result code: SQLITE_BUSY, SQLITE_READONLY, SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_FULL, SQLITE_CANTOPEN,
 * SQLITE_PROTOCOL (other processes hold the log), SQLITE_NOTADB. A damaged file is the operator's trouble like a full disk.
 */
const UNAVAILABLE_CODES = new Set([5, 8, 10, 11, 13, 14, 15, 26]);

/** One transaction that waits for its group. */
interface Member {
  /** Runs between savepoints; answers what to do after the group's commit. */
  run(): Promise<() => void>;
  reject(error: unknown): void;
}

/**
 * The embedded engine. Writers queue up and are committed in groups: one BEGIN, a savepoint for
 * each transaction, one COMMIT, which costs one fsync for all of them. Readers use a connection
 * of their own and never see an uncommitted group.
 */
export function openSqlite(options: { file: string; clock: Clock }): Database {
  const writer = connect(options);
  const reader = connect(options);
  const topics = localTopics();
  const waiting: Member[] = [];
  let draining: Promise<void> | null = null;
  let closed = false;

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      // One turn of the event loop lets requests that have arrived meanwhile join the group.
      await new Promise<void>((resolve) => setImmediate(resolve));
      await runGroup(writer, waiting.splice(0, GROUP_MAX));
    }
    draining = null;
  }

  return {
    engine: 'sqlite',
    query: async <R extends Row>(sql: string, values: readonly SqlValue[] = []) => all<R>(reader, sql, values),
    transaction: (work) => {
      if (closed) return Promise.reject(new StoreUnavailable('the store is closed'));
      return new Promise((resolve, reject) => {
        waiting.push(groupMember(writer, work, resolve, reject));
        draining ??= drain();
      });
    },
    notify: topics.emit,
    subscribe: topics.subscribe,
    close: async () => {
      closed = true;
      await draining;
      reader.close();
      writer.close();
    },
  };
}

interface Connection {
  prepare(sql: string): StatementSync;
  exec(sql: string): void;
  close(): void;
}

function connect(options: { file: string; clock: Clock }): Connection {
  const handle = new DatabaseSync(options.file, { timeout: BUSY_MS_MAX });
  handle.exec('PRAGMA journal_mode = WAL');
  handle.exec('PRAGMA synchronous = FULL');
  handle.exec('PRAGMA foreign_keys = ON');
  handle.exec('PRAGMA cache_size = -16000');
  handle.function('lumegate_now', { deterministic: false }, () => options.clock.now());
  const statements = new Map<string, StatementSync>();
  return {
    prepare: (sql) => {
      let statement = statements.get(sql);
      if (statement === undefined) {
        if (statements.size >= STATEMENTS_MAX) statements.clear();
        // SQLite numbers its parameters ?1; $1 would be a name to it.
        statement = handle.prepare(sql.replaceAll(/\$(\d+)/g, '?$1'));
        statements.set(sql, statement);
      }
      return statement;
    },
    exec: (sql) => {
      handle.exec(sql);
    },
    close: () => {
      handle.close();
    },
  };
}

function all<R extends Row>(connection: Connection, sql: string, values: readonly SqlValue[]): R[] {
  try {
    // Safe: our columns hold text, integers and NULL only, and node:sqlite refuses unsafe integers.
    return connection.prepare(sql).all(...values) as R[];
  } catch (error) {
    throw storeError(error);
  }
}

function groupMember<T>(
  connection: Connection,
  work: (tx: Tx) => Promise<T>,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Member {
  const after: (() => void)[] = [];
  const tx: Tx = {
    query: async <R extends Row>(sql: string, values: readonly SqlValue[] = []) => all<R>(connection, sql, values),
    // One writer at a time: every transaction is alone already.
    lock: async () => {},
    afterCommit: (run) => {
      after.push(run);
    },
  };
  return {
    reject,
    run: async () => {
      connection.exec('SAVEPOINT member');
      let value: T;
      try {
        value = await work(tx);
      } catch (error) {
        connection.exec('ROLLBACK TO member');
        connection.exec('RELEASE member');
        // Told after the commit too: what it failed on may be a row of the same group (a key used twice at once),
        // and whoever hears of it must be able to read that row.
        return () => reject(error);
      }
      connection.exec('RELEASE member');
      return () => {
        for (const run of after) run();
        resolve(value);
      };
    },
  };
}

async function runGroup(connection: Connection, group: Member[]): Promise<void> {
  const settles: (() => void)[] = [];
  try {
    connection.exec('BEGIN IMMEDIATE');
    for (const member of group) {
      settles.push(await member.run());
    }
    connection.exec('COMMIT');
  } catch (error) {
    rollback(connection);
    const cause = storeError(error);
    for (const member of group) member.reject(cause);
    return;
  }
  for (const settle of settles) settle();
}

function rollback(connection: Connection): void {
  try {
    connection.exec('ROLLBACK');
  } catch {
    // SQLite has already rolled back by itself after some errors (disk full).
  }
}

function storeError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const errcode = 'errcode' in error ? error.errcode : null;
  if (typeof errcode === 'number' && UNAVAILABLE_CODES.has(errcode & 0xff)) {
    return new StoreUnavailable(error.message, { cause: error });
  }
  return error;
}
