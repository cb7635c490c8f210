import { idMaker } from '../../server/src/core/ids.ts';
import type { Row } from '../../server/src/database/database.ts';
import { CRASHES_MAX } from '../../server/src/jobs/claim.ts';
import { insertProviderKey } from '../../server/src/teams/provider-keys.ts';
import type { JobSettings } from '../../server/src/jobs/world.ts';
import { createChaos } from './chaos.ts';
import { createChecker, type ClientBook } from './checks.ts';
import { createClients } from './clients.ts';
import { createCoverage, type Counts } from './coverage.ts';
import { createHunter, targetsOf, trapOf } from './hunter.ts';
import { createMemoryBlobs } from './memory-blobs.ts';
import { createMemoryMedia } from './memory-media.ts';
import { countOutcomes } from './outcomes.ts';
import { seededDice, type Dice } from './seeded-random.ts';
import { seededScript } from './seeded-script.ts';
import type { SimParts } from './sim-process.ts';
import { openSimVault, simSettings } from './sim-keys.ts';
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
  const targets = targetsOf(seed);
  const favoured = targets.map(({ place }) => place);
  const script = seededScript({ dice, coverage, now: time.now, faultsMs: shape.faultsMs, favoured });
  const upstream = createSimUpstream({
    time,
    script,
    onBought: (generation) => {
      log(`provider sold ${generation.id} (${generation.course}) for attempt ${generation.attemptId}`);
      checker.onBought(generation);
      clients.expectCallbacks(generation);
    },
    onSeen: coverage.seen,
  });
  const checker = createChecker({
    store,
    blobs,
    book,
    coverage,
    inFlightMax: shape.inFlightMax,
    settings: shape.settings,
    isRefused: (provider, teamId) => chaos.all().some((process) => process.isRefused(provider, teamId)),
    now: time.now,
    generations: () => upstream.generations,
  });
  const parts: SimParts = {
    time,
    dice,
    coverage,
    secrets: { SIM_BETA_KEYS: 'sim-beta-key-1,sim-beta-key-2' },
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
    settings: simSettings(shape.settings),
    inFlightMax: shape.inFlightMax,
    onError: (line) => broken.push(line),
    onLog: log,
    onTrapped: (process, trap) => {
      log(`${process.name} is caught at ${trap.point}: ${trap.does}`);
      coverage.count(`trap ${trap.does} at ${trap.point}`);
      void coverage.event(trap.does, { by: process });
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
    database: store.database,
    generations: () => upstream.generations,
    catalog: parts.catalog,
    door: () => chaos.door(),
    onBroken: (line) => broken.push(line),
  });
  const hunter = createHunter({
    targets,
    trap: trapOf(seed),
    coverage,
    store,
    chaos,
    clients,
    log,
    isFaulty: () => time.now() < START_AT + shape.faultsMs,
  });
  void chaos.run();
  void clients.run(START_AT + shape.faultsMs);

  const run = async (until: () => Promise<number>): Promise<void> => {
    for (;;) {
      await time.settle();
      const seen = await checker.check();
      broken.push(...seen.broken);
      if (seen.hasChanged) await hunter.look();
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
  await countOutcomes(store.database, coverage.counts);
  return { seed, broken, counts: coverage.counts, jobs: book.acknowledged.size, virtualMs: time.now() - START_AT };
}

interface Shape {
  faultsMs: number;
  inFlightMax: number;
  settings: Pick<JobSettings, 'jobMs' | 'teamQueueMax' | 'ambiguous' | 'contentRefused' | 'shortfall'>;
}

function chooseShape(dice: Dice): Shape {
  return {
    faultsMs: dice.between(30, 150) * 1000,
    inFlightMax: dice.between(2, 6),
    settings: {
      teamQueueMax: dice.between(4, 12),
      // Most are short, so that deadlines are met; a few are long enough for everything that takes its time.
      jobMs: dice.chance(0.03) ? 20 * 60_000 : dice.between(20, 180) * 1000,
      ambiguous: dice.chance(0.3) ? 'retry-once' : 'fail',
      contentRefused: dice.chance(0.3) ? 'other-route' : 'fail',
      shortfall: dice.chance(0.4) ? 'reroute' : 'keep',
    },
  };
}

async function addTeams(stage: Stage): Promise<SimTeam[]> {
  const { dice, time, store } = stage;
  const newId = idMaker(time.clockOf({ state: 'running', skewMs: 0 }), dice);
  const teams: SimTeam[] = [];
  for (let count = 0; count < 3; count += 1) {
    const concurrentMax = dice.between(1, 4);
    const keys: [null, ...number[]] = dice.chance(0.5) ? [null] : [null, dice.between(1, 2)];
    const credits = dice.pick([15, 60, 500]);
    teams.push(await addSimTeam(store.database, { newId, now: time.now(), concurrentMax, keys, credits }));
  }
  const [owner] = teams;
  if (owner !== undefined && dice.chance(0.3)) {
    owner.ownKeyFor = 'beta';
    const key = { provider: 'beta', teamId: owner.id, label: 'own', secret: 'sim-own-key', maxInFlight: null };
    await insertProviderKey(store.database, { ...key, newId, now: time.now(), vault: openSimVault(dice) });
  }
  return teams;
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
