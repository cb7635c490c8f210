import path from 'node:path';

import { z } from 'zod';

import { insertKey, revokeKey } from '../teams/keys.ts';
import { listTeams, listUsers } from '../teams/teams.ts';
import { firstStart } from './first-start.ts';
import { openStore, type Machine, type Store } from './open-store.ts';
import { CommandProblem, type Output } from './output.ts';
import { runServer } from './run-server.ts';
import type { CommandWorld } from './serve.ts';

/** A server that is there answers at once. */
const ALIVE_MS_MAX = 1_000;
/** A key that nobody revokes, as its process was killed, ends by itself. */
const KEY_MS = 12 * 3_600_000;

/** A gateway to talk to, and the key to do it with. */
export interface OpenGateway {
  url: string;
  key: string;
  close(): Promise<void>;
}

/**
 * The server of this data folder when it runs, else one that is started for as long as it is needed. `purpose` names
 * the key that is made for it and revoked at the end.
 */
export async function openGateway(world: CommandWorld, purpose: string): Promise<OpenGateway> {
  const { machine, output } = world;
  const { host, port, publicUrl } = machine.settings;
  const url = publicUrl ?? `http://${host}:${port}`;
  if (await isRunning(url)) {
    output.say(`Using the Lumegate that runs at ${url}.`);
    const store = await openStore(machine);
    const key = await makeKey(machine, store, purpose);
    const close = async (): Promise<void> => {
      await revokeKey(store.database, { keyId: key.id, now: machine.clock.now() });
      await store.database.close();
    };
    return { url, key: key.text, close };
  }
  const store = await openStore(machine);
  const first = await firstStart(machine, store);
  // Any free port: another program may have the configured one, and nobody but this command will call.
  const own: Machine = { ...machine, settings: { ...machine.settings, port: 0, host: '127.0.0.1', publicUrl: null } };
  const server = await runServer(own, store, world);
  output.say(
    `Started Lumegate at ${server.publicUrl} for this (data in ${path.resolve(machine.settings.dataFolder)}).`,
  );
  if (first !== null) tellKeys(output, first);
  const made = first === null ? await makeKey(machine, store, purpose) : null;
  return {
    url: server.publicUrl,
    key: first?.live ?? made?.text ?? '',
    close: async () => {
      await server.close();
      if (made !== null) await revokeKey(store.database, { keyId: made.id, now: machine.clock.now() });
      await store.database.close();
    },
  };
}

function tellKeys(output: Output, keys: { live: string; test: string }): void {
  output.say();
  output.say('Your keys, shown only now:');
  output.say(`  live  ${keys.live}`);
  output.say(`  test  ${keys.test}   (sandbox only)`);
  output.say();
}

async function isRunning(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/v2/openapi.json`, { signal: AbortSignal.timeout(ALIVE_MS_MAX) });
    const body: unknown = await response.json();
    const title = z.object({ info: z.object({ title: z.string() }) }).safeParse(body);
    return title.success && title.data.info.title.includes('Lumegate');
  } catch {
    // Nobody listens there, or somebody else does.
    return false;
  }
}

/** The keys of a store were told at its first start: this command makes one for itself and revokes it afterwards. */
async function makeKey(machine: Machine, store: Store, purpose: string): Promise<{ id: string; text: string }> {
  const [team] = await listTeams(store.database);
  const [owner] = team === undefined ? [] : await listUsers(store.database, team.id);
  if (team === undefined || owner === undefined) {
    throw new CommandProblem('The running Lumegate keeps its data elsewhere. Set LUMEGATE_DATA_DIR to its folder.');
  }
  const made = await store.database.transaction((tx) =>
    insertKey(tx, {
      newId: store.newId,
      now: machine.clock.now(),
      random: machine.random,
      vault: store.vault,
      teamId: team.id,
      userId: owner.id,
      name: purpose,
      mode: 'live',
      maxConcurrentJobs: null,
      expiresAt: machine.clock.now() + KEY_MS,
    }),
  );
  return { id: made.key.id, text: made.text };
}
