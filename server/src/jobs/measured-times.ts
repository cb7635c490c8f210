import type { Catalog } from '../catalog/load-catalog.ts';
import type { Database, Row } from '../database/database.ts';

/** How long runs of a model took here, from the first worker's hand on it to the stored result, in seconds. */
export interface MeasuredSeconds {
  /** How many of the last runs these figures come from. */
  count: number;
  /** Half of them took no longer. */
  p50: number;
  /** Nineteen of twenty took no longer. */
  p95: number;
}

/** Figures of this gateway's own purchases; what the sandbox draws is never among them. */
export interface MeasuredTimes {
  /** null where too few runs have ended to say anything. */
  of(modelId: string): MeasuredSeconds | null;
  /** Counts the changes of any figure. */
  version(): number;
  /** Reads the figures anew. */
  refresh(signal: AbortSignal): Promise<void>;
}

/** Older runs say little about today. */
const RUNS_MAX = 200;
/** With fewer the middle is chance. */
const RUNS_MIN = 5;
const MS_PER_TENTH = 100;

/** The last runs of a model by an operation, newest first, as the partial index `jobs_measured` has them. */
export const LAST_RUNS = `
SELECT completed_at - started_at AS ms FROM jobs
WHERE model = $1 AND operation = $2 AND status = 'COMPLETED' AND mode = 'live' AND provider <> 'sandbox'
ORDER BY completed_at DESC LIMIT ${RUNS_MAX}`;

/** Knows nothing until the first `refresh`. */
export function createMeasuredTimes(world: { database: Database; catalog: Catalog }): MeasuredTimes {
  let figures: ReadonlyMap<string, MeasuredSeconds> = new Map();
  let version = 0;
  return {
    of: (modelId) => figures.get(modelId) ?? null,
    version: () => version,
    refresh: async (signal) => {
      const fresh = new Map<string, MeasuredSeconds>();
      // One model after another, so that callers get their turn in between.
      for (const { id, operations } of world.catalog.models.values()) {
        if (signal.aborted) return;
        const rows = await world.database.query<Row & { ms: number }>(LAST_RUNS, [id, operations[0] ?? '']);
        if (rows.length >= RUNS_MIN) fresh.set(id, figuresOf(rows.map(({ ms }) => ms)));
      }
      if (isSame(figures, fresh)) return;
      figures = fresh;
      version += 1;
    },
  };
}

function figuresOf(durationsMs: readonly number[]): MeasuredSeconds {
  const sorted = durationsMs.map((ms) => Math.max(0, ms)).toSorted((a, b) => a - b);
  const at = (share: number): number => tenths(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
  return { count: sorted.length, p50: at(0.5), p95: at(0.95) };
}

/** Finer figures would change with every run and tell nobody more. */
function tenths(ms: number): number {
  return Math.round(ms / MS_PER_TENTH) / 10;
}

function isSame(one: ReadonlyMap<string, MeasuredSeconds>, other: ReadonlyMap<string, MeasuredSeconds>): boolean {
  return (
    one.size === other.size &&
    [...one].every(([id, { count, p50, p95 }]) => {
      const now = other.get(id);
      return now !== undefined && now.count === count && now.p50 === p50 && now.p95 === p95;
    })
  );
}
