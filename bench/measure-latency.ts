import { setTimeout as sleep } from 'node:timers/promises';

import { median, turned } from './figures.ts';
import { gatewayClient, type GatewayClient } from './gateway-client.ts';
import type { LoadOrder } from './load-client.ts';
import { startGateway, type Target } from './processes.ts';
import type { ProviderDouble, Telling } from './provider-double.ts';
import type { BenchEngine } from './stores.ts';
import type { Bench } from './throughput.ts';

/** Jobs before the first counted one: the picture process starts, code gets warm. */
const WARM_UP_JOBS = 5;
const JOBS_PER_ROUND = 20;
/** Between two jobs, so that each meets an idle gateway. */
const IDLE_MS = 20;
const LOG_MS_MAX = 5_000;
const LOG_LOOK_MS = 5;

/** What one job took, in milliseconds. */
export interface Sample {
  /** From the log line of the 202, written when the commit has answered, to the double's arrival. */
  commitToProviderMs: number;
  /** From the first byte of the caller's request to the double's arrival. */
  requestToProviderMs: number;
  /** From the 202 in the caller's hands to the answer that says COMPLETED. */
  totalMs: number;
  /** Of these, the picture process's: inspecting and marking. */
  pictureMs: number;
}

/** All samples of one engine with one way of telling. */
export interface Samples {
  engine: string;
  telling: Telling;
  samples: Sample[];
}

/** What the network and the double themselves take: the median round trip of each kind, in milliseconds. */
export interface BareTrips {
  startMs: number;
  fileMs: number;
}

const TRIP_ROUND_MS = 400;

/** The two exchanges that no gateway can do without, made by a bare client over one connection. */
export async function measureBareTrips(bench: Bench, double: ProviderDouble): Promise<BareTrips> {
  const common = {
    port: double.port,
    headers: {},
    hasFreshKey: false,
    connections: 1,
    warmUpMs: 100,
    durationMs: TRIP_ROUND_MS,
  };
  const start: LoadOrder = {
    ...common,
    method: 'POST',
    path: '/v1/generations',
    body: '{"id":"bench"}',
    expectedStatus: 201,
  };
  const file: LoadOrder = { ...common, method: 'GET', path: '/files/bench.jpg', body: null, expectedStatus: 200 };
  const trips: { startMs: number[]; fileMs: number[] } = { startMs: [], fileMs: [] };
  double.telling = 'answer';
  for (let round = 0; round < bench.rounds; round += 1) {
    trips.startMs.push((await bench.load.run(start)).p50Ms);
    trips.fileMs.push((await bench.load.run(file)).p50Ms);
  }
  return { startMs: median(trips.startMs), fileMs: median(trips.fileMs) };
}

/** One job after another on an idle gateway, against a provider that is done at once. */
export async function measureLatency(
  bench: Bench,
  options: { engines: readonly BenchEngine[]; double: ProviderDouble },
): Promise<Samples[]> {
  const { double } = options;
  const runs: (Samples & { gateway: Target })[] = [];
  const gateways: Target[] = [];
  try {
    for (const engine of options.engines) {
      const gateway = await startGateway({ ...(await engine.newStore()), LUMEGATE_PROVIDER_SANDBOX_URL: double.url });
      gateways.push(gateway);
      for (const telling of ['answer', 'callback'] as const)
        runs.push({ engine: engine.name, telling, samples: [], gateway });
    }
    for (const { gateway, telling } of runs) {
      double.telling = telling;
      for (let job = 0; job < WARM_UP_JOBS; job += 1) await runOne(gatewayClient(gateway), { gateway, double });
    }
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const { gateway, telling, samples } of turned(runs, round)) {
        double.telling = telling;
        const client = gatewayClient(gateway);
        for (let job = 0; job < JOBS_PER_ROUND; job += 1) samples.push(await runOne(client, { gateway, double }));
      }
      bench.tell(`  round ${round + 1} of ${bench.rounds}`);
    }
    return runs.map(({ engine, telling, samples }) => ({ engine, telling, samples }));
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
  }
}

async function runOne(
  client: GatewayClient,
  { gateway, double }: { gateway: Target; double: ProviderDouble },
): Promise<Sample> {
  await sleep(IDLE_MS);
  const loggedBefore = gateway.log().length;
  const arriving = double.nextArrival();
  const sentMs = performance.now();
  const jobId = await client.submit();
  const acceptedMs = performance.now();
  await client.untilCompleted(jobId);
  const completedMs = performance.now();
  const arrival = await arriving;
  const log = await logOf(gateway, { from: loggedBefore, jobId });
  return {
    commitToProviderMs: arrival.at - committedAt(log, jobId),
    requestToProviderMs: arrival.ms - sentMs,
    totalMs: completedMs - acceptedMs,
    pictureMs: pictureMs(log),
  };
}

/** The gateway writes its lines a few milliseconds late; the last one of a job is that its run has ended. */
async function logOf(gateway: Target, job: { from: number; jobId: string }): Promise<string> {
  const untilMs = performance.now() + LOG_MS_MAX;
  while (performance.now() < untilMs) {
    const log = gateway.log().slice(job.from);
    if (log.includes(`"event":"job.run","jobId":"${job.jobId}"`)) return log;
    await sleep(LOG_LOOK_MS);
  }
  throw new Error('the log does not tell the end of the job');
}

function committedAt(log: string, jobId: string): number {
  const line = log.split('\n').find((text) => text.includes('"status":202') && text.includes(jobId));
  const at = /"at":"([^"]+)"/.exec(line ?? '')?.[1];
  if (at === undefined) throw new Error('the log does not tell when the job was answered');
  return Date.parse(at);
}

/** The gateway logs each task of its picture process with its duration; only one job runs at a time. */
function pictureMs(log: string): number {
  const tasks = [...log.matchAll(/"event":"media\.task_done".*?"durationMs":(\d+)/g)];
  if (tasks.length === 0) throw new Error('the log tells nothing of picture work');
  return tasks.reduce((sum, [, durationMs]) => sum + Number(durationMs), 0);
}
