import { isMigrated } from '../database/migrate.ts';
import { json, plainText, type Answer } from './gate/answer.ts';
import type { Operate } from './gate/door.ts';
import type { HttpWorld } from './world.ts';

/** A store that takes longer than this to say one word is not one to send work to. */
const CHECK_MS_MAX = 2_000;

/** `GET /healthz`: the process is alive. Asks nobody. */
export function healthz(): Operate {
  return (): Answer => json(200, { status: 'ok' });
}

/** `GET /readyz`: whether this process can take work, and what is the matter when it cannot. */
export function readyz(world: HttpWorld): Operate {
  return async (): Promise<Answer> => {
    const checks: Record<string, string> = {
      process: world.closing.aborted ? 'draining' : 'ok',
      ...(await checkStore(world)),
    };
    const isReady = Object.values(checks).every((found) => found === 'ok');
    return json(isReady ? 200 : 503, { status: isReady ? 'ready' : 'not-ready', checks });
  };
}

async function checkStore(world: HttpWorld): Promise<Record<string, string>> {
  const done = new AbortController();
  const late = world.clock.sleep(CHECK_MS_MAX, done.signal).then(() => 'late' as const);
  const asked = isMigrated(world.database).catch(() => 'failed' as const);
  const found = await Promise.race([asked, late]);
  done.abort();
  if (found === 'late') return { database: `no answer within ${CHECK_MS_MAX} ms`, migrations: 'unknown' };
  // The reason is for the log and not for the public; a fresh store has no table of migrations and fails here too.
  if (found === 'failed') return { database: 'not reachable or not set up', migrations: 'unknown' };
  return { database: 'ok', migrations: found ? 'ok' : 'pending' };
}

/** `GET /metrics`: all figures of this process for Prometheus. */
export function metrics(world: HttpWorld): Operate {
  return async (): Promise<Answer> =>
    plainText(200, await world.metrics.render(), { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
}
