import { gatewayClient } from './gateway-client.ts';
import type { LoadOrder } from './load-client.ts';
import { BENCH_KEY, startBare, startGateway, type Target } from './processes.ts';
import type { BenchEngine } from './stores.ts';
import { compete, type Bench, type Contestant, type Rounds } from './throughput.ts';

const CONNECTIONS = 32;
const WARM_UP_MS = 400;
const ROUND_MS = 1_500;

/** The names of the baselines in the report. */
export const POLL_NAMES = {
  hono: 'bare Hono',
  node: 'bare node:http',
  gateway: (engine: string) => `gateway on ${engine}`,
} as const;

/** Polls of a completed job: the gateway on each engine beside bare handlers that answer the same bytes. */
export async function measurePoll(
  bench: Bench,
  options: { engines: readonly BenchEngine[]; providerUrl: string },
): Promise<Rounds[]> {
  const targets: Target[] = [];
  const contestants: Contestant[] = [];
  try {
    let path = '';
    let bodyText = '';
    for (const engine of options.engines) {
      const gateway = await startGateway({
        ...(await engine.newStore()),
        LUMEGATE_PROVIDER_SANDBOX_URL: options.providerUrl,
      });
      targets.push(gateway);
      const client = gatewayClient(gateway);
      const jobId = await client.submit();
      await client.untilCompleted(jobId);
      bodyText = await client.readJobText(jobId);
      path = `/v2/jobs/${jobId}`;
      contestants.push(contestant(POLL_NAMES.gateway(engine.name), gateway, path));
    }
    for (const stack of ['hono', 'node'] as const) {
      const bare = await startBare({ kind: 'poll', stack, bodyText });
      targets.push(bare);
      contestants.push(contestant(POLL_NAMES[stack], bare, path));
    }
    return await compete(bench, contestants);
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
  }
}

function contestant(name: string, target: Target, path: string): Contestant {
  const order: LoadOrder = {
    port: target.port,
    method: 'GET',
    path,
    headers: { 'x-api-key': BENCH_KEY },
    body: null,
    hasFreshKey: false,
    connections: CONNECTIONS,
    warmUpMs: WARM_UP_MS,
    durationMs: ROUND_MS,
    expectedStatus: 200,
  };
  return { name, pid: target.pid, order };
}
