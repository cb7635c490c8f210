import type { Row, Tx } from '../database/database.ts';
import { findRoutes } from './call-plan.ts';
import { holdAlive } from './workers.ts';
import { LeaseLost, type JobsWorld, type Lease } from './world.ts';

/** A job that was running when its worker died this often is a poison: it is left to the sweep, which fails it. */
export const CRASHES_MAX = 3;
/** Jobs taken in one transaction; more would make the others wait for the writer. */
const CLAIM_MAX = 64;
/** Teams, and keys, at their limit that one claim steps over as a whole, however many jobs they have waiting. */
const FULL_MAX = 16;
/** Waiting jobs looked at in one go, and goes in one claim: teams at their limit are stepped over. */
const PAGE = 200;
const PAGES_MAX = 10;

interface WaitingRow extends Row {
  id: string;
  team_id: string;
  key_id: string;
  model: string;
  mode: 'live' | 'test';
  status: 'QUEUED' | 'PROCESSING';
  queue_rank: number;
  team_max: number;
  key_max: number | null;
}

const COLUMNS = `jobs.id, jobs.team_id, jobs.key_id, jobs.model, jobs.mode, jobs.status, jobs.queue_rank,
  teams.max_concurrent_jobs AS team_max, api_keys.max_concurrent_jobs AS key_max`;

/**
 * Jobs that a dead worker left behind; they count as running already and come first. One more death would make a
 * poison of a suspect, so suspects run one at a time: its neighbours must not die with it.
 */
const ORPHANS = `
SELECT ${COLUMNS} FROM jobs
JOIN teams ON teams.id = jobs.team_id JOIN api_keys ON api_keys.id = jobs.key_id
WHERE jobs.status = 'PROCESSING' AND jobs.lease_owner IS NULL AND jobs.crashes < $1
ORDER BY jobs.created_at LIMIT $2`;

const SUSPECT = `
SELECT ${COLUMNS} FROM jobs
JOIN teams ON teams.id = jobs.team_id JOIN api_keys ON api_keys.id = jobs.key_id
WHERE jobs.status = 'PROCESSING' AND jobs.lease_owner IS NULL AND jobs.crashes = $1
AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.status = 'PROCESSING' AND other.lease_owner IS NOT NULL AND other.crashes >= $1)
ORDER BY jobs.created_at LIMIT 1`;

const WAITING = `
SELECT ${COLUMNS} FROM jobs
JOIN teams ON teams.id = jobs.team_id JOIN api_keys ON api_keys.id = jobs.key_id
WHERE jobs.status = 'QUEUED' AND (jobs.queue_rank, jobs.id) > ($1, $2)
AND jobs.team_id NOT IN (${places(4)}) AND jobs.key_id NOT IN (${places(4 + FULL_MAX)})
ORDER BY jobs.queue_rank, jobs.id LIMIT $3`;

const RUNNING = `
SELECT team_id, key_id, provider, COUNT(*) AS running FROM jobs
WHERE status = 'PROCESSING' GROUP BY team_id, key_id, provider`;

/** An orphan stays where its purchase may be open, or that provider would carry more than is counted there. */
const TAKE = `
UPDATE jobs SET status = 'PROCESSING', lease_owner = $2, lease_epoch = lease_epoch + 1,
  provider = CASE WHEN status = 'QUEUED' THEN CAST($3 AS TEXT) ELSE COALESCE(provider, CAST($3 AS TEXT)) END,
  started_at = COALESCE(started_at, $4)
WHERE id = $1 AND (status = 'QUEUED' OR (status = 'PROCESSING' AND lease_owner IS NULL))
RETURNING lease_epoch`;

/**
 * Takes up to `limit` jobs: orphans first, then by rank, within the limits per team, key and provider.
 * Claims run one after another, so the limits hold across processes.
 */
export async function claimJobs(world: JobsWorld, options: { workerId: string; limit: number }): Promise<Lease[]> {
  const leases = await world.database.transaction(async (tx) => {
    const limit = Math.min(options.limit, CLAIM_MAX);
    // One journey to the store; they run there in this order.
    const [, isAlive, running, suspects, orphans, waiting] = await Promise.all([
      tx.lock('claim'),
      holdAlive(tx, options.workerId),
      countRunning(tx),
      tx.query<WaitingRow>(SUSPECT, [CRASHES_MAX - 1]),
      tx.query<WaitingRow>(ORPHANS, [CRASHES_MAX - 1, limit]),
      readWaiting(tx, FRONT, NOBODY_FULL),
    ]);
    // A worker that was paused may have been declared dead: what it took now, nobody would ever take away.
    if (!isAlive) return [];
    const chosen = [...suspects, ...orphans].map((job) => ({
      job,
      provider: providerFor(world, job, running, { mustFit: false }),
    }));
    await chooseWaiting(world, tx, { limit, running, chosen, waiting });
    const taken = await Promise.all(chosen.map((choice) => take(world, tx, { ...choice, workerId: options.workerId })));
    return taken.filter((lease) => lease !== null);
  });
  for (const lease of leases) world.database.notify('job', lease.jobId);
  return leases;
}

/** `$4, $5, …`: as many placeholders as a statement of fixed text has for a set. */
function places(first: number): string {
  return Array.from({ length: FULL_MAX }, (_, index) => `$${first + index}`).join(', ');
}

/** The set as that many values; what does not fit is stepped over row by row. */
function padded(ids: ReadonlySet<string>): string[] {
  return [...ids, ...Array.from({ length: FULL_MAX }, () => '')].slice(0, FULL_MAX);
}

interface Choice {
  job: WaitingRow;
  /** null when no route is left; the runner then fails the job. */
  provider: string | null;
}

async function chooseWaiting(
  world: JobsWorld,
  tx: Tx,
  state: { limit: number; running: Running; chosen: Choice[]; waiting: WaitingRow[] },
): Promise<void> {
  const { limit, running, chosen } = state;
  const full: Full = { teams: new Set(), keys: new Set() };
  let rows = state.waiting;
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    for (const job of rows) {
      if (chosen.length >= limit) break;
      if (running.of('team', job.team_id) >= job.team_max) {
        full.teams.add(job.team_id);
        continue;
      }
      if (job.key_max !== null && running.of('key', job.key_id) >= job.key_max) {
        full.keys.add(job.key_id);
        continue;
      }
      const provider = providerFor(world, job, running, { mustFit: true });
      if (provider === 'full') continue;
      running.add(job.team_id, job.key_id, provider, 1);
      chosen.push({ job, provider });
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE || chosen.length >= limit) return;
    rows = await readWaiting(tx, { rank: last.queue_rank, id: last.id }, full);
  }
}

/** Teams and keys that run as many jobs as they may. */
interface Full {
  teams: Set<string>;
  keys: Set<string>;
}

const NOBODY_FULL: Readonly<Full> = { teams: new Set(), keys: new Set() };
/** Before every rank there is. */
const FRONT = { rank: -1, id: '' };

function readWaiting(tx: Tx, after: { rank: number; id: string }, full: Readonly<Full>): Promise<WaitingRow[]> {
  return tx.query<WaitingRow>(WAITING, [after.rank, after.id, PAGE, ...padded(full.teams), ...padded(full.keys)]);
}

function providerFor(
  world: JobsWorld,
  job: WaitingRow,
  running: Running,
  options: { mustFit: boolean },
): string | null {
  const model = world.catalog.findModel(job.model);
  if (model === undefined) return null;
  const routes = findRoutes(world, model, job.mode);
  if (routes.length === 0) return null;
  const free = routes.find((route) => hasRoom(world, running, route.provider));
  if (free !== undefined) return free.provider;
  return options.mustFit ? 'full' : (routes[0]?.provider ?? null);
}

async function take(world: JobsWorld, tx: Tx, choice: Choice & { workerId: string }): Promise<Lease | null> {
  const values = [choice.job.id, choice.workerId, choice.provider, world.clock.now()];
  const row = (await tx.query<{ lease_epoch: number }>(TAKE, values))[0];
  return row === undefined ? null : { jobId: choice.job.id, workerId: choice.workerId, epoch: row.lease_epoch };
}

function hasRoom(world: JobsWorld, running: Running, provider: string): boolean {
  const facts = world.catalog.providers.get(provider);
  return facts !== undefined && running.of('provider', provider) < facts.maxInFlight;
}

const MOVE = `
UPDATE jobs SET provider = $4 WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3 AND status = 'PROCESSING' RETURNING id`;

/** Moves a running job to another provider; false while that one carries as many as it may. Throws LeaseLost. */
export async function moveJob(world: JobsWorld, lease: Lease, provider: string): Promise<boolean> {
  return world.database.transaction(async (tx) => {
    await tx.lock('claim');
    if (!hasRoom(world, await countRunning(tx), provider)) return false;
    const rows = await tx.query(MOVE, [lease.jobId, lease.workerId, lease.epoch, provider]);
    if (rows.length === 0) throw new LeaseLost(lease.jobId);
    return true;
  });
}

const LIST_LEASES = `SELECT id, lease_epoch FROM jobs WHERE status = 'PROCESSING' AND lease_owner = $1`;

/** Everything that a worker holds; needed where the answer to a claim was lost. */
export async function listLeases(world: JobsWorld, workerId: string): Promise<Lease[]> {
  const rows = await world.database.query<Row & { id: string; lease_epoch: number }>(LIST_LEASES, [workerId]);
  return rows.map((row) => ({ jobId: row.id, workerId, epoch: row.lease_epoch }));
}

/** Running jobs by team, key and provider. */
interface Running {
  of(kind: 'team' | 'key' | 'provider', id: string): number;
  add(team: string, key: string, provider: string | null, count: number): void;
}

async function countRunning(tx: Tx): Promise<Running> {
  const counts = new Map<string, number>();
  const bump = (name: string, count: number): void => {
    counts.set(name, (counts.get(name) ?? 0) + count);
  };
  const running: Running = {
    of: (kind, id) => counts.get(`${kind} ${id}`) ?? 0,
    add: (team, key, provider, count) => {
      bump(`team ${team}`, count);
      bump(`key ${key}`, count);
      if (provider !== null) bump(`provider ${provider}`, count);
    },
  };
  const rows = await tx.query<{ team_id: string; key_id: string; provider: string | null; running: number }>(RUNNING);
  for (const row of rows) running.add(row.team_id, row.key_id, row.provider, row.running);
  return running;
}
