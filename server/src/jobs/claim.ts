import type { ProviderKey } from '../core/provider-keys-port.ts';
import type { Row, Tx } from '../database/database.ts';
import { unindexed } from '../database/unindexed.ts';
import { countRunning, hasRoom, placeFor, placeOfOrphan, type Place, type PlacedJob, type Running } from './place.ts';
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

interface WaitingRow extends Row, PlacedJob {
  id: string;
  key_id: string;
  queue_rank: number;
  team_max: number;
  key_max: number | null;
}

const COLUMNS = `jobs.id, jobs.team_id, jobs.key_id, jobs.model, jobs.queue_rank,
  jobs.providers, jobs.own_keys, jobs.provider, jobs.provider_key,
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

/** The page is taken before anything is joined, or PostgreSQL may sort the whole queue for it. */
const WAITING = `
SELECT ${COLUMNS} FROM (
  SELECT * FROM jobs
  WHERE status = 'QUEUED' AND (queue_rank, id) > ($1, $2)
  AND team_id NOT IN (${places(4)}) AND key_id NOT IN (${places(4 + FULL_MAX)})
  ORDER BY queue_rank, id LIMIT $3
) AS jobs
JOIN teams ON teams.id = jobs.team_id JOIN api_keys ON api_keys.id = jobs.key_id
ORDER BY jobs.queue_rank, jobs.id`;

/** An orphan stays where its purchase may be open, or that provider would carry more than is counted there. */
const TAKE = `
UPDATE jobs SET status = 'PROCESSING', lease_owner = $2, lease_epoch = lease_epoch + 1,
  provider = CAST($3 AS TEXT), provider_key = CAST($4 AS TEXT), started_at = COALESCE(started_at, $5)
WHERE id = $1 AND (${unindexed('status')} = 'QUEUED' OR (${unindexed('status')} = 'PROCESSING' AND lease_owner IS NULL))
RETURNING lease_epoch`;

/**
 * Takes up to `limit` jobs: orphans first, then by rank, within the limits per team, key and provider.
 * Claims run one after another, so the limits hold across processes.
 */
export async function claimJobs(world: JobsWorld, options: { workerId: string; limit: number }): Promise<Lease[]> {
  const leases = await world.database.transaction(async (tx) => {
    const limit = Math.min(options.limit, CLAIM_MAX);
    // One journey to the store; they run there in this order.
    const [, suspects, orphans, waiting] = await Promise.all([
      tx.lock('claim'),
      tx.query<WaitingRow>(SUSPECT, [CRASHES_MAX - 1]),
      tx.query<WaitingRow>(ORPHANS, [CRASHES_MAX - 1, limit]),
      readWaiting(tx, FRONT, NOBODY_FULL),
    ]);
    // Each job that ends wakes the claim. Where nothing waits it must not count ten thousand running jobs for that, nor write.
    if (suspects.length + orphans.length + waiting.length === 0) return [];
    const [isAlive, running] = await Promise.all([holdAlive(tx, options.workerId), countRunning(tx)]);
    // A worker that was paused may have been declared dead: what it took now, nobody would ever take away.
    if (!isAlive) return [];
    const chosen: Choice[] = [...suspects, ...orphans].map((job) => ({
      job,
      place: placeOfOrphan(world, job, running),
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
  /** null when no provider is left; the runner then fails the job. */
  place: Place | null;
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
      const place = placeFor(world, job, running);
      if (place === 'full') continue;
      running.add(job.team_id, job.key_id, place, 1);
      chosen.push({ job, place });
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

async function take(world: JobsWorld, tx: Tx, choice: Choice & { workerId: string }): Promise<Lease | null> {
  const { place } = choice;
  const values = [choice.job.id, choice.workerId, place?.provider ?? null, place?.keyId ?? null, world.clock.now()];
  const row = (await tx.query<{ lease_epoch: number }>(TAKE, values))[0];
  return row === undefined ? null : { jobId: choice.job.id, workerId: choice.workerId, epoch: row.lease_epoch };
}

const MOVE = `
UPDATE jobs SET provider = $4, provider_key = $5
WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3 AND ${unindexed('status')} = 'PROCESSING' RETURNING id`;

/** Moves a running job to another key; false while that one carries as many as it may. Throws LeaseLost. */
export async function moveJob(world: JobsWorld, lease: Lease, key: ProviderKey): Promise<boolean> {
  return world.database.transaction(async (tx) => {
    await tx.lock('claim');
    if (!hasRoom(await countRunning(tx), key)) return false;
    const rows = await tx.query(MOVE, [lease.jobId, lease.workerId, lease.epoch, key.provider, key.id]);
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
