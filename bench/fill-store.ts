import { DatabaseSync } from 'node:sqlite';
import path from 'node:path';

import pg from 'pg';

/** Rows of the past: ended jobs of many teams, with everything that their running has left behind. */
export interface FillOrder {
  jobs: number;
  /** Teams beside the bench’s own, which has every fifth job. */
  teams: number;
}

interface Filler {
  exec(sql: string): Promise<void>;
  /** `number_of(n)` as text of an id, made of the row’s instant and its number, as ids of ours are. */
  idOf: { numbers: (count: number) => string; id: string };
  /** Definitions of the indexes that only make reading faster. */
  listIndexes(): Promise<{ name: string; sql: string }[]>;
  /** Leaves the store as one that has grown by and by. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** One job each so many milliseconds, up to now. */
const PACE_MS = 20_000;

/**
 * Fills a migrated store that has one job, whose request the others repeat. Indexes are built at the end and foreign
 * keys are not looked up, or a million jobs would take ten minutes; every row obeys them all the same.
 */
export async function fillStore(
  place: { dataFolder: string; databaseUrl: string | undefined },
  order: FillOrder,
): Promise<void> {
  const filler = await openFiller(place);
  try {
    const indexes = await filler.listIndexes();
    for (const { name } of indexes) await filler.exec(`DROP INDEX ${name}`);
    for (const statement of statementsFor(filler, order)) await filler.exec(statement);
    for (const { sql } of indexes) await filler.exec(sql);
    await filler.settle();
  } finally {
    await filler.close();
  }
}

function statementsFor({ idOf }: Filler, { jobs, teams }: FillOrder): string[] {
  const first = `(SELECT user_id, team_id, key_id, input_json, call_json, price_micro FROM jobs LIMIT 1) AS sample`;
  const at = `sample_at - (${jobs} - n) * ${PACE_MS}`;
  const id = idOf.id;
  const part = (letter: string): string => `substr(id, 1, 14) || '${letter}' || substr(id, 16)`;
  return [
    `CREATE TEMPORARY TABLE bench_teams AS
     SELECT n AS number, 'bench-team-' || n AS team_id, 'bench-user-' || n AS user_id, 'bench-key-' || n AS key_id,
       'bench-account-' || n AS account_id
     FROM (${idOf.numbers(teams)}) AS numbers`,
    `INSERT INTO teams (id, name, plan, max_concurrent_jobs, created_at) SELECT team_id, team_id, 'bench', 50, 0 FROM bench_teams`,
    `INSERT INTO users (id, team_id, email, role, created_at)
     SELECT user_id, team_id, user_id || '@bench.invalid', 'OWNER', 0 FROM bench_teams`,
    `INSERT INTO api_keys (id, team_id, user_id, name, prefix, lookup_hash, sealed_digest, mode, status, created_at)
     SELECT key_id, team_id, user_id, 'bench', 'afk_', key_id, '', 'live', 'active', 0 FROM bench_teams`,
    `INSERT INTO accounts (id, team_id, mode, kind, posted, held, open_holds)
     SELECT account_id, team_id, 'live', 'team', 0, 0, 0 FROM bench_teams`,
    `INSERT INTO bench_teams
     SELECT 0, sample.team_id, sample.user_id, sample.key_id, accounts.id FROM ${first}
     JOIN accounts ON accounts.team_id = sample.team_id AND accounts.mode = 'live'`,
    `CREATE TEMPORARY TABLE bench_rows AS
     SELECT n, ${id} AS id, at, CASE WHEN n % 5 = 0 THEN 0 ELSE 1 + n % ${teams} END AS team
     FROM (SELECT n, ${at} AS at
       FROM (${idOf.numbers(jobs)}) AS numbers CROSS JOIN (SELECT MAX(created_at) AS sample_at FROM jobs) AS newest) AS instants`,
    `INSERT INTO jobs (id, team_id, user_id, key_id, mode, operation, model, input_json, call_json, price_micro,
       charge_micro, status, progress, result_json, error, failure_kind, provider, provider_key, providers, queue_rank,
       lease_epoch, created_at, started_at, completed_at, deadline_at)
     SELECT rows.id, team_id, bench_teams.user_id, bench_teams.key_id, 'live', 'images/generate',
       CASE n % 4 WHEN 0 THEN 'flux-2-pro' WHEN 1 THEN 'flux-2-flex' ELSE 'flux-1.1-pro' END,
       input_json, call_json, price_micro, CASE WHEN n % 20 = 7 THEN 0 ELSE price_micro END,
       CASE WHEN n % 20 = 7 THEN 'FAILED' ELSE 'COMPLETED' END, CASE WHEN n % 20 = 7 THEN 0 ELSE 100 END,
       CASE WHEN n % 20 = 7 THEN NULL ELSE '{"images":["/media/' || rows.id || '/' || rows.id || '-1.jpg"]}' END,
       CASE WHEN n % 20 = 7 THEN 'The provider refused the request' END, CASE WHEN n % 20 = 7 THEN 'unavailable' END,
       'bfl', 'env:bfl:1', 'bfl,replicate,fal', 0, 1, at, at + 30, at + 9000, at + 1800000
     FROM bench_rows AS rows JOIN bench_teams ON number = team
     CROSS JOIN (SELECT input_json, call_json, price_micro FROM jobs LIMIT 1) AS sample
     ORDER BY n`,
    `INSERT INTO attempts (id, job_id, number, provider, upstream_model, state, request_hash, callback_token, reference_json,
       adjustments_json, seed, cost_micro_usd, lease_epoch, intent_at, accepted_at, closed_at, provider_key, upstream_id,
       expected_cost_micro_usd, failure_kind)
     SELECT ${part('a')}, id, 1, 'bfl', 'flux-pro-1.1', 'DONE', id || id, id, '{"id":"' || id || '"}', '[]', n, 40000, 1,
       at + 40, at + 300, at + 9000, 'env:bfl:1', ${part('b')}, 40000, CASE WHEN n % 20 = 7 THEN 'unavailable' END
     FROM bench_rows ORDER BY n`,
    `INSERT INTO cost_entries (attempt_id, provider, account, amount_micro_usd, created_at)
     SELECT ${part('a')}, 'bfl', CASE WHEN n % 20 = 7 THEN 'suspense' ELSE 'cost' END, 40000, at + 9000 FROM bench_rows ORDER BY n`,
    `INSERT INTO job_events (job_id, sequence, kind, at, data_json)
     SELECT id, sequence, kind, at + after_ms, '{"attempt":1,"provider":"bfl"}' FROM bench_rows CROSS JOIN (
       SELECT 1 AS sequence, 'accepted' AS kind, 0 AS after_ms UNION ALL SELECT 2, 'sent', 40 UNION ALL
       SELECT 3, 'taken', 300 UNION ALL SELECT 4, 'ready', 8000 UNION ALL SELECT 5, 'stored', 8900 UNION ALL
       SELECT 6, 'completed', 9000) AS steps ORDER BY n, sequence`,
    `INSERT INTO outputs (id, job_id, team_id, position, token, file_name, blob_key, content_type, size_bytes, sha256,
       width, height, created_at, retain_until)
     SELECT ${part('c')}, id, team_id, 1, id, id || '-1.jpg', 'outputs/' || id || '/1-1.jpg', 'image/jpeg', 250000, id || id,
       1024, 1024, at, at + 2592000000000
     FROM bench_rows JOIN bench_teams ON number = team WHERE n % 20 <> 7 ORDER BY n`,
    ...['hold', 'settle'].map(
      (kind) => `
     INSERT INTO transfers (id, kind, hold_id, debit_account, credit_account, amount_micro, job_id, key_id, actor, reason, created_at)
     SELECT ${kind === 'hold' ? part('d') : part('e')},
       ${kind === 'hold' ? `'hold'` : `CASE WHEN n % 20 = 7 THEN 'release' ELSE 'capture' END`},
       ${kind === 'hold' ? 'CAST(NULL AS TEXT)' : part('d')}, account_id, income, 50000, rows.id, key_id, 'engine', '${kind} of the bench', at
     FROM bench_rows AS rows JOIN bench_teams ON number = team
     CROSS JOIN (SELECT id AS income FROM accounts WHERE kind = 'usage-income' AND mode = 'live' LIMIT 1) AS other ORDER BY n`,
    ),
    `DROP TABLE bench_rows`,
    `DROP TABLE bench_teams`,
  ];
}

async function openFiller(place: { dataFolder: string; databaseUrl: string | undefined }): Promise<Filler> {
  return place.databaseUrl === undefined ? sqliteFiller(place.dataFolder) : postgresFiller(place.databaseUrl);
}

function sqliteFiller(dataFolder: string): Filler {
  const handle = new DatabaseSync(path.join(dataFolder, 'lumegate.sqlite'));
  for (const pragma of [
    'journal_mode = WAL',
    'synchronous = OFF',
    'foreign_keys = OFF',
    'cache_size = -200000',
    'temp_store = MEMORY',
  ])
    handle.exec(`PRAGMA ${pragma}`);
  return {
    exec: async (sql) => handle.exec(sql),
    idOf: {
      numbers: (count) =>
        `WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ${count}) SELECT n FROM counted`,
      id: `printf('%08x-%04x-7%03x-8000-%012x', at >> 16, at & 65535, n % 4096, n)`,
    },
    listIndexes: async () =>
      handle
        .prepare(`SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'`)
        .all()
        .map((row) => ({ name: String(row['name']), sql: String(row['sql']) })),
    // No ANALYZE: nothing of ours ever runs it on SQLite.
    settle: async () => handle.exec('PRAGMA wal_checkpoint(TRUNCATE)'),
    close: async () => handle.close(),
  };
}

async function postgresFiller(url: string): Promise<Filler> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const setting of [
    `session_replication_role = replica`,
    'synchronous_commit = off',
    `maintenance_work_mem = '256MB'`,
  ])
    await client.query(`SET ${setting}`);
  return {
    exec: async (sql) => {
      await client.query(sql);
    },
    idOf: {
      numbers: (count) => `SELECT CAST(n AS BIGINT) AS n FROM generate_series(1, ${count}) AS n`,
      id: `lpad(to_hex(at >> 16), 8, '0') || '-' || lpad(to_hex(at & 65535), 4, '0') || '-7' || lpad(to_hex(n % 4096), 3, '0')
        || '-8000-' || lpad(to_hex(n), 12, '0')`,
    },
    listIndexes: async () => {
      const { rows } = await client.query<{ name: string; sql: string }>(
        `SELECT indexname AS name, indexdef AS sql FROM pg_indexes
         WHERE schemaname = 'public' AND indexdef LIKE 'CREATE INDEX%'`,
      );
      return rows;
    },
    // What autovacuum would have done long ago, and would else do while we measure.
    settle: async () => {
      await client.query('VACUUM (ANALYZE)');
      await client.query('CHECKPOINT');
    },
    close: () => client.end(),
  };
}
