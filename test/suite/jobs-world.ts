import type { TestContext } from 'node:test';

import { checkInput } from '../../server/src/catalog/check-input.ts';
import type { Catalog } from '../../server/src/catalog/load-catalog.ts';
import { idMaker } from '../../server/src/core/ids.ts';
import { auditLedger } from '../../server/src/credits/audit-ledger.ts';
import { StoreUnavailable, type Database, type Row, type SqlValue } from '../../server/src/database/database.ts';
import { createSignals } from '../../server/src/database/signals.ts';
import { auditJobs } from '../../server/src/jobs/audit-jobs.ts';
import { submitJob, type Submitted } from '../../server/src/jobs/submit.ts';
import { registerWorker } from '../../server/src/jobs/workers.ts';
import type { JobCaller, JobsWorld } from '../../server/src/jobs/world.ts';
import { startDispatch, type Dispatcher } from '../../server/src/loops/dispatch.ts';
import type { Log } from '../../server/src/core/log-port.ts';
import { createCollectRoom } from '../../server/src/jobs/collect-room.ts';
import { createLookPace } from '../../server/src/jobs/look-pace.ts';
import { createRouteHealth } from '../../server/src/jobs/route-health.ts';
import { createSlots } from '../../server/src/jobs/slots.ts';
import { createSimKeys, NO_INPUTS, simSettings } from '../sim/sim-keys.ts';
import { createMemoryBlobs, type MemoryBlobs } from '../sim/memory-blobs.ts';
import { createMemoryMedia } from '../sim/memory-media.ts';
import { seededDice } from '../sim/seeded-random.ts';
import { simAdapters, simCatalog } from '../sim/sim-providers.ts';
import { addSimTeam, type SimTeam } from '../sim/sim-teams.ts';
import { createSimUpstream, type Course, type Script, type SimUpstream, type StartFault } from '../sim/sim-upstream.ts';
import { createVirtualTime, type TimerOwner } from '../sim/virtual-time.ts';
import type { Engine } from '../support/engines.ts';

/** The engine on a fresh store, with scripted providers and a clock that does not wait. */
export interface JobsKit {
  database: Database;
  world: JobsWorld;
  blobs: MemoryBlobs;
  upstream: SimUpstream;
  /** What the next start requests meet, in order; then `accept`. */
  startFaults: StartFault[];
  /** How the next generations go on, in order; then `plain`. */
  courses: Course[];
  /** How long generations take. */
  durationMs: number;
  addTeam(options?: {
    concurrentMax?: number;
    credits?: number;
    keys?: readonly [number | null, ...(number | null)[]];
  }): Promise<SimTeam>;
  submit(caller: JobCaller, options?: SubmitOptions): Promise<Submitted>;
  /** How many of the next transactions of the engine are committed and then reported as failed. */
  lostCommits: number;
  /** A worker that carries jobs; it stops with the test. */
  startWorker(): Promise<{ workerId: string; dispatcher: Dispatcher }>;
  /** A worker that is only registered, for tests that claim by hand. */
  addWorker(): Promise<string>;
  killWorker(workerId: string): Promise<void>;
  /** Lets time pass until it is true; fails when it is not after `msMax` of virtual time. */
  runUntil(isTrue: () => Promise<boolean> | boolean, msMax?: number): Promise<void>;
  /** Lets time pass until every job has ended. */
  runToEnd(): Promise<void>;
  /** Lets time pass until the work is done, and answers what it answered. */
  runDuring<T>(work: Promise<T>): Promise<T>;
  job(jobId: string): Promise<JobRow>;
  write(sql: string, values: SqlValue[]): Promise<void>;
  /** Every row of every table, to compare. */
  dump(): Promise<string>;
  /** Breaches of the rules of money and jobs. */
  audit(): Promise<unknown[]>;
}

export interface SubmitOptions {
  model?: string;
  idempotency?: { key: string; fingerprint: string };
  world?: JobsWorld;
}

export interface JobRow extends Row {
  id: string;
  status: string;
  error: string | null;
  failure_kind: string | null;
  price_micro: number;
  charge_micro: number;
  crashes: number;
  lease_epoch: number;
  expired: number;
  started_at: number;
  completed_at: number;
}

export interface KitOptions {
  inFlightMax?: number;
  queueMax?: number;
  jobMs?: number;
}

const TABLES = [
  'teams',
  'users',
  'api_keys',
  'accounts',
  'transfers',
  'key_budgets',
  'jobs',
  'idempotency',
  'job_events',
  'attempts',
  'outputs',
  'deliveries',
];

/** Opens the engine for one test. The store's own clock is the real one; leases of 20 s outlast every test. */
export async function openJobsKit(t: TestContext, engine: Engine, options: KitOptions = {}): Promise<JobsKit> {
  const store = await engine.open();
  const time = createVirtualTime(Date.now());
  const owner: TimerOwner = { state: 'running', skewMs: 0 };
  const clock = time.clockOf(owner);
  const dice = seededDice(1);
  const newId = idMaker(clock, dice);
  const blobs = createMemoryBlobs(time.now);
  const database: Database = {
    ...store.database,
    query: (sql, values) => time.busy(() => store.database.query(sql, values)),
    transaction: (work) =>
      time.busy(async () => {
        const value = await store.database.transaction(work);
        kit.lostCommits -= 1;
        if (kit.lostCommits >= 0) throw new StoreUnavailable('the answer to COMMIT was lost');
        return value;
      }),
  };
  const script: Script = {
    start: () => kit.startFaults.shift() ?? 'accept',
    course: () => kit.courses.shift() ?? 'plain',
    durationMs: () => kit.durationMs,
    latencyMs: () => 1,
    look: () => 'answer',
    listLagMs: () => 0,
  };
  const upstream = createSimUpstream({ time, script });
  const log: Log = {
    info: () => {},
    warn: () => {},
    error: (event, fields, cause) => t.diagnostic(`${event} ${JSON.stringify(fields)} ${String(cause)}`),
  };
  const inFlightMax = options.inFlightMax ?? 64;
  const keys = createSimKeys({ database, clock, log, random: dice, inFlightMax });
  const health = createRouteHealth({ clock });
  const world: JobsWorld = {
    database,
    changes: createSignals(store.database, 'job', clock),
    hints: createSignals(store.database, 'hint', clock),
    clock,
    random: dice,
    newId,
    blobs,
    media: createMemoryMedia(blobs.temporary),
    log,
    catalog: simCatalog({ inFlightMax }),
    providers: simAdapters(),
    upstream,
    keys,
    health,
    looks: createLookPace(health),
    collects: createSlots(createCollectRoom()),
    inputs: NO_INPUTS,
    settings: simSettings({
      ...(options.queueMax === undefined ? {} : { teamQueueMax: options.queueMax }),
      ...(options.jobMs === undefined ? {} : { jobMs: options.jobMs }),
    }),
    publicUrl: () => 'https://gateway.invalid',
    reachCrashPoint: () => {},
  };
  const kit: JobsKit = {
    database: store.database,
    world,
    blobs,
    upstream,
    startFaults: [],
    courses: [],
    durationMs: 100,
    lostCommits: 0,
    addTeam: ({ concurrentMax = 50, credits = 10_000, keys: limits } = {}) =>
      addSimTeam(store.database, { newId, now: time.now(), concurrentMax, credits, keys: limits ?? [null] }),
    submit: async (caller, { model = 'sim-alpha', idempotency, world: other = world } = {}) =>
      submitJob(other, {
        ...checkedRequest(other.catalog, model),
        caller,
        webhook: null,
        idempotency: idempotency ?? null,
      }),
    startWorker: async () => {
      const workerId = await kit.addWorker();
      return { workerId, dispatcher: startDispatch(world, { workerId, drainMs: 0 }) };
    },
    addWorker: async () => {
      const workerId = newId();
      await registerWorker(store.database, workerId);
      return workerId;
    },
    killWorker: (workerId) => kit.write('UPDATE workers SET alive_until = 0 WHERE id = $1', [workerId]),
    runUntil: async (isTrue, msMax = 3_600_000) => {
      const until = time.now() + msMax;
      for (;;) {
        await time.settle();
        if (await isTrue()) return;
        if (!time.ringNext(until)) throw new Error(`it was not so within ${msMax} ms of virtual time`);
      }
    },
    runToEnd: () =>
      kit.runUntil(
        async () => (await store.database.query('SELECT id FROM jobs WHERE completed_at IS NULL LIMIT 1')).length === 0,
      ),
    runDuring: async (work) => {
      let isDone = false;
      const done = work.finally(() => {
        isDone = true;
      });
      done.catch(() => {});
      await kit.runUntil(() => isDone);
      return done;
    },
    job: async (jobId) => {
      const [row] = await store.database.query<JobRow>('SELECT * FROM jobs WHERE id = $1', [jobId]);
      if (row === undefined) throw new Error(`there is no job ${jobId}`);
      return row;
    },
    write: async (sql, values) => {
      await store.database.transaction((tx) => tx.query(sql, values));
    },
    dump: async () => {
      const tables: Record<string, Row[]> = {};
      for (const table of TABLES) tables[table] = await store.database.query(`SELECT * FROM ${table} ORDER BY 1, 2`);
      return JSON.stringify(tables);
    },
    audit: async () => [...(await auditLedger(store.database)), ...(await auditJobs(store.database))],
  };
  await keys.open();
  t.after(async () => {
    // A process that is gone: its loops stand still for ever, and then the store may go.
    owner.state = 'dead';
    await time.settle();
    await store.dispose();
  });
  return kit;
}

/** A plain request for a model, as the door hands it in. */
function checkedRequest(catalog: Catalog, id: string) {
  const model = catalog.findModel(id);
  if (model === undefined) throw new Error(`the doubles have no model ${id}`);
  const body = { model: id, prompt: 'a picture' };
  const checked = checkInput(model, body);
  if (!checked.ok) throw new Error(JSON.stringify(checked.details));
  return { operation: 'images/generate', model, input: checked.input, body };
}
