import { DatabaseSync } from 'node:sqlite';

import pg from 'pg';

import type { Database, SqlValue } from '../server/src/database/database.ts';

/** Commits one job as the smallest honest handler would; resolves after the commit. */
export type BareSubmit = (submit: { jobId: string; inputJson: string; idempotencyKey: string }) => Promise<void>;

/** The rows that every job hangs on. */
export interface Owner {
  teamId: string;
  userId: string;
  keyId: string;
  accountId: string;
}

const PRICE_MICRO = 5_000_000;
const IDEMPOTENCY_MS = 86_400_000;
/** The fingerprint is a constant here: computing it belongs to what the gateway adds. */
const FINGERPRINT = '0'.repeat(64);
/** What the server's own pool has. */
const CONNECTIONS_MAX = 16;

/** The same rows into the same tables as a submit of the gateway, with the texts that a straight handler would write. */
const STATEMENTS = {
  idempotency: `INSERT INTO idempotency (team_id, key, fingerprint, job_id, expires_at) VALUES ($1, $2, $3, $4, $5)`,
  job: `
INSERT INTO jobs (id, team_id, user_id, key_id, mode, operation, model, input_json, call_json, price_micro,
  charge_micro, status, progress, created_at, deadline_at, queue_rank)
VALUES ($1, $2, $3, $4, 'live', 'images/generate', 'flux-1.1-pro', $5, $5, $6, $6, 'QUEUED', 0, $7, $8, $9)`,
  event: `INSERT INTO job_events (job_id, sequence, kind, at, data_json) VALUES ($1, 1, 'accepted', $2, '{}')`,
  transfer: `
INSERT INTO transfers (id, kind, debit_account, credit_account, amount_micro, job_id, key_id, actor, reason, created_at)
VALUES ($1, 'hold', $2, 'live:usage-income', $3, $4, $5, 'bench', 'job submitted', $6)`,
  account: `
UPDATE accounts SET held = held + $1, open_holds = open_holds + 1 WHERE id = $2 AND posted - held >= $1 RETURNING id`,
} as const;

type Step = readonly [sql: string, values: SqlValue[]];

/** The account comes last, as its row is the one that all requests wait for. */
function createSteps(owner: Owner): (submit: Parameters<BareSubmit>[0]) => Step[] {
  let rank = 0;
  return ({ jobId, inputJson, idempotencyKey }) => {
    const now = Date.now();
    rank += 1;
    return [
      [
        STATEMENTS.job,
        [jobId, owner.teamId, owner.userId, owner.keyId, inputJson, PRICE_MICRO, now, now + 1_800_000, rank],
      ],
      [STATEMENTS.idempotency, [owner.teamId, idempotencyKey, FINGERPRINT, jobId, now + IDEMPOTENCY_MS]],
      [STATEMENTS.event, [jobId, now]],
      [STATEMENTS.transfer, [`hold-${jobId}`, owner.accountId, PRICE_MICRO, jobId, owner.keyId, now]],
      [STATEMENTS.account, [PRICE_MICRO, owner.accountId]],
    ];
  };
}

/** `grouped`: through the gateway's own store, so with its group commit on SQLite and its pipelining on PostgreSQL. */
export function groupedSubmit(database: Database, owner: Owner): BareSubmit {
  const steps = createSteps(owner);
  return (submit) =>
    database.transaction(async (tx) => {
      const answers = await Promise.all(steps(submit).map(([sql, values]) => tx.query(sql, values)));
      requireHeld(answers.at(-1)?.length);
    });
}

/** `plain` on SQLite: one connection, one transaction and so one fsync for each request. */
export function plainSqliteSubmit(file: string, owner: Owner): BareSubmit {
  const handle = new DatabaseSync(file, { timeout: 5_000 });
  handle.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000',
  );
  const prepared = new Map(
    Object.values(STATEMENTS).map((sql) => [sql as string, handle.prepare(sql.replaceAll(/\$(\d+)/g, '?$1'))]),
  );
  const steps = createSteps(owner);
  return async (submit) => {
    handle.exec('BEGIN IMMEDIATE');
    try {
      let changed: unknown[] = [];
      for (const [sql, values] of steps(submit)) changed = prepared.get(sql)?.all(...values) ?? [];
      requireHeld(changed.length);
    } catch (error) {
      handle.exec('ROLLBACK');
      throw error;
    }
    handle.exec('COMMIT');
  };
}

/** `plain` on PostgreSQL: the same driver and pool size, prepared statements, each awaited before the next. */
export function plainPostgresSubmit(url: string, owner: Owner): BareSubmit {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS_MAX });
  const names = new Map(Object.entries(STATEMENTS).map(([name, sql]) => [sql as string, name]));
  const steps = createSteps(owner);
  return async (submit) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      let held: number | null = 0;
      for (const [text, values] of steps(submit)) {
        held = (await client.query({ name: names.get(text) ?? text, text, values })).rowCount;
      }
      requireHeld(held ?? 0);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  };
}

function requireHeld(rows: number | undefined): void {
  if (rows !== 1) throw new Error('the hold was refused: the account of the bench is empty');
}
