import type { Catalog } from '../../server/src/catalog/load-catalog.ts';
import type { BlobStore, BlobWriter } from '../../server/src/core/blob-port.ts';
import type { CrashPoint } from '../../server/src/core/crash-point.ts';
import { idMaker } from '../../server/src/core/ids.ts';
import type { Log } from '../../server/src/core/log-port.ts';
import type { MediaPort } from '../../server/src/core/media-port.ts';
import type { Net } from '../../server/src/core/net-port.ts';
import type { Provider } from '../../server/src/core/provider.ts';
import type { Upstream } from '../../server/src/core/upstream-port.ts';
import { StoreUnavailable, type Database, type Tx } from '../../server/src/database/database.ts';
import { createSignals } from '../../server/src/database/signals.ts';
import { updateWebhookStatus } from '../../server/src/jobs/webhook-status.ts';
import { createCollectRoom } from '../../server/src/jobs/collect-room.ts';
import { createLookPace } from '../../server/src/jobs/look-pace.ts';
import { isRefused } from '../../server/src/jobs/place.ts';
import { createSlots } from '../../server/src/jobs/slots.ts';
import type { JobsWorld } from '../../server/src/jobs/world.ts';
import { startWorker, type Worker } from '../../server/src/loops/worker.ts';
import type { Coverage } from './coverage.ts';
import type { Dice } from './seeded-random.ts';
import { createSimKeys, NO_INPUTS } from './sim-keys.ts';
import { watchedHealth, watchedKeys } from './sim-watch.ts';
import { IN_TRANSACTION, type Trap } from './traps.ts';
import type { TimerOwner, VirtualTime } from './virtual-time.ts';

/** What all processes of a history share. */
export interface SimParts {
  time: VirtualTime;
  dice: Dice;
  coverage: Coverage;
  database: Database;
  blobs: BlobStore;
  media: MediaPort;
  upstream: Upstream;
  net: Pick<Net, 'exchange'>;
  catalog: Catalog;
  providers: ReadonlyMap<string, Provider>;
  settings: JobsWorld['settings'];
  inFlightMax: number;
  /** The operator's provider keys, by the name of their variable. */
  secrets: Readonly<Record<string, string>>;
  /** Errors that the engine logs and that no injected fault explains. */
  onError: (line: string) => void;
  onLog: (line: string) => void;
  onTrapped: (process: SimProcess, trap: Trap) => void;
}

/** The engine of one process, between a start and its end. */
export interface SimProcess {
  name: string;
  world: JobsWorld;
  state(): TimerOwner['state'];
  /** True for the name of a worker that this process, or one of the same name before it, has registered. */
  owns(workerId: string): boolean;
  /** Whether, as far as this process knows, the provider takes none of the owner's keys. */
  isRefused(provider: string, teamId: string | null): boolean;
  /** Reads what must be known before requests come. */
  open(): Promise<void>;
  startWorker(): Promise<void>;
  /** Ends in good order. */
  stop(): Promise<void>;
  /** From now on nothing that the process has asked for is ever answered, and nothing it does has an effect. */
  crash(): void;
  /** Like SIGSTOP: nothing happens until `resume`, and then everything at once. */
  pause(): void;
  resume(): void;
  jumpClock(ms: number): void;
  /** From now until `endOutage` the store fails before, inside or after transactions. */
  beginOutage(): void;
  endOutage(): void;
  setTrap(trap: Trap | null): void;
}

/** Hints are best effort by contract, so some get lost. */
const HINT_LOSS = 0.1;

class InjectedFault extends StoreUnavailable {}
class Died extends Error {}

/** `ids` are those that processes of this name have made so far; they tell whose worker is whose. */
export function createSimProcess(parts: SimParts, name: string, ids: Set<string>): SimProcess {
  const { time, dice } = parts;
  const owner: TimerOwner = { state: 'running', skewMs: 0 };
  const clock = time.clockOf(owner);
  const unsubscribes = new Set<() => void>();
  let wakeUps: (() => void)[] = [];
  let isOut = false;
  let trap: Trap | null = null;
  let worker: Worker | null = null;
  let die: (reason: Error) => void = () => {};
  const death = new Promise<never>((_resolve, reject) => {
    die = reject;
  });
  death.catch(() => {});

  /** Never resolves for a dead process; waits while it is paused. */
  const pass = async (): Promise<void> => {
    while (owner.state !== 'running') await new Promise<void>((resolve) => wakeUps.push(resolve));
  };
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    if (owner.state !== 'running') await pass();
    try {
      return await work();
    } finally {
      // The result of a process that died or was stopped meanwhile does not reach it.
      await pass();
    }
  };
  const transaction = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    const fault = isOut ? dice.weighted({ none: 2, before: 4, inside: 2, after: 2 }) : 'none';
    if (fault === 'before') throw new InjectedFault('the store is away');
    const result = await parts.database.transaction(async (tx) => {
      const guarded: Tx = {
        ...tx,
        query: async (sql, values) => (owner.state === 'dead' ? death : tx.query(sql, values)),
      };
      const value = await Promise.race([work(guarded), death]);
      if (owner.state === 'dead') throw new Died();
      if (fault === 'inside') throw new InjectedFault('the connection was cut');
      return value;
    });
    if (fault === 'after') throw new InjectedFault('the answer to COMMIT was lost');
    return result;
  };

  const database: Database = {
    // On SQLite a start declares the other workers of the same process dead; here two workers share a process.
    engine: 'postgres',
    query: (sql, values) =>
      guard(async () => {
        if (isOut && dice.chance(0.5)) throw new InjectedFault('the store is away');
        return parts.database.query(sql, values);
      }),
    transaction: (work) => guard(() => time.busy(() => transaction(work))),
    notify: (topic, id) => {
      if (owner.state === 'running' && !dice.chance(HINT_LOSS)) parts.database.notify(topic, id);
    },
    subscribe: (topic, listener) => {
      const unsubscribe = parts.database.subscribe(topic, listener);
      unsubscribes.add(unsubscribe);
      return () => {
        unsubscribes.delete(unsubscribe);
        unsubscribe();
      };
    },
    close: async () => {},
  };

  const reachCrashPoint = (point: CrashPoint): Promise<void> | void => {
    if (trap?.point !== point || owner.state !== 'running') return;
    const sprung = trap;
    trap = null;
    if (sprung.does === 'pause' && IN_TRANSACTION.has(point)) return;
    parts.onTrapped(process, sprung);
    return pass();
  };

  const log = simLog(parts, name, owner);
  const watch = { clock, coverage: parts.coverage, onBroken: parts.onError };
  const ring = createSimKeys({
    database,
    clock,
    log,
    random: dice,
    inFlightMax: parts.inFlightMax,
    secrets: parts.secrets,
    tellOperator: async (_tx, { kind }) => parts.coverage.seen(`the operator hears ${kind}`),
  });
  const keys = watchedKeys(ring, watch);
  const makeId = idMaker(clock, dice);
  const health = watchedHealth(watch);
  const world: JobsWorld = {
    database,
    changes: createSignals(database, 'job', clock),
    hints: createSignals(database, 'hint', clock),
    clock,
    random: dice,
    newId: () => {
      const id = makeId();
      ids.add(id);
      return id;
    },
    blobs: guardedBlobs(parts.blobs, guard),
    media: guardedMedia(parts.media, guard),
    log,
    catalog: parts.catalog,
    providers: parts.providers,
    upstream: {
      ...parts.upstream,
      exchange: (...call) => guard(() => parts.upstream.exchange(...call)),
      download: (provider, url, sink, limits) =>
        guard(() => parts.upstream.download(provider, url, (chunk) => guard(async () => sink(chunk)), limits)),
    },
    keys,
    health,
    looks: createLookPace(health),
    collects: createSlots(createCollectRoom()),
    inputs: NO_INPUTS,
    settings: parts.settings,
    publicUrl: () => 'https://gateway.invalid',
    reachCrashPoint,
  };

  const process: SimProcess = {
    name,
    world,
    state: () => owner.state,
    owns: (workerId) => ids.has(workerId.slice(workerId.lastIndexOf(':') + 1)),
    isRefused: (provider, teamId) => isRefused(world, provider, teamId),
    open: () => keys.open(),
    startWorker: async () => {
      await keys.open();
      worker = await startWorker({
        world,
        sweep: async () => {},
        deliver: {
          database,
          net: { exchange: (...call) => guard(() => parts.net.exchange(...call)) },
          clock,
          random: dice,
          log: world.log,
          findDigest: async () => Buffer.alloc(32),
          digestForm: 'raw',
          trust: { operatorOrigins: [] },
          reachCrashPoint,
          updateWebhookStatus,
        },
      });
    },
    stop: async () => {
      await worker?.stop();
      process.crash();
    },
    crash: () => {
      owner.state = 'dead';
      die(new Died());
      for (const unsubscribe of unsubscribes) unsubscribe();
      wakeUps = [];
    },
    pause: () => {
      if (owner.state === 'running') owner.state = 'paused';
    },
    resume: () => {
      if (owner.state !== 'paused') return;
      owner.state = 'running';
      const all = wakeUps;
      wakeUps = [];
      for (const wakeUp of all) wakeUp();
    },
    jumpClock: (ms) => {
      owner.skewMs = ms;
    },
    beginOutage: () => {
      isOut = true;
    },
    endOutage: () => {
      isOut = false;
    },
    setTrap: (next) => {
      trap = next;
    },
  };
  return process;
}

type Guard = <T>(work: () => Promise<T>) => Promise<T>;

function guardedBlobs(blobs: BlobStore, guard: Guard): BlobStore {
  const guardedWriter = (writer: BlobWriter): BlobWriter => ({
    path: writer.path,
    write: (chunk) => guard(() => writer.write(chunk)),
    commit: (key) => guard(() => writer.commit(key)),
    discard: () => guard(() => writer.discard()),
  });
  return {
    create: () => guard(async () => guardedWriter(await blobs.create())),
    open: (key, range) => guard(() => blobs.open(key, range)),
    stat: (key) => guard(() => blobs.stat(key)),
    localPath: (key) => guard(() => blobs.localPath(key)),
    delete: (key) => guard(() => blobs.delete(key)),
    list: async function* (folder) {
      const entries = blobs.list(folder)[Symbol.asyncIterator]();
      for (;;) {
        const next = await guard(() => entries.next());
        if (next.done === true) return;
        yield next.value;
      }
    },
    sweepTemporary: (olderThanMs) => guard(() => blobs.sweepTemporary(olderThanMs)),
  };
}

function guardedMedia(media: MediaPort, guard: Guard): MediaPort {
  return {
    inspect: (path, options) => guard(() => media.inspect(path, options)),
    convert: (options) => guard(() => media.convert(options)),
    mark: (options) => guard(() => media.mark(options)),
    draw: (spec, to) => guard(() => media.draw(spec, to)),
    expect: () => media.expect(),
    close: async () => {},
  };
}

function simLog(parts: SimParts, name: string, owner: TimerOwner): Log {
  const write = (level: string, event: string, fields: object = {}): void => {
    if (owner.state === 'running') parts.onLog(`${name} ${level} ${event} ${JSON.stringify(fields)}`);
  };
  return {
    info: (event, fields) => write('info', event, fields),
    warn: (event, fields) => write('warn', event, fields),
    error: (event, fields, cause) => {
      write('error', event, { ...fields, cause: cause instanceof Error ? cause.message : String(cause) });
      if (owner.state === 'dead' || cause instanceof InjectedFault) return;
      parts.onError(
        `${name} logged ${event}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
      );
    },
  };
}
