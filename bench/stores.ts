import { randomUUID } from 'node:crypto';

import pg from 'pg';

/** One engine under measurement. */
export interface BenchEngine {
  name: 'SQLite' | 'PostgreSQL';
  /** Settings that give a process a store of its own on this engine. */
  newStore(): Promise<Record<string, string>>;
}

/** The engines that can be measured here, and the way to leave nothing behind. */
export interface BenchEngines {
  list: BenchEngine[];
  dispose(): Promise<void>;
}

/** SQLite always; PostgreSQL where the address of a server is given on which databases may be created. */
export function openEngines(postgresUrl: string | null): BenchEngines {
  const made: string[] = [];
  const list: BenchEngine[] = [{ name: 'SQLite', newStore: async () => ({}) }];
  if (postgresUrl !== null) {
    list.push({
      name: 'PostgreSQL',
      newStore: async () => {
        const name = `lumegate_bench_${randomUUID().replaceAll('-', '')}`;
        await onServer(postgresUrl, [`CREATE DATABASE ${name}`]);
        made.push(name);
        const url = new URL(postgresUrl);
        url.pathname = `/${name}`;
        return { DATABASE_URL: url.href };
      },
    });
  }
  return {
    list,
    dispose: async () => {
      if (postgresUrl !== null)
        await onServer(
          postgresUrl,
          made.map((name) => `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
        );
    },
  };
}

async function onServer(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
