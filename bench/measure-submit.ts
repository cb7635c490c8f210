import type { LoadOrder } from './load-client.ts';
import { BENCH_KEY, startBare, startGateway, type Target } from './processes.ts';
import type { BenchEngine } from './stores.ts';
import { compete, type Bench, type Contestant, type Rounds } from './throughput.ts';

const CONNECTIONS = 64;
const WARM_UP_MS = 400;
const ROUND_MS = 2_000;

/** The founding request, without its picture prompt: that would measure a look-up of a name. */
const BODY = JSON.stringify({
  model: 'flux-1.1-pro',
  prompt: 'a sleek silver sports car on a coastal highway at sunset, hyper-realistic',
  fluxParams: { aspect_ratio: '16:9', output_format: 'png', seed: 42 },
});

/** The names by which the report knows the contestants. */
export const SUBMIT_NAMES = {
  gateway: 'gateway',
  plain: 'bare, plain commits',
  grouped: 'bare, through our store',
} as const;

/** Submits over HTTP: the gateway beside bare handlers that commit the same rows, all on one engine. */
export async function measureSubmit(bench: Bench, engine: BenchEngine): Promise<Rounds[]> {
  const targets: Target[] = [];
  const started = async (target: Promise<Target>): Promise<Target> => {
    targets.push(await target);
    return target;
  };
  try {
    // The role `api` alone: what jobs cost after they are accepted is no part of accepting them.
    const gateway = await started(startGateway({ ...(await engine.newStore()), LUMEGATE_ROLES: 'api' }));
    const plain = await started(startBare({ kind: 'submit', commits: 'plain' }, await engine.newStore()));
    const grouped = await started(startBare({ kind: 'submit', commits: 'grouped' }, await engine.newStore()));
    return await compete(bench, [
      contestant(SUBMIT_NAMES.gateway, gateway),
      contestant(SUBMIT_NAMES.plain, plain),
      contestant(SUBMIT_NAMES.grouped, grouped),
    ]);
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
  }
}

function contestant(name: string, target: Target): Contestant {
  const order: LoadOrder = {
    port: target.port,
    method: 'POST',
    path: '/v2/images/generate',
    headers: { 'x-api-key': BENCH_KEY },
    body: BODY,
    hasFreshKey: true,
    connections: CONNECTIONS,
    warmUpMs: WARM_UP_MS,
    durationMs: ROUND_MS,
    expectedStatus: 202,
  };
  return { name, pid: target.pid, order };
}
