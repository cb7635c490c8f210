import type { StoreEvidence } from './evidence.ts';

/**
 * From the restart to the first step of the last orphan: a job's next event, or the next try to tell an ending. Null
 * where nothing was orphaned, Infinity where something never went on. All in milliseconds.
 */
export function measureResumed(facts: {
  /** As the blow left it. */
  left: StoreEvidence;
  store: StoreEvidence;
  restartedAt: number;
  /** When the receiver heard of each event, by its id. */
  times: ReadonlyMap<string, number[]>;
}): number | null {
  const { left, store, restartedAt, times } = facts;
  const steps = [
    // `resumed` says that a job was found again; only the step after it is work.
    ...openJobs(left).map((id) =>
      store.events.filter((row) => row.job_id === id && row.kind !== 'resumed').map((row) => row.at),
    ),
    ...openEndings(left).map((id) => times.get(id) ?? []),
  ];
  if (steps.length === 0) return null;
  return Math.max(...steps.map((at) => Math.min(...at.filter((one) => one > restartedAt)) - restartedAt));
}

/** Jobs that had not ended. */
export function openJobs(left: StoreEvidence): string[] {
  return left.jobs.filter((job) => job.status === 'QUEUED' || job.status === 'PROCESSING').map((job) => job.id);
}

/** Endings that had not been told. */
export function openEndings(left: StoreEvidence): string[] {
  return left.deliveries.filter((row) => row.state === 'pending' && row.event !== 'progress').map((row) => row.id);
}
