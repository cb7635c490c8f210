import type { Coverage, SimEvent } from './coverage.ts';
import { createSimProcess, type SimParts, type SimProcess } from './sim-process.ts';
import { DOOR_POINTS, WORKER_POINTS } from './traps.ts';

/** What befalls a process as a whole. */
export type ProcessEvent = Extract<SimEvent, 'crash' | 'pause' | 'restart' | 'stop' | 'clock-jump' | 'outage'>;

export interface Chaos {
  run(): Promise<void>;
  /** The process that serves clients, or null while it is dead. */
  door(): SimProcess | null;
  workers(): SimProcess[];
  /** Lets an event befall a process now. */
  befall(process: SimProcess, event: ProcessEvent): Promise<void>;
  /** Sees to it that a process which was caught comes back. */
  afterwards(process: SimProcess): void;
  /** Ends every fault: dead processes start, paused ones go on, clocks are right. */
  calm(): void;
  all(): SimProcess[];
}

const WORKERS = ['worker-1', 'worker-2'] as const;
const HOUR_MS = 3_600_000;
/** A process that a hunt has killed starts again this soon, while its jobs still stand where they were. */
const RESTART_MS = 300;

/** Kills, stops, starts and confuses the processes of a history. */
export function createChaos(options: {
  parts: SimParts;
  coverage: Coverage;
  log: (line: string) => void;
  endAt: number;
}): Chaos {
  const { parts, coverage, log, endAt } = options;
  const { dice, time } = parts;
  const clock = time.clockOf({ state: 'running', skewMs: 0 });
  const processes = new Map<string, SimProcess>();
  const ids = new Map<string, Set<string>>();
  const isFaulty = (): boolean => time.now() < endAt;

  const start = async (name: string): Promise<void> => {
    const known = ids.get(name) ?? new Set();
    ids.set(name, known);
    const process = createSimProcess(parts, name, known);
    processes.set(name, process);
    log(`${name} starts`);
    try {
      await (name === 'door' ? process.open() : process.startWorker());
    } catch (error) {
      // The store was away: the operator's supervisor tries again.
      log(`${name} could not start: ${String(error)}`);
      process.crash();
      await comeBack(process);
    }
  };
  const comeBack = async (process: SimProcess, afterMs = dice.between(500, 45_000)): Promise<void> => {
    await clock.sleep(Math.min(afterMs, Math.max(0, endAt - time.now())));
    if (processes.get(process.name) !== process) return;
    if (process.state() === 'paused') {
      log(`${process.name} goes on`);
      process.resume();
    } else if (process.state() === 'dead') {
      void coverage.event('restart', { by: process });
      await start(process.name);
    }
  };
  const befall = async (process: SimProcess, event: ProcessEvent): Promise<void> => {
    log(`${process.name}: ${event}`);
    if (event !== 'restart') void coverage.event(event, { by: process });
    switch (event) {
      case 'crash':
        process.crash();
        return comeBack(process);
      case 'restart':
        process.crash();
        return comeBack(process, RESTART_MS);
      case 'pause':
        process.pause();
        return comeBack(process);
      case 'stop':
        await process.stop().catch((error: unknown) => {
          log(`${process.name} could not stop well: ${String(error)}`);
          process.crash();
        });
        return comeBack(process);
      case 'clock-jump':
        return process.jumpClock(dice.pick([-HOUR_MS, HOUR_MS, 0]));
      case 'outage':
        process.beginOutage();
        await clock.sleep(dice.between(200, 8_000));
        return process.endOutage();
    }
  };
  const strike = async (process: SimProcess): Promise<void> => {
    const event = dice.weighted({ crash: 2, pause: 3, stop: 1, 'clock-jump': 2, outage: 2, trap: 8 });
    if (event !== 'trap') return process.name === 'door' && event === 'clock-jump' ? undefined : befall(process, event);
    process.setTrap(
      process.name === 'door'
        ? { point: dice.pick(DOOR_POINTS), does: 'crash' }
        : { point: dice.pick(WORKER_POINTS), does: dice.chance(0.5) ? 'crash' : 'pause' },
    );
  };

  return {
    run: async () => {
      for (const name of ['door', ...WORKERS]) await start(name);
      for (;;) {
        await clock.sleep(dice.between(500, 12_000));
        if (!isFaulty()) return;
        const process = processes.get(dice.pick(['door', ...WORKERS, ...WORKERS]));
        if (process?.state() === 'running') void strike(process);
      }
    },
    door: () => processes.get('door') ?? null,
    workers: () => WORKERS.flatMap((name) => processes.get(name) ?? []),
    befall,
    afterwards: (process) => void comeBack(process),
    calm: () => {
      for (const process of processes.values()) {
        process.setTrap(null);
        process.endOutage();
        process.jumpClock(0);
        process.resume();
        if (process.state() === 'dead') void start(process.name);
      }
    },
    all: () => [...processes.values()],
  };
}
