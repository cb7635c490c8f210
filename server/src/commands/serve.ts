import type { ReachCrashPoint } from '../core/crash-point.ts';
import { firstStart, type FirstKeys } from './first-start.ts';
import { openStore, type Machine } from './open-store.ts';
import type { Output } from './output.ts';
import { runServer } from './run-server.ts';

/** What a command is handed: the machine, where to write, and how it learns that it shall stop. */
export interface CommandWorld {
  machine: Machine;
  output: Output;
  /** Resolves at SIGINT or SIGTERM, which end a command that never asks at once. */
  stopped: () => Promise<void>;
  reachCrashPoint: ReachCrashPoint;
  version: string;
}

/** `lumegate serve`: the server alone, until it is told to stop. */
export async function serve(world: CommandWorld): Promise<void> {
  const { machine, output } = world;
  const store = await openStore(machine);
  try {
    const stopped = world.stopped();
    const keys = await firstStart(machine, store);
    const server = await runServer(machine, store, world);
    greet(output, server.publicUrl, keys);
    await stopped;
    output.tell('Stopping: finishing what is under way.');
    await server.close();
  } finally {
    await store.database.close();
  }
}

function greet(output: Output, url: string, keys: FirstKeys | null): void {
  const key = keys?.live ?? '$LUMEGATE_API_KEY';
  output.tell('');
  output.tell(`  Lumegate is running at ${url}`);
  output.tell('');
  if (keys === null) {
    output.tell('  Your keys were shown at the first start. A further one:');
    output.tell('  export LUMEGATE_API_KEY=$(npm run -s lumegate -- key create)');
  } else {
    output.tell(`  Your API key (shown only now):  ${keys.live}`);
    output.tell(`  A test key, sandbox only:       ${keys.test}`);
  }
  output.tell('');
  output.tell('  A first picture:');
  output.tell('');
  output.tell(
    `curl -s -X POST ${url}/v2/images/generate -H "X-API-Key: ${key}" -H "Content-Type: application/json" -d '{"model":"flux-1.1-pro","prompt":"a sleek silver sports car on a coastal highway at sunset, hyper-realistic"}'`,
  );
  output.tell('');
}
