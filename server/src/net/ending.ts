import type { Clock } from '../core/clock.ts';

/** Why something that was still running was ended from our side. */
export class Ended extends Error {
  readonly reason: 'timeout' | 'aborted' | 'too-slow';

  constructor(reason: Ended['reason']) {
    super(`ended: ${reason}`);
    this.name = 'Ended';
    this.reason = reason;
  }
}

/** One life span: `signal` aborts with an `Ended` when the time is up, the caller aborts or `end` is called. */
export interface Ending {
  signal: AbortSignal;
  end(reason: Ended['reason']): void;
  /** Releases the timer and the caller's signal; call it in every case. */
  close(): void;
}

export interface EndingOptions {
  clock: Clock;
  totalMs: number;
  signal?: AbortSignal | undefined;
}

/** Starts a life span of at most `totalMs`. */
export function startEnding({ clock, totalMs, signal }: EndingOptions): Ending {
  const controller = new AbortController();
  const end = (reason: Ended['reason']): void => {
    if (!controller.signal.aborted) controller.abort(new Ended(reason));
  };
  const onAbort = (): void => end('aborted');
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const stopTimer = afterMs(clock, totalMs, () => end('timeout'));
  return {
    signal: controller.signal,
    end,
    close: () => {
      stopTimer();
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

/** Calls `action` after `ms` unless the returned function was called before. */
export function afterMs(clock: Clock, ms: number, action: () => void): () => void {
  const stopped = new AbortController();
  void clock.sleep(ms, stopped.signal).then(() => {
    if (!stopped.signal.aborted) action();
  });
  // Without a reason of ours each stop would build an exception with its stack: a twentieth of a busy gateway’s time.
  return () => stopped.abort(STOPPED);
}

const STOPPED = 'stopped';

/** The promise's value, or a rejection with the signal's reason if that comes first. */
export function orEnd<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the reason is the `Ended` of `startEnding`.
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
