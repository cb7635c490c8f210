import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log-port.ts';

/** Something that runs until it is told to stop. */
export interface Loop {
  /** Resolves when the round under way has ended. */
  stop(): Promise<void>;
  /** Begins the next round now. */
  wake(): void;
}

/** Runs `round` at once and then after each pause of `ms`; an error is logged and the next round comes all the same. */
export function every(options: {
  name: string;
  ms: number;
  clock: Clock;
  log: Log;
  round: (signal: AbortSignal) => Promise<void>;
}): Loop {
  const stopping = new AbortController();
  let nap = new AbortController();
  let isWoken = false;
  const wake = (): void => {
    isWoken = true;
    // A reason of ours: by default each abort builds an exception with its stack.
    nap.abort('woken');
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      isWoken = false;
      try {
        await options.round(stopping.signal);
      } catch (error) {
        options.log.error('loop.failed', { loop: options.name }, error);
      }
      nap = new AbortController();
      if (!isWoken && !stopping.signal.aborted) await options.clock.sleep(options.ms, nap.signal);
    }
  };
  const running = run();
  return {
    wake,
    stop: async () => {
      stopping.abort();
      nap.abort();
      await running;
    },
  };
}
