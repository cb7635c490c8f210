import { setTimeout as sleep } from 'node:timers/promises';

import type { Database, Row } from '../server/src/database/database.ts';
import { readLedger } from '../server/src/doubles/ledger.ts';
import { cpuMs, memoryOf } from './machine.ts';
import { freePort, startDoubles, startGateway, type Doubles, type Target } from './processes.ts';
import { openStoreOf } from './read-store.ts';
import type { BenchEngine } from './stores.ts';
import { submitAll } from './submit-all.ts';
import type { Bench } from './throughput.ts';

/** How the end of a generation is told; with `poll` every callback goes to a closed port. */
export type Telling = 'poll' | 'callback';

/** The generations of one run. */
export interface ScaleOrder {
  jobs: number;
  /** What each generation takes at the double. */
  durationMs: number;
  /** Submits in a second. As jobs are bought, so they end: this is the pace of the ends too. */
  perSecond: number;
}

/** One gateway process under many jobs at once. */
export interface ScaleResult {
  engine: string;
  telling: Telling;
  order: ScaleOrder;
  completed: number;
  /** Purchases in the double’s ledger. */
  purchases: number;
  /** Most generations under way at the double, and most jobs carried by the gateway, at one moment. */
  generationsMax: number;
  carriedMax: number;
  /** Of the gateway’s own process, highest ever; NaN where the system does not tell. */
  peakBytes: number;
  idleBytes: number;
  /** From the double’s end of a generation to the job’s event `ready`. */
  lagMs: number[];
  /** From the first submit to the last start at the double, and to the last job’s end. */
  startedMs: number;
  endedMs: number;
  /** Processor time of the gateway for one job. */
  cpuMsPerJob: number;
  requestsPerJob: number;
}

/** The slowest pace at which the last one is bought before the first one ends: all are under way at once. */
export const SCALE_ORDER: ScaleOrder = { jobs: 10_000, durationMs: 30_000, perSecond: 350 };
/** Nobody listens on the discard port: every callback is refused at once. */
const NOWHERE = 'http://127.0.0.1:9';
/** Beyond this the run has failed. */
const END_MS_MAX = 300_000;
const LOOK_MS = 500;

/** Submits at the pace of the order, and waits until all have ended. */
export async function measureScale(
  bench: Bench,
  options: { engine: BenchEngine; telling: Telling; order: ScaleOrder },
): Promise<ScaleResult> {
  const { engine, telling, order } = options;
  const doubles = await startDoubles('bfl', { durationMs: order.durationMs });
  const settings: Record<string, string> = {
    ...(await engine.newStore()),
    ...doubles.settings,
    LUMEGATE_PROVIDER_BFL_MAX_IN_FLIGHT: '100000',
    LUMEGATE_TEAM_CONCURRENCY: '100000',
    ...(telling === 'poll' ? { LUMEGATE_PUBLIC_URL: NOWHERE, PORT: String(await freePort()) } : {}),
  };
  let gateway: Target | null = null;
  let store: Database | null = null;
  try {
    gateway = await startGateway(settings, { nodeFlags: nodeFlags() });
    store = await openStoreOf({ dataFolder: gateway.dataFolder, databaseUrl: settings['DATABASE_URL'] });
    return { engine: engine.name, telling, order, ...(await run(bench, { gateway, doubles, store, order })) };
  } finally {
    await store?.close();
    await gateway?.stop();
    await doubles.stop();
  }
}

/** For a look with a profiler: `LUMEGATE_BENCH_NODE_FLAGS="--cpu-prof --cpu-prof-dir=…"`. */
function nodeFlags(): string[] {
  return (process.env['LUMEGATE_BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
}

type Figures = Omit<ScaleResult, 'engine' | 'telling' | 'order'>;

interface World {
  gateway: Target;
  doubles: Doubles;
  store: Database;
  order: ScaleOrder;
}

async function run(bench: Bench, world: World): Promise<Figures> {
  const { gateway, doubles, store, order } = world;
  const idleBytes = memoryOf(gateway.pid)?.residentBytes ?? Number.NaN;
  const beforeMs = cpuMs(gateway.pid);
  const startedAt = Date.now();
  const most = { generations: 0, carried: 0 };
  const [seen] = await Promise.all([
    untilEnded(bench, { ...world, most }),
    submitAll(bench, gateway, order.jobs, order.perSecond),
  ]);
  const ledger = await readLedger(doubles.ledgerFile);
  const boughtAt = new Map(ledger.map((purchase) => [purchase.id, Date.parse(purchase.at)]));
  const ends = await store.query<EndRow>(ENDS);
  const afterMs = cpuMs(gateway.pid);
  return {
    completed: seen.completed,
    purchases: ledger.length,
    generationsMax: most.generations,
    carriedMax: most.carried,
    idleBytes,
    peakBytes: memoryOf(gateway.pid)?.peakBytes ?? Number.NaN,
    lagMs: ends.map(({ upstream_id: id, ready_at: at }) => at - ((boughtAt.get(id) ?? Number.NaN) + order.durationMs)),
    startedMs: Math.max(...boughtAt.values()) - startedAt,
    endedMs: Math.max(...ends.map((row) => row.completed_at)) - startedAt,
    cpuMsPerJob: beforeMs === null || afterMs === null ? Number.NaN : (afterMs - beforeMs) / order.jobs,
    requestsPerJob: (await stateOf(doubles)).requests / order.jobs,
  };
}

interface EndRow extends Row {
  upstream_id: string;
  ready_at: number;
  completed_at: number;
}

const ENDS = `
SELECT attempts.upstream_id, job_events.at AS ready_at, jobs.completed_at FROM jobs
JOIN attempts ON attempts.job_id = jobs.id AND attempts.upstream_id IS NOT NULL
JOIN job_events ON job_events.job_id = jobs.id AND job_events.kind = 'ready'`;

const STATES = `SELECT status, COUNT(*) AS jobs FROM jobs GROUP BY status`;

async function untilEnded(
  bench: Bench,
  { gateway, doubles, store, order, most }: World & { most: { generations: number; carried: number } },
): Promise<{ completed: number }> {
  const untilMs = performance.now() + END_MS_MAX;
  for (let looks = 0; performance.now() < untilMs; looks += 1) {
    const counts = new Map<string, number>();
    for (const row of await store.query<Row & { status: string; jobs: number }>(STATES))
      counts.set(row.status, row.jobs);
    const of = (status: string): number => counts.get(status) ?? 0;
    const state = await stateOf(doubles);
    most.generations = Math.max(most.generations, state.inFlight);
    most.carried = Math.max(most.carried, of('PROCESSING'));
    if (looks % 20 === 0)
      bench.tell(
        `  waiting ${of('QUEUED')}, carried ${of('PROCESSING')}, at the double ${state.inFlight}, completed ${of('COMPLETED')}, ${Math.round((memoryOf(gateway.pid)?.residentBytes ?? Number.NaN) / 2 ** 20)} MiB`,
      );
    if (of('COMPLETED') + of('FAILED') + of('CANCELLED') === order.jobs) return { completed: of('COMPLETED') };
    await sleep(LOOK_MS);
  }
  throw new Error(`${order.jobs} jobs had not ended within ${END_MS_MAX} ms`);
}

async function stateOf({ url }: Doubles): Promise<{ inFlight: number; requests: number }> {
  const response = await fetch(`${url}/__double/state`);
  // Safe: what `GET /__double/state` answers.
  return (await response.json()) as { inFlight: number; requests: number };
}
