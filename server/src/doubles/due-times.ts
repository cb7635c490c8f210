import type { Clock } from '../core/clock.ts';

/** Things fall due at most this much later than asked for. */
const TICK_MS = 20;

/** Many things to do later, with one timer for all of them. */
export interface DueTimes {
  /** Runs `task` after `ms`; never for Infinity. */
  add(ms: number, task: () => void): void;
  /** Tasks that still wait. */
  size(): number;
}

/** Tasks are kept in buckets of 20 ms, so that ten thousand of them cost a map entry each and no timer. */
export function createDueTimes(clock: Clock, closing: AbortSignal): DueTimes {
  const buckets = new Map<number, (() => void)[]>();
  let size = 0;
  let isRunning = false;
  let next = 0;
  const runDue = (): void => {
    const now = Math.floor(clock.now() / TICK_MS);
    // The clock may have jumped by an hour: then there are fewer buckets than ticks.
    const due = [...buckets.keys()].filter((tick) => tick <= now).sort((a, b) => a - b);
    for (const tick of due) {
      const tasks = buckets.get(tick) ?? [];
      buckets.delete(tick);
      size -= tasks.length;
      for (const task of tasks) task();
    }
    next = now + 1;
  };
  const run = async (): Promise<void> => {
    isRunning = true;
    while (buckets.size > 0 && !closing.aborted) {
      await clock.sleep(TICK_MS, closing);
      if (!closing.aborted) runDue();
    }
    isRunning = false;
  };
  return {
    size: () => size,
    add: (ms, task) => {
      if (ms === Infinity || closing.aborted) return;
      const tick = Math.max(next, Math.ceil((clock.now() + ms) / TICK_MS));
      const tasks = buckets.get(tick);
      if (tasks === undefined) buckets.set(tick, [task]);
      else tasks.push(task);
      size += 1;
      if (!isRunning) void run();
    },
  };
}
