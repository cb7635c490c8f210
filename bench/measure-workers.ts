import { setTimeout as sleep } from 'node:timers/promises';

import type { Database, Row } from '../server/src/database/database.ts';
import { readLedger } from '../server/src/doubles/ledger.ts';
import { freePort, startDoubles, startGateway, type Doubles, type Target } from './processes.ts';
import { openStoreOf } from './read-store.ts';
import { submitAll } from './submit-all.ts';
import type { BenchEngine } from './stores.ts';
import type { Bench } from './throughput.ts';

/** Two workers over one database, one of which is killed when half of the jobs have ended. */
export interface WorkersResult {
  jobs: number;
  completed: number;
  failed: number;
  purchases: number;
  /** Jobs that were bought more than once. */
  boughtTwice: number;
  /** Jobs that had ended when one of the two was killed. */
  endedAtKill: number;
  /** What the killed one left behind. */
  orphans: number;
  /**
   * Those of them that it was just buying and whose answer is lost: nothing may be bought for them until the provider
   * has had its time to call, so the run does not wait for them.
   */
  ambiguous: number;
  /** From the kill until the last of these was in another worker’s hands, and until the last of the others had ended. */
  takenOverMs: number;
  orphansEndedMs: number;
  totalMs: number;
}

export const WORKERS_JOBS = 5_000;
const DURATION_MS = 10_000;
/** What PostgreSQL takes beside the work on the jobs, on two cores. */
const SUBMITS_PER_SECOND = 100;
const END_MS_MAX = 240_000;
const LOOK_MS = 250;

/** Two workers, and a third process that takes the submits and the callbacks. */
export async function measureWorkers(
  bench: Bench,
  { engine, jobs }: { engine: BenchEngine; jobs: number },
): Promise<WorkersResult> {
  const doubles = await startDoubles('bfl', { durationMs: DURATION_MS });
  const settings: Record<string, string> = {
    ...(await engine.newStore()),
    ...doubles.settings,
    LUMEGATE_PROVIDER_BFL_MAX_IN_FLIGHT: '100000',
    LUMEGATE_TEAM_CONCURRENCY: '100000',
  };
  const targets: Target[] = [];
  let store: Database | null = null;
  try {
    const door = await startGateway({ ...settings, LUMEGATE_ROLES: 'api' });
    targets.push(door);
    const worker = async (): Promise<Target> => {
      const target = await startGateway({
        ...settings,
        LUMEGATE_DATA_DIR: door.dataFolder,
        LUMEGATE_PUBLIC_URL: `http://127.0.0.1:${door.port}`,
        LUMEGATE_ROLES: 'worker',
        PORT: String(await freePort()),
      });
      targets.push(target);
      return target;
    };
    await worker();
    const victim = await worker();
    store = await openStoreOf({ dataFolder: door.dataFolder, databaseUrl: settings['DATABASE_URL'] });
    return await run(bench, { door, victim, doubles, store, jobs });
  } finally {
    await store?.close();
    for (const target of targets.toReversed()) await target.stop();
    await doubles.stop();
  }
}

interface World {
  door: Target;
  victim: Target;
  doubles: Doubles;
  store: Database;
  jobs: number;
}

const ENDED = `SELECT COUNT(*) AS jobs FROM jobs WHERE completed_at IS NOT NULL`;
const AMBIGUOUS = `
SELECT COUNT(*) AS jobs FROM attempts JOIN jobs ON jobs.id = attempts.job_id
WHERE attempts.state = 'AMBIGUOUS' AND jobs.completed_at IS NULL`;
const LEASED = `SELECT id, lease_epoch FROM jobs WHERE status = 'PROCESSING' AND lease_owner LIKE $1`;
const OUTCOMES = `SELECT id, status, completed_at FROM jobs WHERE completed_at IS NOT NULL`;
const BOUGHT = `SELECT job_id, upstream_id FROM attempts WHERE upstream_id IS NOT NULL`;

async function run(bench: Bench, { door, victim, doubles, store, jobs }: World): Promise<WorkersResult> {
  const startedAt = Date.now();
  const [endedAtKill] = await Promise.all([
    untilEnded(store, jobs / 2),
    submitAll(bench, door, jobs, SUBMITS_PER_SECOND),
  ]);
  await victim.kill9();
  const killedAt = Date.now();
  const orphans = await store.query<Row & { id: string; lease_epoch: number }>(LEASED, [`%:${victim.pid}:%`]);
  bench.tell(`  killed one of two with ${orphans.length} jobs in hand, ${endedAtKill} had ended`);
  const takenOverAt = await untilTakenOver(store, victim);
  await untilEnded(store, jobs);
  const outcomes = await store.query<Row & { id: string; status: string; completed_at: number }>(OUTCOMES);
  const left = new Set(orphans.map(({ id }) => id));
  const ledger = await readLedger(doubles.ledgerFile);
  return {
    jobs,
    completed: outcomes.filter(({ status }) => status === 'COMPLETED').length,
    failed: outcomes.filter(({ status }) => status !== 'COMPLETED').length,
    purchases: ledger.length,
    boughtTwice: await countBoughtTwice(store),
    endedAtKill,
    orphans: orphans.length,
    ambiguous: await countOf(store, AMBIGUOUS),
    takenOverMs: takenOverAt - killedAt,
    orphansEndedMs:
      Math.max(killedAt, ...outcomes.filter(({ id }) => left.has(id)).map((job) => job.completed_at)) - killedAt,
    totalMs: Date.now() - startedAt,
  };
}

async function countBoughtTwice(store: Database): Promise<number> {
  const bought = await store.query<Row & { job_id: string }>(BOUGHT);
  return bought.length - new Set(bought.map(({ job_id: id }) => id)).size;
}

async function countOf(store: Database, sql: string): Promise<number> {
  const [row] = await store.query<Row & { jobs: number }>(sql);
  return row?.jobs ?? 0;
}

/** When so many have ended or wait for the word of a provider whose answer is lost; how many have ended. */
async function untilEnded(store: Database, wanted: number): Promise<number> {
  const untilMs = performance.now() + END_MS_MAX;
  while (performance.now() < untilMs) {
    const [ended, ambiguous] = await Promise.all([countOf(store, ENDED), countOf(store, AMBIGUOUS)]);
    if (ended + ambiguous >= wanted) return ended;
    await sleep(LOOK_MS);
  }
  throw new Error(`${wanted} jobs had not ended within ${END_MS_MAX} ms`);
}

const NOT_TAKEN = `
SELECT COUNT(*) AS jobs FROM jobs WHERE status = 'PROCESSING' AND (lease_owner IS NULL OR lease_owner LIKE $1)`;

/** When no job is in the dead one’s hands, or in nobody’s, any more. */
async function untilTakenOver(store: Database, victim: Target): Promise<number> {
  const untilMs = performance.now() + END_MS_MAX;
  while (performance.now() < untilMs) {
    const [row] = await store.query<Row & { jobs: number }>(NOT_TAKEN, [`%:${victim.pid}:%`]);
    if (row?.jobs === 0) return Date.now();
    await sleep(LOOK_MS);
  }
  throw new Error(`the jobs of the killed worker were not taken over within ${END_MS_MAX} ms`);
}
