import type { Database } from './database.ts';
import { foundation } from './migrations/0001-foundation.ts';
import { providers } from './migrations/0002-providers.ts';
import { media } from './migrations/0003-media.ts';
import { loras } from './migrations/0004-loras.ts';
import { measuredTimes } from './migrations/0005-measured-times.ts';

/** All migrations, in order. Forward only; one that has been released is never edited. */
export const MIGRATIONS = [foundation, providers, media, loras, measuredTimes] as const;

/** Brings the schema up to date; several processes may call it at once. Returns the names it applied. */
export async function migrate(database: Database): Promise<string[]> {
  await database.transaction(async (tx) => {
    await tx.query('CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)');
  });
  const applied: string[] = [];
  for (const migration of MIGRATIONS) {
    const fresh = await database.transaction(async (tx) => {
      await tx.lock('migrations');
      const done = await tx.query('SELECT name FROM migrations WHERE name = $1', [migration.name]);
      if (done.length > 0) return false;
      for (const statement of statements(migration.common, migration[database.engine])) await tx.query(statement);
      await tx.query('INSERT INTO migrations (name, applied_at) VALUES ($1, lumegate_now())', [migration.name]);
      return true;
    });
    if (fresh) applied.push(migration.name);
  }
  return applied;
}

/** True when every migration has been applied. */
export async function isMigrated(database: Database): Promise<boolean> {
  const rows = await database.query<{ name: string }>('SELECT name FROM migrations');
  const names = new Set(rows.map((row) => row.name));
  return MIGRATIONS.every((migration) => names.has(migration.name));
}

/** Splits at semicolons that end a line, outside of BEGIN … END bodies and of $$ … $$. */
function statements(...texts: string[]): string[] {
  return texts
    .flatMap((text) => text.split(/;\n(?!BEGIN)/))
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
