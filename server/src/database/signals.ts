import type { Clock } from '../core/clock.ts';
import type { Database, Topic } from './database.ts';

/** Waiting for hints about single ids, with one subscription for all who wait. */
export interface Signals {
  /**
   * Begins to listen at once, so that nothing between a read and `wait` is missed. Each `wait` resolves with
   * true when a hint came since the last one, with false after `ms` or when the signal aborts.
   */
  listen(id: string, signal?: AbortSignal): { wait(ms: number): Promise<boolean>; stop(): void };
  close(): void;
}

export function createSignals(database: Database, topic: Topic, clock: Clock): Signals {
  const listeners = new Map<string, Set<() => void>>();
  const unsubscribe = database.subscribe(topic, (id) => {
    for (const wake of listeners.get(id) ?? []) wake();
  });
  return {
    listen: (id, signal) => {
      let signalled = false;
      // One for many waits: ten thousand jobs wait at once, and most of their waits end by themselves.
      let woken = new AbortController();
      // A reason of ours: by default each abort builds an exception with its stack.
      const wakeUp = (): void => woken.abort('woken');
      const wake = (): void => {
        signalled = true;
        wakeUp();
      };
      signal?.addEventListener('abort', wakeUp, { once: true });
      const ofId = listeners.get(id) ?? new Set();
      listeners.set(id, ofId.add(wake));
      return {
        wait: async (ms) => {
          if (!signalled && signal?.aborted !== true) await clock.sleep(ms, woken.signal);
          if (woken.signal.aborted) woken = new AbortController();
          const came = signalled;
          signalled = false;
          return came;
        },
        stop: () => {
          signal?.removeEventListener('abort', wakeUp);
          ofId.delete(wake);
          if (ofId.size === 0) listeners.delete(id);
        },
      };
    },
    close: unsubscribe,
  };
}
