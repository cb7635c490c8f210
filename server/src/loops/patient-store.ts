import type { Database } from '../database/database.ts';
import { createSlots } from '../jobs/slots.ts';

/**
 * Connections that the runs of one process use at once; the rest of the pool is left to the callers' requests, the
 * heartbeat and the claims.
 */
const CONNECTIONS_MAX = 10;

/** The store as the runs of one process see it. */
export interface PatientStore {
  database: Database;
  /** Nobody waits for a turn any more: a process that ends is not to hang on a store that is silent. */
  lift(): void;
}

/**
 * The store for the runs of a process: on PostgreSQL they wait for their turn here, for as long as it takes. In the
 * pool's own line thousands that begin at once (after another worker's death) would wait beyond its limit and fail,
 * and with them whoever stands behind them. SQLite has one writer and no such limit, and gains from many at once.
 */
export function patientStore(database: Database): PatientStore {
  if (database.engine === 'sqlite') return { database, lift: () => {} };
  const slots = createSlots(() => CONNECTIONS_MAX);
  return {
    database: {
      ...database,
      query: (sql, values) => slots.within('runs', () => database.query(sql, values)),
      transaction: (work) => slots.within('runs', () => database.transaction(work)),
    },
    lift: slots.lift,
  };
}
