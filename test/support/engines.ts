import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import { systemClock, type Clock } from '../../server/src/core/clock.ts';
import type { Log } from '../../server/src/core/log-port.ts';
import type { Database } from '../../server/src/database/database.ts';
import { migrate } from '../../server/src/database/migrate.ts';
import { openPostgres } from '../../server/src/database/postgres.ts';
import { openSqlite } from '../../server/src/database/sqlite.ts';

/** A fresh migrated store of one test; `dispose` closes it and leaves nothing behind. */
export interface OpenStore {
  database: Database;
  dispose(): Promise<void>;
}

/** One engine that a shared suite runs against. */
export interface Engine {
  name: 'sqlite' | 'postgres';
  /** Why this engine cannot be tested here, or false; hand it to `describe` as it is. */
  skip: string | false;
  /** The clock is the store's own on SQLite; PostgreSQL always uses that of its server. */
  open(options?: { clock?: Clock }): Promise<OpenStore>;
}

const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };

/** Both engines, in the form `for (const engine of engines()) describe(engine.name, { skip: engine.skip }, …)`. */
export function engines(): Engine[] {
  const url = process.env['LUMEGATE_TEST_POSTGRES'];
  return [
    { name: 'sqlite', skip: false, open: ({ clock = systemClock() } = {}) => openSqliteStore(clock) },
    {
      name: 'postgres',
      skip: url === undefined ? 'LUMEGATE_TEST_POSTGRES names no PostgreSQL server' : false,
      open: () => openPostgresStore(url ?? ''),
    },
  ];
}

async function openSqliteStore(clock: Clock): Promise<OpenStore> {
  const folder = await mkdtemp(join(tmpdir(), 'lumegate-test-'));
  const database = openSqlite({ file: join(folder, 'lumegate.db'), clock });
  await migrate(database);
  return {
    database,
    dispose: async () => {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function openPostgresStore(server: string): Promise<OpenStore> {
  const name = `lumegate_test_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  const database = await openPostgres({ url: url.href, log: silentLog });
  await migrate(database);
  return {
    database,
    dispose: async () => {
      await database.close();
      await onServer(server, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function onServer(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
