import type { Clock } from './clock.ts';

/** Wakes one who sleeps. Ringing between two waits is not forgotten: the next wait ends at once, until it is hushed. */
export interface Bell {
  ring(): void;
  hush(): void;
  /** Resolves after `ms`, or when it rings. */
  wait(ms: number): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  let rung = new AbortController();
  return {
    ring: () => {
      // A reason of ours: by default each abort builds an exception with its stack.
      if (!rung.signal.aborted) rung.abort('rung');
    },
    hush: () => {
      if (rung.signal.aborted) rung = new AbortController();
    },
    wait: (ms) => clock.sleep(ms, rung.signal),
  };
}
