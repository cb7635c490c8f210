import { createBell } from '../core/bell.ts';
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
  const bell = createBell(options.clock);
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      bell.hush();
      try {
        await options.round(stopping.signal);
      } catch (error) {
        options.log.error('loop.failed', { loop: options.name }, error);
      }
      await bell.wait(options.ms);
    }
  };
  const running = run();
  return {
    wake: bell.ring,
    stop: async () => {
      stopping.abort();
      bell.ring();
      await running;
    },
  };
}
