import type { Generation, FileOrder, ResultFile, View } from './double.ts';

/** A generation waits for this share of its time, then runs. */
const WAITING_SHARE = 0.1;
/** Where a generation with the fault `failed` fails. */
const FAILS_AT_SHARE = 0.5;

/** How a generation stands `elapsedMs` after it was bought. Pure: nothing is kept but what was bought and looks so far. */
export function viewOf(generation: Generation, elapsedMs: number, linkOf: (index: number) => string): View {
  const { durationMs, fault } = generation;
  const instant = (afterMs: number): number => generation.createdAt + Math.round(afterMs);
  const endedAt = instant(endsAfterMs(generation));
  if (generation.cancelledAfterMs !== null) return { state: 'cancelled', endedAt };
  const share = durationMs === 0 ? 1 : elapsedMs / durationMs;
  const startedAt = instant(durationMs === Infinity ? 0 : durationMs * WAITING_SHARE);
  if (fault === 'failed' && share >= FAILS_AT_SHARE) return failed(startedAt, endedAt);
  if (share < WAITING_SHARE && durationMs !== Infinity) return { state: 'waiting' };
  if (share < 1) {
    return { state: 'running', progress: progressOf(generation, share), startedAt, isStrange: fault === 'p6-status' };
  }
  if (fault === 'p14-late-refusal') return { state: 'refused', startedAt, endedAt };
  if (fault === 'p17-failed-after-success' && generation.doneLooks > 0) return failed(startedAt, endedAt);
  return { state: 'done', files: filesOf(generation, linkOf), startedAt, endedAt };
}

/** When it ends, in milliseconds after it was bought; Infinity for never. */
export function endsAfterMs(generation: Generation): number {
  if (generation.cancelledAfterMs !== null) return generation.cancelledAfterMs;
  return generation.fault === 'failed' ? generation.durationMs * FAILS_AT_SHARE : generation.durationMs;
}

/** The files that it really has: one less or one more where the fault says so. */
export function filesMade(generation: Generation): readonly FileOrder[] {
  const { files } = generation.order;
  if (generation.fault === 'p12-fewer') return files.slice(1);
  if (generation.fault === 'p12-more') return [...files, ...files.slice(0, 1)];
  return files;
}

function failed(startedAt: number, endedAt: number): View {
  return { state: 'failed', text: 'The model ran into an internal error.', startedAt, endedAt };
}

function progressOf(generation: Generation, share: number): number {
  if (generation.fault === 'p17-progress-falls') return Math.max(5, 90 - 15 * generation.looks);
  return Math.min(99, Math.floor(share * 100));
}

function filesOf(generation: Generation, linkOf: (index: number) => string): ResultFile[] {
  return filesMade(generation).map((file, index) => ({ ...file, index, url: linkOf(index) }));
}
