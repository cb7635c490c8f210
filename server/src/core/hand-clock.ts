import type { Clock } from './clock.ts';

/** For tests only: a clock that stands still until it is told to move. */
export interface HandClock extends Clock {
  advance(ms: number): void;
}

/** For tests only: time moves when the test says so, and every sleeper whose time has come wakes. */
export function handClock(startAt = 0): HandClock {
  let at = startAt;
  const sleepers = new Set<{ wakeAt: number; wake: () => void }>();
  return {
    now: () => at,
    monotonicMs: () => at,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const sleeper = {
          wakeAt: at + ms,
          wake: () => {
            sleepers.delete(sleeper);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake, { once: true });
      }),
    advance: (ms) => {
      at += ms;
      for (const sleeper of sleepers) if (sleeper.wakeAt <= at) sleeper.wake();
    },
  };
}
