import { BENCH_KEY, type Target } from './processes.ts';
import type { Bench } from './throughput.ts';

const CONNECTIONS = 16;
const SUBMIT_MS_MAX = 180_000;

/** The smallest picture that the model gives, so that the figures are the gateway’s and not the picture process’s. */
const BODY = JSON.stringify({
  model: 'flux-2-pro',
  prompt: 'a lighthouse at dusk',
  routing: { providers: ['bfl'], fallback: 'none' },
  fluxParams: { width: 256, height: 256, output_format: 'jpg' },
});

/** Submits so many jobs, as fast as the gateway takes them or at a pace; throws when it refuses one. */
export async function submitAll(bench: Bench, { port }: Target, jobs: number, perSecondMax?: number): Promise<void> {
  const { requests } = await bench.load.run({
    port,
    method: 'POST',
    path: '/v2/images/generate',
    headers: { 'x-api-key': BENCH_KEY },
    body: BODY,
    hasFreshKey: true,
    connections: CONNECTIONS,
    warmUpMs: 0,
    durationMs: SUBMIT_MS_MAX,
    requestsMax: jobs,
    ...(perSecondMax === undefined ? {} : { perSecondMax }),
    expectedStatus: 202,
  });
  if (requests !== jobs) throw new Error(`only ${requests} of ${jobs} submits were taken in ${SUBMIT_MS_MAX} ms`);
}
