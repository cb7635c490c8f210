import { systemClock } from '../server/src/core/clock.ts';
import type { Database } from '../server/src/database/database.ts';
import { claimJobs } from '../server/src/jobs/claim.ts';
import { registerWorker, retireWorker } from '../server/src/jobs/workers.ts';
import type { JobsWorld } from '../server/src/jobs/world.ts';
import { fillStore, type FillOrder } from './fill-store.ts';
import { turned } from './figures.ts';
import { gatewayClient } from './gateway-client.ts';
import type { LoadOrder } from './load-client.ts';
import { BENCH_KEY, startGateway, type Target } from './processes.ts';
import { openStoreOf } from './read-store.ts';
import type { BenchEngine } from './stores.ts';
import { compete, type Bench, type Rounds } from './throughput.ts';

/** The two contestants. Empty is not quite: a page of a list must be there, so that both answer the same. */
export const TABLE_NAMES = { empty: 'empty table', full: 'full table' } as const;
export const TABLE_OPERATIONS = ['submit', 'poll', 'list', 'claim'] as const;
export type TableOperation = (typeof TABLE_OPERATIONS)[number];

/** What one operation does on both tables. */
export interface TableRounds {
  engine: string;
  operation: TableOperation;
  rounds: Rounds[];
}

export const FULL_ORDER: FillOrder = { jobs: 1_000_000, teams: 200 };
const EMPTY_ORDER: FillOrder = { jobs: 250, teams: 5 };
const WARM_UP_MS = 300;
const ROUND_MS = 2_000;
/** Jobs that wait on each table before the first claim. */
const WAITING = 1_000;
const CLAIM_LIMIT = 64;
const CLAIMS_PER_ROUND = 12;

interface Table {
  name: string;
  gateway: Target;
  store: Database;
  jobId: string;
}

/** Submit, poll, list and claim on a table of a million ended jobs beside the same on a fresh one. */
export async function measureTable(
  bench: Bench,
  engine: BenchEngine,
  full: FillOrder = FULL_ORDER,
): Promise<TableRounds[]> {
  const tables: Table[] = [];
  try {
    tables.push(await openTable(bench, { engine, name: TABLE_NAMES.empty, order: EMPTY_ORDER }));
    tables.push(await openTable(bench, { engine, name: TABLE_NAMES.full, order: full }));
    const results: TableRounds[] = [];
    for (const operation of TABLE_OPERATIONS) {
      bench.tell(`  ${operation}`);
      const rounds =
        operation === 'claim'
          ? await competeInClaims(bench, tables)
          : await compete(
              bench,
              tables.map((table) => ({ name: table.name, pid: table.gateway.pid, order: orderFor(operation, table) })),
            );
      results.push({ engine: engine.name, operation, rounds });
    }
    return results;
  } finally {
    for (const { gateway, store } of tables) {
      await store.close();
      await gateway.stop();
    }
  }
}

async function openTable(
  bench: Bench,
  { engine, name, order }: { engine: BenchEngine; name: string; order: FillOrder },
): Promise<Table> {
  // The role `api` alone: nobody runs the jobs that are submitted.
  const settings: Record<string, string> = { ...(await engine.newStore()), LUMEGATE_ROLES: 'api' };
  const gateway = await startGateway(settings);
  const place = { dataFolder: gateway.dataFolder, databaseUrl: settings['DATABASE_URL'] };
  try {
    const jobId = await gatewayClient(gateway).submit();
    const startedMs = performance.now();
    await fillStore(place, order);
    bench.tell(`  ${order.jobs} jobs filled in within ${Math.round((performance.now() - startedMs) / 1000)} s`);
    return { name, gateway, jobId, store: await openStoreOf(place) };
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}

function orderFor(operation: Exclude<TableOperation, 'claim'>, { gateway, jobId }: Table): LoadOrder {
  const common = {
    port: gateway.port,
    headers: { 'x-api-key': BENCH_KEY },
    hasFreshKey: false,
    body: null,
    connections: 32,
    warmUpMs: WARM_UP_MS,
    durationMs: ROUND_MS,
    expectedStatus: 200,
  };
  switch (operation) {
    case 'submit':
      return {
        ...common,
        method: 'POST',
        path: '/v2/images/generate',
        hasFreshKey: true,
        body: SUBMIT_BODY,
        expectedStatus: 202,
      };
    case 'poll':
      return { ...common, method: 'GET', path: `/v2/jobs/${jobId}` };
    case 'list':
      return { ...common, method: 'GET', path: '/v2/jobs?limit=20&status=COMPLETED' };
  }
}

const SUBMIT_BODY = JSON.stringify({
  model: 'flux-1.1-pro',
  prompt: 'a lighthouse at dusk',
  fluxParams: { output_format: 'jpg', seed: 42 },
});

/** The statements of a claim, without a gateway around them; what was claimed is put back. */
async function competeInClaims(bench: Bench, tables: readonly Table[]): Promise<Rounds[]> {
  const all = tables.map(({ name }): Rounds => ({
    name,
    perSecond: [],
    p50Ms: [],
    p99Ms: [],
    cpuUs: [],
    generatorLoad: [],
  }));
  for (let round = -1; round < bench.rounds; round += 1) {
    for (const table of turned(tables, Math.max(0, round))) {
      const takenMs = await claimRound(table);
      const rounds = all.find(({ name }) => name === table.name);
      // The first go of each is not counted: statements are prepared, pages are read.
      if (round < 0 || rounds === undefined) continue;
      const sorted = takenMs.toSorted((a, b) => a - b);
      rounds.p50Ms.push(sorted[Math.floor(sorted.length / 2)] ?? Number.NaN);
      rounds.p99Ms.push(sorted.at(-1) ?? Number.NaN);
      rounds.perSecond.push((1000 * takenMs.length * CLAIM_LIMIT) / takenMs.reduce((sum, ms) => sum + ms, 0));
      rounds.generatorLoad.push(0);
    }
  }
  return all;
}

const PUT_BACK = `UPDATE jobs SET status = 'QUEUED', lease_owner = NULL, provider = NULL, provider_key = NULL, started_at = NULL WHERE status = 'PROCESSING' AND lease_owner = $1`;

async function claimRound({ store, gateway }: Table): Promise<number[]> {
  const workerId = `bench:${gateway.pid}:${Math.round(performance.now())}`;
  await registerWorker(store, workerId);
  const world = claimWorld(store);
  const takenMs: number[] = [];
  for (let count = 0; count < CLAIMS_PER_ROUND; count += 1) {
    const startedMs = performance.now();
    const leases = await claimJobs(world, { workerId, limit: CLAIM_LIMIT });
    takenMs.push(performance.now() - startedMs);
    if (leases.length < CLAIM_LIMIT)
      throw new Error(`a claim found ${leases.length} jobs: at least ${WAITING} should wait`);
  }
  await store.transaction((tx) => tx.query(PUT_BACK, [workerId]));
  await retireWorker(store, workerId);
  return takenMs;
}

function claimWorld(database: Database): JobsWorld {
  const key = { id: 'bench', maxInFlight: Number.MAX_SAFE_INTEGER };
  const world = {
    database,
    clock: systemClock(),
    catalog: { findModel: () => ({ routes: [{ provider: 'sandbox', upstreamModel: 'bench' }] }) },
    health: { waitMs: () => 0 },
    keys: { usable: () => [key], configured: () => new Set(['sandbox']), problems: () => [] },
  };
  // Safe: a claim asks nothing else of its world.
  return world as unknown as JobsWorld;
}
