import type { Clock } from '../core/clock.ts';
import type { Database, Topic } from './database.ts';

/** Waiting for hints about single ids, with one subscription for all who wait. */
export interface Signals {
  /**
   * Begins to listen at once, so that nothing between a read and `wait` is missed. Each `wait` resolves with
   * true when a hint came since the last one, with false after `ms` or when the signal aborts.
   */
  listen(id: string): { wait(ms: number, signal?: AbortSignal): Promise<boolean>; stop(): void };
  close(): void;
}

export function createSignals(database: Database, topic: Topic, clock: Clock): Signals {
  const listeners = new Map<string, Set<() => void>>();
  const unsubscribe = database.subscribe(topic, (id) => {
    for (const wake of listeners.get(id) ?? []) wake();
  });
  return {
    listen: (id) => {
      let signalled = false;
      let wakeUp: (() => void) | null = null;
      const wake = (): void => {
        signalled = true;
        wakeUp?.();
      };
      const ofId = listeners.get(id) ?? new Set();
      listeners.set(id, ofId.add(wake));
      return {
        wait: async (ms, signal) => {
          const ended = new AbortController();
          // A reason of ours: by default each abort builds an exception with its stack.
          const abort = (): void => ended.abort('woken');
          wakeUp = abort;
          signal?.addEventListener('abort', abort, { once: true });
          if (!signalled && signal?.aborted !== true) await clock.sleep(ms, ended.signal);
          signal?.removeEventListener('abort', abort);
          wakeUp = null;
          const came = signalled;
          signalled = false;
          return came;
        },
        stop: () => {
          ofId.delete(wake);
          if (ofId.size === 0) listeners.delete(id);
        },
      };
    },
    close: unsubscribe,
  };
}
