import type { Clock } from '../../server/src/core/clock.ts';

/** Whose timers they are: a process that is paused or dead is not woken, and its clock may be wrong. */
export interface TimerOwner {
  state: 'running' | 'paused' | 'dead';
  /** How far the wall clock of this owner is off; the clock that never jumps is always right. */
  skewMs: number;
}

/** Time that passes only when nothing else is left to do, so that a day takes as long as its work. */
export interface VirtualTime {
  /** The true time: UTC milliseconds. */
  now(): number;
  clockOf(owner: TimerOwner): Clock;
  /** Says that work outside of promises is under way (a transaction); time stands still until it has ended. */
  busy<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when everybody waits for a timer. */
  settle(): Promise<void>;
  /** Moves to the next timer that can ring, and rings it; false when there is none before `until`. */
  ringNext(until: number): boolean;
}

interface Timer {
  at: number;
  owner: TimerOwner;
  ring(): void;
}

/** A history that is still not quiet after so many turns of the event loop hangs in a circle. */
const TURNS_MAX = 200_000;
/** Work may begin anew in the turn in which other work has ended, so one quiet turn proves nothing. */
const QUIET_TURNS = 2;

export function createVirtualTime(startAt: number): VirtualTime {
  let now = startAt;
  let underWay = 0;
  let activity = 0;
  const timers = new Set<Timer>();

  const sleep = (owner: TimerOwner, ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      activity += 1;
      if (signal?.aborted) return resolve();
      const ring = (): void => {
        activity += 1;
        timers.delete(timer);
        signal?.removeEventListener('abort', ring);
        resolve();
      };
      // Real clocks count whole milliseconds, and so do the tables.
      const timer: Timer = { at: now + Math.ceil(Math.max(0, ms)), owner, ring };
      timers.add(timer);
      signal?.addEventListener('abort', ring, { once: true });
    });

  return {
    now: () => now,
    clockOf: (owner) => ({
      now: () => now + owner.skewMs,
      monotonicMs: () => now,
      sleep: (ms, signal) => sleep(owner, ms, signal),
    }),
    busy: async (work) => {
      underWay += 1;
      activity += 1;
      try {
        return await work();
      } finally {
        underWay -= 1;
        activity += 1;
      }
    },
    settle: async () => {
      let quiet = 0;
      for (let turns = 0; quiet < QUIET_TURNS; turns += 1) {
        if (turns > TURNS_MAX)
          throw new Error('the history does not come to rest: something runs in a circle without waiting');
        const seen = activity;
        await new Promise((resolve) => setImmediate(resolve));
        quiet = underWay === 0 && activity === seen ? quiet + 1 : 0;
      }
    },
    ringNext: (until) => {
      let next: Timer | null = null;
      for (const timer of timers) {
        if (timer.owner.state === 'dead') timers.delete(timer);
        // Timers of the same instant ring in the order in which they were set.
        else if (timer.owner.state === 'running' && (next === null || timer.at < next.at)) next = timer;
      }
      if (next === null || next.at > until) {
        now = Math.max(now, until);
        return false;
      }
      now = Math.max(now, next.at);
      next.ring();
      return true;
    },
  };
}
