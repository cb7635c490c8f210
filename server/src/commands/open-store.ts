import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import type { Clock } from '../core/clock.ts';
import { idMaker, type NewId } from '../core/ids.ts';
import type { Log } from '../core/log-port.ts';
import type { Random } from '../core/random.ts';
import type { Settings } from '../core/settings.ts';
import type { Database } from '../database/database.ts';
import { migrate } from '../database/migrate.ts';
import { openPostgres } from '../database/postgres.ts';
import { openSqlite } from '../database/sqlite.ts';
import { openKeyVault, type KeyVault } from '../teams/key-vault.ts';
import { openProviderVault, type ProviderVault } from '../teams/provider-vault.ts';
import { hasKeys } from '../teams/keys.ts';
import { hasProviderKeys } from '../teams/provider-keys.ts';
import { openSecretsFolder } from '../teams/secrets-folder.ts';

/** What every command starts from. */
export interface Machine {
  settings: Settings;
  clock: Clock;
  random: Random;
  log: Log;
  /** True in the fault harness, where crash points are live. */
  isUnderTest: boolean;
}

/** The store with its schema up to date, and the secrets that belong to it. */
export interface Store {
  database: Database;
  vault: KeyVault;
  /** Secrets of providers. */
  providerVault: ProviderVault;
  newId: NewId;
}

/** Opens store and secrets, making both on the first start. The command line may do so beside a running server. */
export async function openStore(machine: Machine): Promise<Store> {
  const { settings, clock, random, log } = machine;
  const dataFolder = path.resolve(settings.dataFolder);
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const database =
    settings.databaseUrl === null
      ? openSqlite({ file: path.join(dataFolder, 'lumegate.sqlite'), clock })
      : await openPostgres({ url: settings.databaseUrl, log });
  try {
    await migrate(database);
    // Either kind is lost without its secrets, and a new pair would hide that.
    const databaseHasKeys = (await hasKeys(database)) || (await hasProviderKeys(database));
    const secrets = await openSecretsFolder({ dataFolder, random, databaseHasKeys });
    return {
      database,
      vault: openKeyVault({ ...secrets, random }),
      providerVault: openProviderVault({ ...secrets, random }),
      newId: idMaker(clock, random),
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}
