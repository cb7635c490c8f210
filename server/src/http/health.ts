import { isMigrated } from '../database/migrate.ts';
import type { KeyCard } from '../teams/provider-key-ring.ts';
import type { ProvidersPort } from './providers-port.ts';
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
    // A provider that refuses us says nothing about this process, which serves what it can.
    const warnings = { providers: refusedProviders(world.providers.keys) };
    return json(isReady ? 200 : 503, { status: isReady ? 'ready' : 'not-ready', checks, warnings });
  };
}

/** Providers whose every key of the operator's is refused or out of money; nothing of what they said, and no key. */
function refusedProviders(keys: ProvidersPort['keys']): string {
  const own = keys.cards().filter(({ teamId, state }) => teamId === null && state !== 'no-address');
  const isRefused = ({ state }: KeyCard): boolean => state === 'unauthorized' || state === 'quota';
  const refused = [...Map.groupBy(own, ({ provider }) => provider)].filter(([, cards]) => cards.every(isRefused));
  if (refused.length === 0) return 'ok';
  return refused.map(([provider]) => `${provider}: every key is refused or out of money`).join('; ');
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
