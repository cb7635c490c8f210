import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Clock } from '../../server/src/core/clock.ts';
import type { Database, Row } from '../../server/src/database/database.ts';
import { migrate } from '../../server/src/database/migrate.ts';
import { openSqlite } from '../../server/src/database/sqlite.ts';

/** One committed change of a job or of a purchase, in the order in which they happened. */
export interface Change extends Row {
  sequence: number;
  kind: 'job' | 'attempt' | 'transfer' | 'rewritten' | 'deleted';
  id: string;
  /** States before and after; null before an insert. */
  was: string | null;
  became: string;
  was_progress: number;
  became_progress: number;
}

export interface SimStore {
  database: Database;
  /** What was committed after the change with this sequence. */
  changesAfter(sequence: number): Promise<Change[]>;
  dispose(): Promise<void>;
}

/** Triggers write down every change, so that no state is missed between two looks. Rolled back with what they saw. */
const WITNESS = [
  `CREATE TABLE sim_changes (sequence INTEGER PRIMARY KEY, kind TEXT, id TEXT, was TEXT, became TEXT,
     was_progress INTEGER DEFAULT 0, became_progress INTEGER DEFAULT 0)`,
  `CREATE TRIGGER sim_job_new AFTER INSERT ON jobs BEGIN
     INSERT INTO sim_changes (kind, id, was, became) VALUES ('job', NEW.id, NULL, NEW.status); END`,
  `CREATE TRIGGER sim_job_change AFTER UPDATE ON jobs WHEN OLD.status <> NEW.status OR OLD.progress <> NEW.progress BEGIN
     INSERT INTO sim_changes (kind, id, was, became, was_progress, became_progress)
     VALUES ('job', NEW.id, OLD.status, NEW.status, OLD.progress, NEW.progress); END`,
  `CREATE TRIGGER sim_job_rewritten AFTER UPDATE ON jobs
     WHEN (OLD.completed_at IS NOT NULL AND (OLD.completed_at <> NEW.completed_at OR OLD.charge_micro <> NEW.charge_micro
         OR OLD.result_json IS NOT NEW.result_json OR OLD.error IS NOT NEW.error OR OLD.progress <> NEW.progress))
       OR OLD.price_micro <> NEW.price_micro OR OLD.deadline_at <> NEW.deadline_at BEGIN
     INSERT INTO sim_changes (kind, id, was, became) VALUES ('rewritten', NEW.id, OLD.status, NEW.status); END`,
  `CREATE TRIGGER sim_job_deleted AFTER DELETE ON jobs BEGIN
     INSERT INTO sim_changes (kind, id, was, became) VALUES ('deleted', OLD.id, OLD.status, ''); END`,
  `CREATE TRIGGER sim_attempt_new AFTER INSERT ON attempts BEGIN
     INSERT INTO sim_changes (kind, id, was, became) VALUES ('attempt', NEW.id, NULL, NEW.state); END`,
  `CREATE TRIGGER sim_attempt_change AFTER UPDATE ON attempts WHEN OLD.state <> NEW.state BEGIN
     INSERT INTO sim_changes (kind, id, was, became) VALUES ('attempt', NEW.id, OLD.state, NEW.state); END`,
  `CREATE TRIGGER sim_transfer_new AFTER INSERT ON transfers BEGIN
     INSERT INTO sim_changes (kind, id, was, became) VALUES ('transfer', NEW.id, NULL, NEW.kind); END`,
];

/** Memory where the system offers it as a folder: 300 histories would wait for the disk most of their time. */
const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A real SQLite store with the project's schema, whose clock is the history's true time. */
export async function openSimStore(clock: Clock): Promise<SimStore> {
  const file = path.join(FOLDER, `lumegate-sim-${randomUUID()}.db`);
  const database = openSqlite({ file, clock });
  await migrate(database);
  await database.transaction(async (tx) => {
    for (const statement of WITNESS) await tx.query(statement);
  });
  return {
    database,
    changesAfter: (sequence) =>
      database.query<Change>('SELECT * FROM sim_changes WHERE sequence > $1 ORDER BY sequence', [sequence]),
    dispose: async () => {
      await database.close();
      for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
    },
  };
}
