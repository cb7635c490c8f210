import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Database, Row } from '../server/src/database/database.ts';
import { memoryOf } from './machine.ts';
import { BENCH_KEY, startDoubles, startGateway, type Target } from './processes.ts';
import { openStoreOf } from './read-store.ts';
import type { BenchEngine } from './stores.ts';
import { submitAll } from './submit-all.ts';
import type { Bench } from './throughput.ts';

/** Large results that come in at the same moment and are fetched at the same moment. */
export interface ResultsResult {
  engine: string;
  results: number;
  resultBytes: number;
  /** Of the gateway’s own process; NaN where the system does not tell. */
  beforeBytes: number;
  takingInBytes: number;
  givingOutBytes: number;
  /** Of its picture processes together, at their highest. */
  mediaBytes: number;
}

export const RESULTS = 64;
const RESULT_BYTES = 2_000_000;
/** Long enough for all of them to be started before the first is done. */
const DURATION_MS = 3_000;
/** Waves that are not counted: code is compiled, pools and heaps get their size. */
const WARM_UP_WAVES = 2;
const WAVE_MS_MAX = 60_000;
const LOOK_MS = 20;

/** One wave of results through a warm gateway. */
export async function measureResults(bench: Bench, engine: BenchEngine): Promise<ResultsResult> {
  const doubles = await startDoubles('bfl', { durationMs: DURATION_MS, pictureBytes: RESULT_BYTES });
  const settings: Record<string, string> = {
    ...(await engine.newStore()),
    ...doubles.settings,
    LUMEGATE_PROVIDER_BFL_MAX_IN_FLIGHT: '1000',
  };
  let gateway: Target | null = null;
  let store: Database | null = null;
  try {
    gateway = await startGateway(settings);
    store = await openStoreOf({ dataFolder: gateway.dataFolder, databaseUrl: settings['DATABASE_URL'] });
    for (let wave = 0; wave < WARM_UP_WAVES; wave += 1) await takeIn(bench, { gateway, store });
    const beforeBytes = memoryOf(gateway.pid)?.residentBytes ?? Number.NaN;
    forgetPeaks(gateway.pid);
    const mediaBytes = await takeIn(bench, { gateway, store });
    const takingInBytes = memoryOf(gateway.pid)?.peakBytes ?? Number.NaN;
    forgetPeaks(gateway.pid);
    const resultBytes = await giveOut({ gateway, store });
    const givingOutBytes = memoryOf(gateway.pid)?.peakBytes ?? Number.NaN;
    return {
      engine: engine.name,
      results: RESULTS,
      resultBytes,
      beforeBytes,
      takingInBytes,
      givingOutBytes,
      mediaBytes,
    };
  } finally {
    await store?.close();
    await gateway?.stop();
    await doubles.stop();
  }
}

interface World {
  gateway: Target;
  store: Database;
}

const OPEN = `SELECT COUNT(*) AS jobs FROM jobs WHERE completed_at IS NULL`;

/** Runs one wave; resolves with the most memory that the picture processes had together. */
async function takeIn(bench: Bench, { gateway, store }: World): Promise<number> {
  await submitAll(bench, gateway, RESULTS);
  const untilMs = performance.now() + WAVE_MS_MAX;
  let mediaBytes = 0;
  while (performance.now() < untilMs) {
    mediaBytes = Math.max(mediaBytes, childBytes(gateway.pid));
    const [row] = await store.query<Row & { jobs: number }>(OPEN);
    if (row?.jobs === 0) return mediaBytes;
    await sleep(LOOK_MS);
  }
  throw new Error(`${RESULTS} results had not come in within ${WAVE_MS_MAX} ms`);
}

const NEWEST = `SELECT id FROM jobs WHERE status = 'COMPLETED' ORDER BY created_at DESC LIMIT $1`;

/** Fetches the last wave's files at the same time, as its callers would; resolves with the size of one. */
async function giveOut({ gateway, store }: World): Promise<number> {
  const base = `http://127.0.0.1:${gateway.port}`;
  const jobs = await store.query<Row & { id: string }>(NEWEST, [RESULTS]);
  const sizes = await Promise.all(
    jobs.map(async ({ id }) => {
      const answer = await fetch(`${base}/v2/jobs/${id}`, { headers: { 'x-api-key': BENCH_KEY } });
      // Safe: a completed image job by the contract.
      const { result } = (await answer.json()) as { result: { images: string[] } };
      const file = await fetch(result.images[0] ?? base);
      if (!file.ok) throw new Error(`a result answered ${file.status}`);
      return (await file.arrayBuffer()).byteLength;
    }),
  );
  return Math.min(...sizes);
}

/** From now on the highest memory is that of what comes; only Linux can. */
function forgetPeaks(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Outside Linux there are no figures about memory at all.
  }
}

/** Resident bytes of all children of a process together. */
function childBytes(parent: number): number {
  try {
    const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === parent);
    return children.reduce((sum, pid) => sum + (memoryOf(Number(pid))?.residentBytes ?? 0), 0);
  } catch {
    // No /proc.
    return Number.NaN;
  }
}

function parentOf(pid: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]);
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}
