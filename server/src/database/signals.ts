import { createBell } from '../core/bell.ts';
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
      const bell = createBell(clock);
      const wake = (): void => {
        signalled = true;
        bell.ring();
      };
      signal?.addEventListener('abort', bell.ring, { once: true });
      const ofId = listeners.get(id) ?? new Set();
      listeners.set(id, ofId.add(wake));
      return {
        wait: async (ms) => {
          if (signal?.aborted !== true) await bell.wait(ms);
          bell.hush();
          const came = signalled;
          signalled = false;
          return came;
        },
        stop: () => {
          signal?.removeEventListener('abort', bell.ring);
          ofId.delete(wake);
          if (ofId.size === 0) listeners.delete(id);
        },
      };
    },
    close: unsubscribe,
  };
}
