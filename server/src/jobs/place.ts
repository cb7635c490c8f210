import type { ProviderKey } from '../core/provider-keys-port.ts';
import type { Row, Tx } from '../database/database.ts';
import type { JobsWorld } from './world.ts';

/** Where a job buys: the count of jobs at a provider's key is what its limit is about. */
export interface Place {
  provider: string;
  keyId: string;
}

/** What a place is chosen by: the part of a job's row that tells which providers it may take. */
export interface PlacedJob {
  model: string;
  team_id: string;
  /** Ids with commas between, best first; null on rows of before this column, which the sandbox served alone. */
  providers: string | null;
  /** 1 where the team pays the provider with a key of its own. */
  own_keys: number;
  provider: string | null;
  provider_key: string | null;
}

/** An orphan stays where its purchase may be open, or that key would carry more than is counted there. */
export function placeOfOrphan(world: JobsWorld, job: PlacedJob, running: Running): Place | null {
  if (job.provider !== null && job.provider_key !== null) return { provider: job.provider, keyId: job.provider_key };
  const place = placeFor(world, job, running);
  return place === 'full' ? null : place;
}

/** The first provider of the job that has room and may be tried now; 'full' when it is worth waiting for one. */
export function placeFor(world: JobsWorld, job: PlacedJob, running: Running): Place | 'full' | null {
  const model = world.catalog.findModel(job.model);
  const providers = job.providers?.split(',') ?? ['sandbox'];
  const owner = job.own_keys === 1 ? job.team_id : null;
  let isWorthWaiting = false;
  for (const provider of providers) {
    const routes = model?.routes.filter((route) => route.provider === provider) ?? [];
    if (routes.length === 0) continue;
    const isOpen = routes.every((route) => world.health.waitMs(route) > 0);
    const keys = world.keys.usable(provider, owner);
    const key = isOpen ? undefined : keys.find((one) => hasRoom(running, one));
    if (key !== undefined) return { provider, keyId: key.id };
    // A key that is refused or out of money is worth no wait: the job fails at once, and nobody is charged.
    if (!isRefused(world, provider, owner)) isWorthWaiting = true;
  }
  return isWorthWaiting ? 'full' : null;
}

/** True when the provider takes none of the owner's keys at present, or he has none for it. */
export function isRefused(world: Pick<JobsWorld, 'keys'>, provider: string, owner: string | null): boolean {
  const { keys } = world;
  if (!keys.configured(owner).has(provider)) return true;
  if (keys.usable(provider, owner).length > 0) return false;
  return keys.problems().some((problem) => problem.provider === provider && problem.teamId === owner);
}

/** Whether one more job may buy with this key. */
export function hasRoom(running: Running, key: Pick<ProviderKey, 'id' | 'maxInFlight'>): boolean {
  return running.of('provider key', key.id) < key.maxInFlight;
}

const RUNNING = `
SELECT team_id, key_id, provider, provider_key, COUNT(*) AS running FROM jobs
WHERE status = 'PROCESSING' GROUP BY team_id, key_id, provider, provider_key`;

/** Running jobs by team, key and key of a provider. */
export interface Running {
  of(kind: 'team' | 'key' | 'provider key', id: string): number;
  add(team: string, key: string, place: Place | null, count: number): void;
}

interface RunningRow extends Row {
  team_id: string;
  key_id: string;
  provider: string | null;
  provider_key: string | null;
  running: number;
}

/** Counts what runs, everywhere. */
export async function countRunning(tx: Tx): Promise<Running> {
  const counts = new Map<string, number>();
  const bump = (name: string, count: number): void => {
    counts.set(name, (counts.get(name) ?? 0) + count);
  };
  const running: Running = {
    of: (kind, id) => counts.get(`${kind} ${id}`) ?? 0,
    add: (team, key, place, count) => {
      bump(`team ${team}`, count);
      bump(`key ${key}`, count);
      if (place !== null) bump(`provider key ${place.keyId}`, count);
    },
  };
  for (const row of await tx.query<RunningRow>(RUNNING)) {
    const { provider, provider_key: keyId } = row;
    const place = provider === null || keyId === null ? null : { provider, keyId };
    running.add(row.team_id, row.key_id, place, row.running);
  }
  return running;
}
