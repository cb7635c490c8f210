import type { Clock } from '../../core/clock.ts';

/** Gives work a time limit: rejects with `late()` when it takes longer. */
export type Deadline = <T>(work: Promise<T>, late: () => Error) => Promise<T>;

interface Waiting {
  /** On the monotonic clock. */
  dueAtMs: number;
  expire: () => void;
}

/**
 * One time limit for much work. All of it has the same limit, so it falls due in the order of its beginning and one
 * sleeper serves all. A timer with a signal for each request cost a fifth of a submit's time in the process.
 */
export function createDeadline({ clock, ms, closing }: { clock: Clock; ms: number; closing: AbortSignal }): Deadline {
  // A Set keeps the order of insertion.
  const waiting = new Set<Waiting>();
  let isWatching = false;
  const watch = async (): Promise<void> => {
    while (!closing.aborted) {
      const [first] = waiting;
      if (first === undefined) break;
      await clock.sleep(Math.max(0, first.dueAtMs - clock.monotonicMs()), closing);
      for (const entry of waiting) {
        if (entry.dueAtMs > clock.monotonicMs()) break;
        waiting.delete(entry);
        entry.expire();
      }
    }
    isWatching = false;
  };
  return (work, late) =>
    new Promise((resolve, reject) => {
      const entry: Waiting = { dueAtMs: clock.monotonicMs() + ms, expire: () => reject(late()) };
      waiting.add(entry);
      if (!isWatching) {
        isWatching = true;
        void watch();
      }
      work.then(resolve, reject).finally(() => waiting.delete(entry));
    });
}
