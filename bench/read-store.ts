import path from 'node:path';

import { systemClock } from '../server/src/core/clock.ts';
import type { Database } from '../server/src/database/database.ts';
import { openPostgres } from '../server/src/database/postgres.ts';
import { openSqlite } from '../server/src/database/sqlite.ts';

const log = { info: () => {}, warn: () => {}, error: () => {} };

/** Opens the store of a gateway beside it; a database of PostgreSQL by its URL, else the file in the data folder. */
export async function openStoreOf(place: { dataFolder: string; databaseUrl: string | undefined }): Promise<Database> {
  if (place.databaseUrl !== undefined) return openPostgres({ url: place.databaseUrl, log });
  return openSqlite({ file: path.join(place.dataFolder, 'lumegate.sqlite'), clock: systemClock() });
}
