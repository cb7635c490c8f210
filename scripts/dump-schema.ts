/** Writes the schema that all migrations together make, one file for each engine, beside the migrations. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { engines } from '../test/support/engines.ts';
import { describeSchema } from '../test/support/describe-schema.ts';
import { startPrivatePostgres } from './private-postgres.ts';

const folder = path.join(import.meta.dirname, '..', 'server', 'src', 'database');

const given = process.env['LUMEGATE_TEST_POSTGRES'];
const postgres = given === undefined ? await startPrivatePostgres() : null;
if (postgres !== null && 'server' in postgres) process.env['LUMEGATE_TEST_POSTGRES'] = postgres.server.url;
try {
  for (const engine of engines()) {
    if (engine.skip !== false)
      throw new Error(`${engine.name}: ${postgres !== null && 'reason' in postgres ? postgres.reason : engine.skip}`);
    const store = await engine.open();
    const file = path.join(folder, `schema.${engine.name}.sql`);
    writeFileSync(file, await describeSchema(store.database));
    await store.dispose();
    process.stdout.write(`${path.relative(process.cwd(), file)}\n`);
  }
} finally {
  if (postgres !== null && 'server' in postgres) await postgres.server.stop();
}
