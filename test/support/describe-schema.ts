import type { Database, Row } from '../../server/src/database/database.ts';

/** The schema of a store as text, in an order that does not depend on how it came about. */
export async function describeSchema(database: Database): Promise<string> {
  const lines = database.engine === 'sqlite' ? await describeSqlite(database) : await describePostgres(database);
  const head = `-- The schema that the migrations make on ${database.engine}. Written by scripts/dump-schema.ts; a test compares.`;
  return `${[head, ...lines].join('\n\n')}\n`;
}

async function describeSqlite(database: Database): Promise<string[]> {
  const rows = await database.query<Row & { sql: string }>(
    `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY tbl_name, CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, name`,
  );
  return rows.map((row) => `${row.sql.trim()};`);
}

/** Each of these returns one text for each thing, in a fixed order; NOT NULL is told with its column. */
const POSTGRES_PARTS = [
  `SELECT 'CREATE TABLE ' || c.relname || E' (\\n  ' || string_agg(
      a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || COALESCE(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')
        || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
      E',\\n  ' ORDER BY a.attnum) || E'\\n);' AS sql
   FROM pg_class c
   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
   WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
   GROUP BY c.relname ORDER BY c.relname COLLATE "C"`,
  `SELECT 'ALTER TABLE ' || conrelid::regclass || ' ADD CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid) || ';' AS sql
   FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'p', 'u')
   ORDER BY conrelid::regclass::text COLLATE "C", conname COLLATE "C"`,
  `SELECT indexdef || ';' AS sql FROM pg_indexes
   WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)
   ORDER BY indexname COLLATE "C"`,
  `SELECT trim(pg_get_functiondef(oid)) || ';' AS sql FROM pg_proc
   WHERE pronamespace = 'public'::regnamespace ORDER BY proname COLLATE "C"`,
  `SELECT pg_get_triggerdef(oid) || ';' AS sql FROM pg_trigger
   WHERE NOT tgisinternal ORDER BY tgname COLLATE "C", tgrelid::regclass::text COLLATE "C"`,
];

async function describePostgres(database: Database): Promise<string[]> {
  const lines: string[] = [];
  for (const part of POSTGRES_PARTS) {
    for (const row of await database.query<Row & { sql: string }>(part)) lines.push(row.sql);
  }
  return lines;
}
