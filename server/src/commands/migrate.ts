import { openStore } from './open-store.ts';
import type { CommandWorld } from './serve.ts';

/** `lumegate migrate`: brings the schema up to date and says so. Safe to run at any time and more than once. */
export async function migrateStore({ machine, output }: CommandWorld): Promise<void> {
  const store = await openStore(machine);
  await store.database.close();
  output.say('The store is up to date.');
}
