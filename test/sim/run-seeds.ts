import { parentPort, workerData } from 'node:worker_threads';

import { addCounts, type Counts } from './coverage.ts';
import { simulate } from './simulate.ts';

/** What one thread has seen: broken histories in full, everything else as sums. */
export interface SeedsReport {
  histories: number;
  jobs: number;
  virtualMs: number;
  broken: { seed: number; lines: string[] }[];
  counts: Counts;
}

/** Plays the given seeds one after another. */
export async function runSeeds(seeds: readonly number[]): Promise<SeedsReport> {
  const report: SeedsReport = { histories: 0, jobs: 0, virtualMs: 0, broken: [], counts: {} };
  for (const seed of seeds) {
    const history = await simulate(seed);
    report.histories += 1;
    report.jobs += history.jobs;
    report.virtualMs += history.virtualMs;
    addCounts(report.counts, history.counts);
    if (history.broken.length > 0) report.broken.push({ seed, lines: history.broken });
  }
  return report;
}

if (parentPort !== null) {
  // Safe: sim.test.ts starts this thread with a list of seeds.
  const report = await runSeeds(workerData as number[]);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window and has no origin
  parentPort.postMessage(report);
}
