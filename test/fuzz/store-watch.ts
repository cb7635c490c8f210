import { createHash } from 'node:crypto';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import pg from 'pg';

import type { StorePlace } from '../support/server.ts';

/** A digest of all rows of each table, every column included. */
export type Snapshot = ReadonlyMap<string, string>;

/** Looks at a server's store from outside, over a connection of its own. */
export interface StoreWatch {
  /** All tables as they are now. Cheap on SQLite while nothing has been committed since the last one. */
  snapshot(): Promise<Snapshot>;
  close(): Promise<void>;
}

/** The tables that differ between two snapshots. */
export function changedTables(before: Snapshot, after: Snapshot): string[] {
  return [...after.keys()].filter((table) => before.get(table) !== after.get(table));
}

/** Opens a watch on the store that a server was started on. */
export async function watchStore({ dataFolder, databaseUrl }: StorePlace): Promise<StoreWatch> {
  return databaseUrl === null ? watchSqlite(path.join(dataFolder, 'lumegate.sqlite')) : watchPostgres(databaseUrl);
}

function watchSqlite(file: string): StoreWatch {
  const database = new DatabaseSync(file, { readOnly: true });
  const names = database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`).all();
  const tables = names.map(({ name }) => String(name));
  const readers = tables.map((table) => {
    const columns = database.prepare(`SELECT name FROM pragma_table_info('${table}')`).all();
    const row = columns.map(({ name }) => `quote("${String(name)}")`).join(` || ',' || `);
    return [
      table,
      database.prepare(`SELECT group_concat(row, ';') AS rows FROM (SELECT ${row} AS row FROM "${table}" ORDER BY 1)`),
    ] as const;
  });
  // This number changes with every commit of another connection, and with nothing else.
  const version = database.prepare('PRAGMA data_version');
  let last: { version: unknown; snapshot: Snapshot } | null = null;
  return {
    snapshot: async () => {
      const now = version.get()?.['data_version'];
      if (last?.version === now && last !== null) return last.snapshot;
      const snapshot = new Map(readers.map(([table, reader]) => [table, digest(reader.get()?.['rows'])]));
      last = { version: now, snapshot };
      return snapshot;
    },
    close: async () => database.close(),
  };
}

function digest(rows: unknown): string {
  return createHash('sha256').update(String(rows)).digest('hex');
}

async function watchPostgres(url: string): Promise<StoreWatch> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name`,
  );
  const statement = rows
    .map(
      ({ name }) =>
        `SELECT '${name}' AS name, md5(string_agg(t::text, ';' ORDER BY t::text)) AS digest FROM "${name}" t`,
    )
    .join(' UNION ALL ');
  return {
    snapshot: async () => {
      const found = await client.query<{ name: string; digest: string | null }>(statement);
      return new Map(found.rows.map((row) => [row.name, row.digest ?? 'empty']));
    },
    close: () => client.end(),
  };
}
