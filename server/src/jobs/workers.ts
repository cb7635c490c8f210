import type { Database, Tx } from '../database/database.ts';

/** A worker that has not said for this long that it lives is taken for dead, by the database's clock. */
export const WORKER_LEASE_MS = 20_000;
/** How often a worker says that it lives; four may be missed. */
export const HEARTBEAT_MS = 5_000;

const REGISTER = `INSERT INTO workers (id, started_at, alive_until) VALUES ($1, lumegate_now(), lumegate_now() + $2)`;
const HEARTBEAT = `UPDATE workers SET alive_until = lumegate_now() + $2 WHERE id = $1 RETURNING id`;
const FORGET = `DELETE FROM workers WHERE id = $1 AND alive_until < lumegate_now() RETURNING id`;
const HOLD_ALIVE = `UPDATE workers SET started_at = started_at WHERE id = $1 AND alive_until >= lumegate_now() RETURNING id`;
const EXPIRE = `UPDATE workers SET alive_until = 0 WHERE id = $1`;
const LIST = `SELECT id, alive_until, lumegate_now() AS now FROM workers`;

/** Announces a worker: jobs and deliveries that it leases are its own until its row expires. */
export async function registerWorker(database: Database, workerId: string): Promise<void> {
  await database.transaction((tx) => tx.query(REGISTER, [workerId, WORKER_LEASE_MS]));
}

/** False when the worker has been declared dead meanwhile: it must give up everything it runs. */
export async function heartbeat(database: Database, workerId: string): Promise<boolean> {
  const rows = await database.transaction((tx) => tx.query(HEARTBEAT, [workerId, WORKER_LEASE_MS]));
  return rows.length > 0;
}

/** Leaves in good order; what it still leases is rescued at once instead of after the lease. */
export async function retireWorker(database: Database, workerId: string): Promise<void> {
  await database.transaction((tx) => tx.query(EXPIRE, [workerId]));
}

/** Declares workers dead that surely are, so that a restart does not wait for their leases. */
export async function expireWorkers(database: Database, isDead: (workerId: string) => boolean): Promise<number> {
  const workers = await database.query<{ id: string; alive_until: number; now: number }>(LIST);
  const dead = workers.filter((worker) => worker.alive_until > worker.now && isDead(worker.id));
  for (const worker of dead) await database.transaction((tx) => tx.query(EXPIRE, [worker.id]));
  return dead.length;
}

/** Ids of workers whose row has expired. */
export async function findDeadWorkers(tx: Tx): Promise<string[]> {
  const rows = await tx.query<{ id: string }>('SELECT id FROM workers WHERE alive_until < lumegate_now()');
  return rows.map((row) => row.id);
}

/**
 * False for a worker that counts as dead. Holds the row until commit, so that whoever takes a lease in the same
 * transaction is there for a rescue to find.
 */
export async function holdAlive(tx: Tx, workerId: string): Promise<boolean> {
  return (await tx.query(HOLD_ALIVE, [workerId])).length > 0;
}

/** Removes a dead worker's row, and waits for a claim of its that is still open. False for one that came back meanwhile. */
export async function forgetWorker(tx: Tx, workerId: string): Promise<boolean> {
  return (await tx.query(FORGET, [workerId])).length > 0;
}
