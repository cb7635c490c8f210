import pg from 'pg';

import { errorCode } from '../core/error-code.ts';
import type { Log } from '../core/log-port.ts';
import { StoreUnavailable, type Database, type Row, type SqlValue, type Tx } from './database.ts';
import { localTopics, type LocalTopics } from './local-topics.ts';
import { GOODBYE_MS_MAX, KEEP_ALIVE, openNotifier } from './postgres-notifier.ts';

/** Connections for transactions and reads; two cores need few, and PostgreSQL's own default bound is 100. */
const CONNECTIONS_MAX = 16;
/** Waiting longer for a connection means the store is down or drowning: the caller gets 503. */
const CONNECT_MS_MAX = 5_000;
/** A statement of ours that takes longer is stuck behind a lock. */
const STATEMENT_MS_MAX = 15_000;
/** The server gives up first and says so. Without a limit of our own a socket that fell silent is waited on for ever. */
const ANSWER_MS_MAX = STATEMENT_MS_MAX + 5_000;
/** Deadlocks and serialization failures are retried; more than this is a design fault. */
const TRIES_MAX = 4;
/** Classes of SQLSTATE that mean "the server is not there now": connection, resources, operator, system. */
const UNAVAILABLE_CLASSES = new Set(['08', '53', '57', '58', '25']);

/**
 * The scale-out engine: PostgreSQL 15 and later. Several processes may share one database. Rejects with
 * `StoreUnavailable`, leaving nothing open, when the server cannot be reached.
 */
export async function openPostgres(options: { url: string; log: Log }): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    statement_timeout: STATEMENT_MS_MAX,
    // Of a client that vanished without a word the server would keep the locks until its own TCP gives up: hours.
    idle_in_transaction_session_timeout: STATEMENT_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
    ...KEEP_ALIVE,
    idleTimeoutMillis: 30_000,
    types: { getTypeParser },
    // Statements of one transaction that do not wait for each other travel together.
    pipeline: true,
  });
  // Without a listener a broken idle connection would end the process.
  pool.on('error', (error) => options.log.warn('database.connection-lost', { message: error.message }));
  // The last words of a server that dies may come in one packet with the answer that hands the client over, before its
  // user listens. The statement under way is rejected by itself; unheard, the words would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  const topics = localTopics();
  const limits = { connectMs: CONNECT_MS_MAX, answerMs: ANSWER_MS_MAX };
  try {
    const notifier = await openNotifier({ url: options.url, topics, log: options.log, pool, limits });
    return database(pool, topics, notifier);
  } catch (error) {
    await pool.end();
    throw storeError(error);
  }
}

function database(pool: pg.Pool, topics: LocalTopics, notifier: Awaited<ReturnType<typeof openNotifier>>): Database {
  const named = statementNames();
  const sockets = openSockets(pool);
  return {
    engine: 'postgres',
    query: async <R extends Row>(sql: string, values: readonly SqlValue[] = []) => {
      try {
        return (await pool.query<R>(named(sql, values))).rows;
      } catch (error) {
        throw storeError(error);
      }
    },
    transaction: (work) => retrying(() => once(pool, named, work)),
    notify: (topic, id) => {
      topics.emit(topic, id);
      notifier.send(topic, id);
    },
    subscribe: topics.subscribe,
    close: async () => {
      await notifier.close();
      await pool.end();
      // A server that is silent never hangs up, and an open socket keeps the process; a timer alone does not.
      setTimeout(() => {
        for (const client of sockets) client.connection.stream.destroy();
      }, GOODBYE_MS_MAX).unref();
    },
  };
}

/** Clients whose sockets are open, those that the pool has let go included. */
function openSockets(pool: pg.Pool): ReadonlySet<pg.PoolClient> {
  const clients = new Set<pg.PoolClient>();
  pool.on('connect', (client) => clients.add(client));
  pool.on('remove', (client) => clients.delete(client));
  return clients;
}

async function retrying<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      const code = errorCode(error);
      if (attempt >= TRIES_MAX || (code !== '40001' && code !== '40P01')) throw storeError(error);
    }
  }
}

async function once<T>(pool: pg.Pool, named: NameStatement, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  const after: (() => void)[] = [];
  const pending: Promise<unknown>[] = [];
  let failure: Error | null = null;
  const send = <R extends Row>(sql: string, values: readonly SqlValue[] = []): Promise<R[]> => {
    const sent = client.query<R>(named(sql, values)).then((result) => result.rows);
    pending.push(
      sent.catch((error: Error) => {
        failure ??= error;
      }),
    );
    return sent;
  };
  let broken: Error | undefined;
  // The pool listens to idle connections only, and an error that nobody hears ends the process. The statement under
  // way is rejected by itself.
  const breakOff = (error: Error): void => {
    broken = error;
  };
  client.on('error', breakOff);
  try {
    const begun = send('BEGIN');
    const value = await work({
      query: send,
      lock: async (name) => {
        await send('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [name]);
      },
      afterCommit: (run) => {
        after.push(run);
      },
    });
    await begun;
    await Promise.all(pending);
    const { command } = await client.query(named('COMMIT', []));
    // When a statement failed and `work` did not pass that on, PostgreSQL answers COMMIT with a rollback, no error.
    if (command !== 'COMMIT') throw failure ?? new Error(`the transaction was ended by ${command}`);
    for (const run of after) run();
    return value;
  } catch (error) {
    await Promise.all(pending);
    // After a read timeout the driver has destroyed the socket, so this fails too and the connection is thrown away.
    await client.query('ROLLBACK').catch((cause: Error) => {
      broken = cause;
    });
    throw error;
  } finally {
    client.off('error', breakOff);
    // A connection that broke, or whose rollback failed, is thrown away.
    client.release(broken);
  }
}

type NameStatement = (sql: string, values: readonly SqlValue[]) => pg.QueryConfig;

/** Every text of ours is a constant, so each is prepared once on each connection under a name of its own. */
function statementNames(): NameStatement {
  const names = new Map<string, string>();
  return (sql, values) => {
    let name = names.get(sql);
    if (name === undefined) {
      name = `s${names.size}`;
      names.set(sql, name);
    }
    return { name, text: sql, values: [...values] };
  };
}

/** BIGINT (20) and NUMERIC counts arrive as text; all of ours are safe integers, and a breach must not pass silently. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid !== 20) return pg.types.getTypeParser(oid, format);
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new RangeError(`integer out of range: ${text}`);
    return value;
  };
}

function storeError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const code = errorCode(error);
  const noAnswer =
    code === null ? /terminated|timeout|not queryable|ended/i.test(error.message) : /^E[A-Z]+$/.test(code);
  if (noAnswer || (code !== null && UNAVAILABLE_CLASSES.has(code.slice(0, 2)))) {
    // A name with several addresses fails with one error for all of them, which has no text of its own.
    return new StoreUnavailable(error.message || `PostgreSQL cannot be reached: ${code}`, { cause: error });
  }
  return error;
}
