import assert from 'node:assert/strict';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { addCounts, coverageText, findMissing, type Counts } from './coverage.ts';
import type { SeedsReport } from './run-seeds.ts';
import { simulate } from './simulate.ts';

/** Histories of one run; a nightly run may ask for more, or for others. */
const COUNT = Number(process.env['LUMEGATE_SEED_COUNT'] ?? 320);
const FIRST = Number(process.env['LUMEGATE_SEED_FROM'] ?? 1);
const REPLAYED = process.env['LUMEGATE_SEED'];
const THREADS = Math.max(1, Math.min(4, availableParallelism()));

/** The way to see one history again, step by step. */
function replayCommand(seed: number): string {
  return `LUMEGATE_SEED=${seed} node scripts/with-node-24.mjs test/sim/sim.test.ts`;
}

describe('histories of the job engine', () => {
  test(
    'no history breaks a promise, and all of them together reach everything that a run must reach',
    { skip: REPLAYED !== undefined && 'one seed is replayed' },
    async (t) => {
      const reports = await Promise.all(Array.from({ length: THREADS }, (_, thread) => runThread(thread)));
      const counts: Counts = {};
      for (const report of reports) addCounts(counts, report.counts);
      const sum = (of: (report: SeedsReport) => number): number =>
        reports.reduce((total, report) => total + of(report), 0);
      t.diagnostic(
        `${sum((r) => r.histories)} histories, ${sum((r) => r.jobs)} jobs, ${Math.round(sum((r) => r.virtualMs) / 3_600_000)} hours of virtual time`,
      );
      for (const line of coverageText(counts).split('\n')) t.diagnostic(line);
      const broken = reports.flatMap((report) => report.broken);
      assert.equal(
        broken.length,
        0,
        broken.map(({ seed, lines }) => `${lines.join('\n')}\nreplay: ${replayCommand(seed)}`).join('\n\n'),
      );
      assert.deepEqual(findMissing(counts), [], 'these were never reached');
    },
  );

  test(
    'a seed repeats its history line by line',
    { skip: REPLAYED !== undefined && 'one seed is replayed' },
    async () => {
      const lines = async (): Promise<string[]> => {
        const seen: string[] = [];
        // The ids of workers name the process, which differs from run to run but not within this one.
        await simulate(FIRST, { onLog: (line) => seen.push(line) });
        return seen;
      };
      assert.deepEqual(await lines(), await lines());
    },
  );

  test(
    `seed ${REPLAYED ?? ''} is replayed`,
    { skip: REPLAYED === undefined && 'LUMEGATE_SEED names no seed' },
    async () => {
      const history = await simulate(Number(REPLAYED), { onLog: (line) => process.stdout.write(`${line}\n`) });
      assert.deepEqual(history.broken, []);
    },
  );
});

async function runThread(thread: number): Promise<SeedsReport> {
  // Every thread takes each n-th seed, so that long histories do not gather in one of them.
  const seeds = Array.from({ length: COUNT }, (_, index) => FIRST + index).filter((seed) => seed % THREADS === thread);
  const worker = new Worker(path.join(import.meta.dirname, 'run-seeds.ts'), {
    workerData: seeds,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  // Safe: run-seeds.ts posts one message, its report; an error in the thread rejects here.
  const [report] = (await once(worker, 'message')) as [SeedsReport];
  return report;
}
