import { gatewayClient } from './gateway-client.ts';
import { BENCH_KEY, startBare, startGateway, type Target } from './processes.ts';
import type { BenchEngine } from './stores.ts';
import { compete, readContestant, type Bench, type Contestant, type Rounds } from './throughput.ts';

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
    const headers = { 'x-api-key': BENCH_KEY };
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
      contestants.push(readContestant(POLL_NAMES.gateway(engine.name), gateway, { path, headers }));
    }
    for (const stack of ['hono', 'node'] as const) {
      const bare = await startBare({ kind: 'poll', stack, bodyText });
      targets.push(bare);
      contestants.push(readContestant(POLL_NAMES[stack], bare, { path, headers }));
    }
    return await compete(bench, contestants);
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
  }
}
