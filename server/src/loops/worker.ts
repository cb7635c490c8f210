import { hostname } from 'node:os';

import { errorCode } from '../core/error-code.ts';
import { expireUploads } from '../files/uploads.ts';
import { failHopeless, rescueOrphans } from '../jobs/rescue.ts';
import { expireOutputs, forgetOldKeys, sweepOrphanBlobs } from '../jobs/retention.ts';
import { expireWorkers, heartbeat, HEARTBEAT_MS, registerWorker, retireWorker } from '../jobs/workers.ts';
import type { JobsWorld } from '../jobs/world.ts';
import { startDeliverLoop, type DeliverWorld } from './deliver.ts';
import { startDispatch, type Dispatcher } from './dispatch.ts';
import { every } from './every.ts';

/** Dead workers are looked for this often: with the lease of 20 s an orphan goes on within 30 s. */
const RESCUE_MS = 2_000;
const SWEEP_MS = 60_000;
/** Files without a row are looked for this often: the look reads the names of all files. */
const ORPHAN_FILES_MS = 3_600_000;
/** Jobs that are nearly done may finish when the process stops; others go on elsewhere from their rows. */
const DRAIN_MS = 10_000;

export interface WorkerOptions {
  world: JobsWorld;
  deliver: Omit<DeliverWorld, 'workerId'>;
  /** Further upkeep, once a minute. */
  sweep: () => Promise<void>;
}

export interface Worker {
  /** Lets runs come to a safe place and gives back the rest. */
  stop(): Promise<void>;
  /** Jobs under way in this process. */
  running(): number;
}

/** Runs jobs, sends webhooks and keeps order until it is stopped. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { world } = options;
  if (world.database.engine === 'sqlite') await expireLocalDead(world);
  let crew = await hire(options);
  const leaving = new Set<Promise<void>>();
  const beat = every({
    name: 'heartbeat',
    ms: HEARTBEAT_MS,
    clock: world.clock,
    log: world.log,
    round: async () => {
      if (await heartbeat(world.database, crew.workerId)) return;
      // Others took this process for dead (it was paused): what it runs is theirs now, and it starts anew.
      world.log.warn('worker.was-declared-dead', { workerId: crew.workerId });
      const old = crew;
      crew = await hire(options);
      // Letting go may take longer than a lease, and the new one must go on saying that it lives.
      const left = dismiss(world, old).finally(() => leaving.delete(left));
      leaving.add(left);
    },
  });
  const rescue = every({
    name: 'rescue',
    ms: RESCUE_MS,
    clock: world.clock,
    log: world.log,
    round: async () => {
      // After a pause of the whole process its own lease is the first to have run out; it must not rescue from itself.
      if (!(await heartbeat(world.database, crew.workerId))) return;
      await rescueOrphans(world);
      await failHopeless(world);
    },
  });
  const sweep = every({
    name: 'sweep',
    ms: SWEEP_MS,
    clock: world.clock,
    log: world.log,
    round: (signal) => sweepOnce(options, signal),
  });
  const orphanFiles = every({
    name: 'orphan-files',
    ms: ORPHAN_FILES_MS,
    clock: world.clock,
    log: world.log,
    round: async (signal) => void (await sweepOrphanBlobs(world, signal)),
  });
  return {
    running: () => crew.dispatcher.running(),
    stop: async () => {
      await Promise.all([rescue.stop(), sweep.stop(), orphanFiles.stop()]);
      try {
        await Promise.all([crew.stop(), ...leaving]);
        await beat.stop();
        await retireWorker(world.database, crew.workerId);
      } catch (error) {
        // The store is gone. The process must end all the same; what it holds is rescued when its lease is over.
        world.log.error('worker.not-handed-back', { workerId: crew.workerId }, error);
      } finally {
        await beat.stop();
      }
    },
  };
}

async function dismiss(world: JobsWorld, crew: Crew): Promise<void> {
  try {
    await crew.stop();
  } catch (error) {
    // Its leases were taken away already; what it still tried to give back belongs to others.
    world.log.error('worker.not-dismissed', { workerId: crew.workerId }, error);
  }
}

interface Crew {
  workerId: string;
  dispatcher: Dispatcher;
  stop(): Promise<void>;
}

async function hire(options: WorkerOptions): Promise<Crew> {
  const { world } = options;
  const workerId = `${hostname()}:${process.pid}:${world.newId()}`;
  await registerWorker(world.database, workerId);
  const dispatcher = startDispatch(world, { workerId, drainMs: DRAIN_MS });
  const deliver = startDeliverLoop({ ...options.deliver, workerId });
  return {
    workerId,
    dispatcher,
    stop: async () => {
      await Promise.all([dispatcher.stop(), deliver.stop()]);
    },
  };
}

/**
 * On SQLite every worker is a process of this machine, so one whose process is gone is surely dead: after a
 * restart its jobs go on at once instead of after the lease.
 */
async function expireLocalDead(world: JobsWorld): Promise<void> {
  const count = await expireWorkers(world.database, (workerId) => {
    const [host, pid] = workerId.split(':');
    return host === hostname() && (Number(pid) === process.pid || !isAlive(Number(pid)));
  });
  if (count > 0) world.log.info('worker.dead-found', { count });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return errorCode(error) === 'EPERM';
  }
}

async function sweepOnce(options: WorkerOptions, signal: AbortSignal): Promise<void> {
  const { world } = options;
  await expireOutputs(world, signal);
  await expireUploads(world, signal);
  await forgetOldKeys(world, signal);
  await options.sweep();
}
