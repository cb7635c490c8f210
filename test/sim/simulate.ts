import type { CrashPoint } from '../../server/src/core/crash-point.ts';
import { idMaker } from '../../server/src/core/ids.ts';
import type { Row } from '../../server/src/database/database.ts';
import { CRASHES_MAX } from '../../server/src/jobs/claim.ts';
import { createChecker, type ClientBook } from './checks.ts';
import { createClients } from './clients.ts';
import { createCoverage, type Counts, type Coverage } from './coverage.ts';
import { createMemoryBlobs } from './memory-blobs.ts';
import { createMemoryMedia } from './memory-media.ts';
import { seededDice, type Dice } from './seeded-random.ts';
import { seededScript } from './seeded-script.ts';
import { createSimProcess, type SimParts, type SimProcess } from './sim-process.ts';
import { simAdapters, simCatalog } from './sim-providers.ts';
import { openSimStore, type SimStore } from './sim-store.ts';
import { addSimTeam, type SimTeam } from './sim-teams.ts';
import { createSimUpstream } from './sim-upstream.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';

/** What one history showed. */
export interface SimReport {
  seed: number;
  /** Broken promises; the history ends at the first. */
  broken: string[];
  counts: Counts;
  jobs: number;
  virtualMs: number;
}

const START_AT = Date.UTC(2026, 0, 1);
/** J2: a job has ended at most this long after its deadline once nothing is in its way. */
const LATE_MS_MAX = 60_000;
/** Work of a dead process goes on within this. */
const RESCUE_MS_MAX = 30_000;
/** Between the end of one suspect's run and the claim of the next one the hint may be lost; workers look every second. */
const HANDOVER_MS = 1_500;
const HANDOVERS_MAX = 5;
const CRASH_POINTS: readonly [CrashPoint, ...CrashPoint[]] = [
  'C8',
  'C9',
  'C10',
  'C11',
  'C12',
  'C15',
  'C16',
  'C18',
  'C19',
  'C20',
  'C21',
  'C22',
  'C23',
  'C25',
];

/** Plays one history: a time of faults, then a time without any in which everything must come to its end. */
export async function simulate(seed: number, options: { onLog?: (line: string) => void } = {}): Promise<SimReport> {
  const dice = seededDice(seed);
  const time = createVirtualTime(START_AT);
  const trueClock = time.clockOf({ state: 'running', skewMs: 0 });
  const store = await openSimStore(trueClock);
  try {
    return await play({ seed, dice, time, store, onLog: options.onLog ?? (() => {}) });
  } finally {
    await store.dispose();
  }
}

interface Stage {
  seed: number;
  dice: Dice;
  time: VirtualTime;
  store: SimStore;
  onLog: (line: string) => void;
}

async function play(stage: Stage): Promise<SimReport> {
  const { seed, dice, time, store } = stage;
  const shape = chooseShape(dice);
  const coverage = createCoverage(store.database);
  const book: ClientBook = { acknowledged: new Map(), unknown: 0, seenFinal: new Map() };
  const broken: string[] = [];
  const log = (line: string): void =>
    stage.onLog(`${((time.now() - START_AT) / 1000).toFixed(3).padStart(9)}  ${line}`);
  const clock = time.clockOf({ state: 'running', skewMs: 0 });
  const blobs = createMemoryBlobs(time.now);
  const script = seededScript(dice, coverage);
  const upstream = createSimUpstream({
    time,
    script,
    onBought: (generation) => {
      log(`provider sold ${generation.id} (${generation.course}) for attempt ${generation.attemptId}`);
      checker.onBought(generation);
      clients.expectCallbacks(generation);
    },
  });
  const checker = createChecker({
    store,
    blobs,
    book,
    coverage,
    inFlightMax: shape.inFlightMax,
    now: time.now,
    generations: () => upstream.generations,
  });
  const parts: SimParts = {
    time,
    dice,
    database: store.database,
    blobs,
    media: createMemoryMedia(blobs.temporary),
    upstream,
    net: {
      exchange: async () => {
        await clock.sleep(dice.between(5, 300));
        const status = dice.chance(0.8) ? 200 : 500;
        return { kind: 'answer', status, headers: {}, body: new Uint8Array(), truncated: false };
      },
    },
    catalog: simCatalog({ inFlightMax: shape.inFlightMax }),
    providers: simAdapters(),
    settings: { sandbox: 'off', retentionMs: 30 * 86_400_000, teamQueueMax: shape.queueMax, jobMs: shape.jobMs },
    onError: (line) => broken.push(line),
    onLog: log,
    onTrapped: (process, trap) => {
      log(`${process.name} is caught at ${trap.point}: ${trap.does}`);
      coverage.count(`trap ${trap.does} at ${trap.point}`);
      if (trap.does === 'crash') process.crash();
      else process.pause();
      chaos.afterwards(process);
    },
  };
  const teams = await addTeams(stage);
  const chaos = createChaos({ parts, coverage, log, endAt: START_AT + shape.faultsMs });
  const clients = createClients({
    dice,
    time,
    clock,
    teams,
    book,
    coverage,
    log,
    catalog: parts.catalog,
    door: () => chaos.door(),
    onBroken: (line) => broken.push(line),
  });
  void chaos.run();
  void clients.run(START_AT + shape.faultsMs);

  const run = async (until: () => Promise<number>): Promise<void> => {
    for (;;) {
      await time.settle();
      broken.push(...(await checker.check()));
      if (broken.length > 0 || !time.ringNext(await until())) return;
    }
  };
  await run(async () => START_AT + shape.faultsMs);
  log('no more faults from here');
  const calmAt = time.now();
  script.calm();
  chaos.calm();
  if (broken.length === 0) await run(async () => calmAt + RESCUE_MS_MAX);
  let forgotten = broken.length === 0 ? await findForgotten(store) : [];
  for (let looks = 1; forgotten.length > 0 && broken.length === 0 && looks < HANDOVERS_MAX; looks += 1) {
    const until = time.now() + HANDOVER_MS;
    await run(async () => until);
    const still = new Set(await findForgotten(store));
    forgotten = forgotten.filter((line) => still.has(line));
  }
  broken.push(...forgotten);
  if (broken.length === 0) await run(async () => ((await isAllOver(store)) ? 0 : latestEnd(store, calmAt)));
  if (broken.length === 0) broken.push(...(await findUnfinished(stage, { calmAt, endedAt: checker.endedAt })));
  for (const process of chaos.all()) process.crash();
  await time.settle();
  return { seed, broken, counts: coverage.counts, jobs: book.acknowledged.size, virtualMs: time.now() - START_AT };
}

interface Shape {
  faultsMs: number;
  jobMs: number;
  inFlightMax: number;
  queueMax: number;
}

function chooseShape(dice: Dice): Shape {
  return {
    faultsMs: dice.between(30, 150) * 1000,
    // Most are short, so that deadlines are met; a few are long enough for a lost purchase to be written off.
    jobMs: dice.chance(0.03) ? 20 * 60_000 : dice.between(20, 180) * 1000,
    inFlightMax: dice.between(2, 6),
    queueMax: dice.between(4, 12),
  };
}

async function addTeams(stage: Stage): Promise<SimTeam[]> {
  const { dice, time, store } = stage;
  const newId = idMaker(time.clockOf({ state: 'running', skewMs: 0 }), dice);
  const teams: SimTeam[] = [];
  for (let count = 0; count < 3; count += 1) {
    const concurrentMax = dice.between(1, 4);
    const keys: [null, ...number[]] = dice.chance(0.5) ? [null] : [null, dice.between(1, 2)];
    teams.push(
      await addSimTeam(store.database, {
        newId,
        now: time.now(),
        concurrentMax,
        keys,
        credits: dice.pick([15, 60, 500]),
      }),
    );
  }
  return teams;
}

interface Chaos {
  run(): Promise<void>;
  /** The process that serves clients, or null while it is dead. */
  door(): SimProcess | null;
  /** Sees to it that a process which was caught comes back. */
  afterwards(process: SimProcess): void;
  /** Ends every fault: dead processes start, paused ones go on, clocks are right. */
  calm(): void;
  all(): SimProcess[];
}

/** Kills, stops, starts and confuses the processes of a history. */
function createChaos(options: {
  parts: SimParts;
  coverage: Coverage;
  log: (line: string) => void;
  endAt: number;
}): Chaos {
  const { parts, coverage, log, endAt } = options;
  const { dice, time } = parts;
  const clock = time.clockOf({ state: 'running', skewMs: 0 });
  const processes = new Map<string, SimProcess>();
  const isFaulty = (): boolean => time.now() < endAt;

  const start = async (name: string): Promise<void> => {
    const process = createSimProcess(parts, name);
    processes.set(name, process);
    log(`${name} starts`);
    try {
      if (name !== 'door') await process.startWorker();
    } catch (error) {
      // The store was away: the operator's supervisor tries again.
      log(`${name} could not start: ${String(error)}`);
      process.crash();
      await comeBack(process);
    }
  };
  const comeBack = async (process: SimProcess): Promise<void> => {
    await clock.sleep(Math.min(dice.between(500, 45_000), Math.max(0, endAt - time.now())));
    if (processes.get(process.name) !== process) return;
    if (process.state() === 'paused') {
      log(`${process.name} goes on`);
      process.resume();
    } else if (process.state() === 'dead') {
      await coverage.event('restart', null);
      await start(process.name);
    }
  };
  const strike = async (process: SimProcess): Promise<void> => {
    switch (dice.weighted({ crash: 2, pause: 3, stop: 1, jump: 2, outage: 2, trap: 8 })) {
      case 'crash':
        await coverage.event('crash', null);
        log(`${process.name} crashes`);
        process.crash();
        return comeBack(process);
      case 'pause':
        await coverage.event('pause', null);
        log(`${process.name} is paused`);
        process.pause();
        return comeBack(process);
      case 'stop':
        await coverage.event('stop', null);
        log(`${process.name} is asked to stop`);
        await process.stop().catch((error: unknown) => {
          log(`${process.name} could not stop well: ${String(error)}`);
          process.crash();
        });
        return comeBack(process);
      case 'jump':
        if (process.name === 'door') return;
        await coverage.event('clock-jump', null);
        process.jumpClock(dice.pick([-3_600_000, 3_600_000, 0]));
        log(`the clock of ${process.name} jumps`);
        return;
      case 'outage':
        await coverage.event('outage', null);
        log(`${process.name} loses the store`);
        process.beginOutage();
        await clock.sleep(dice.between(200, 8_000));
        return process.endOutage();
      case 'trap':
        return process.setTrap(
          process.name === 'door'
            ? { point: dice.pick(['C2', 'C3', 'C4', 'C5', 'C13', 'C14']), does: 'crash' }
            : { point: dice.pick(CRASH_POINTS), does: dice.chance(0.5) ? 'crash' : 'pause' },
        );
    }
  };

  return {
    run: async () => {
      for (const name of ['door', 'worker-1', 'worker-2']) await start(name);
      for (;;) {
        await clock.sleep(dice.between(500, 12_000));
        if (!isFaulty()) return;
        const process = processes.get(dice.pick(['door', 'worker-1', 'worker-2', 'worker-1', 'worker-2']));
        if (process?.state() === 'running') void strike(process);
      }
    },
    door: () => processes.get('door') ?? null,
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

async function isAllOver(store: SimStore): Promise<boolean> {
  return (await store.database.query('SELECT id FROM jobs WHERE completed_at IS NULL LIMIT 1')).length === 0;
}

async function latestEnd(store: SimStore, calmAt: number): Promise<number> {
  const [row] = await store.database.query<Row & { deadline: number | null }>(
    'SELECT MAX(deadline_at) AS deadline FROM jobs WHERE completed_at IS NULL',
  );
  return Math.max(row?.deadline ?? 0, calmAt) + LATE_MS_MAX;
}

/**
 * Jobs that run in nobody's hands although everybody is well again for long enough. One crash short of poison is the
 * only reason to wait: such suspects run one at a time, so one of them may wait while another is in a worker's hands.
 */
async function findForgotten(store: SimStore): Promise<string[]> {
  const rows = await store.database.query<Row & { id: string }>(
    `SELECT id FROM jobs WHERE status = 'PROCESSING'
       AND NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = lease_owner AND alive_until >= lumegate_now())
       AND NOT (crashes = $1 AND lease_owner IS NULL AND EXISTS (
         SELECT 1 FROM jobs AS other JOIN workers ON workers.id = other.lease_owner
         WHERE other.status = 'PROCESSING' AND other.crashes = $1 AND alive_until >= lumegate_now()))`,
    [CRASHES_MAX - 1],
  );
  return rows.map((row) => `job ${row.id} was not picked up within ${RESCUE_MS_MAX} ms`);
}

async function findUnfinished(
  stage: Stage,
  facts: { calmAt: number; endedAt: ReadonlyMap<string, number> },
): Promise<string[]> {
  const jobs = await stage.store.database.query<Row & { id: string; status: string; deadline_at: number }>(
    'SELECT id, status, deadline_at FROM jobs',
  );
  const late = jobs.filter((job) => {
    const endedAt = facts.endedAt.get(job.id) ?? Number.POSITIVE_INFINITY;
    return endedAt > Math.max(job.deadline_at, facts.calmAt) + LATE_MS_MAX;
  });
  const held = await stage.store.database.query('SELECT id FROM accounts WHERE held <> 0 OR open_holds <> 0');
  return [
    ...late.map((job) => `job ${job.id} (${job.status}) did not end within ${LATE_MS_MAX} ms of its deadline`),
    ...held.map((account) => `account ${account['id']} still holds credits though every job has ended`),
  ];
}
