import type { Row } from '../database/database.ts';
import { RECORD_COLUMNS, recordFromRow, seesTeam, type JobRecord, type RecordRow } from './job-record.ts';
import type { JobCaller, JobsWorld } from './world.ts';

/** Hints between processes can be lost, and then a job is shown as it was this long ago at most. */
const FRESH_MS = 1_000;
/** Jobs kept, about 2 KB each; the oldest go first. */
const KNOWN_MAX = 10_000;

/** Reads jobs for polls, the most frequent request of all. */
export interface JobReader {
  /** As `findJob`: the caller's own job, or any of the team for an admin; null for a foreign as for a missing id. */
  find(caller: JobCaller, jobId: string): Promise<JobRecord | null>;
  close(): void;
}

/** A job as read, with what decides about who may see it. */
interface Known {
  record: JobRecord;
  teamId: string;
  userId: string;
  readMs: number;
}

interface Reading {
  promise: Promise<Known | null>;
  /** The job has changed since the statement was sent. */
  isStale: boolean;
}

const READ = `SELECT team_id, user_id, ${RECORD_COLUMNS} FROM jobs WHERE id = $1`;

/**
 * Keeps what was read for a moment and forgets it at every hint that the job has changed; hints of this process come
 * with the commit, so it shows its own writes at once. Who may see a job is decided at each call.
 */
export function createJobReader(world: JobsWorld): JobReader {
  const known = new Map<string, Known>();
  const reading = new Map<string, Reading>();
  const unsubscribe = world.database.subscribe('job', (jobId) => {
    known.delete(jobId);
    const stale = reading.get(jobId);
    if (stale !== undefined) stale.isStale = true;
    reading.delete(jobId);
  });

  const read = (jobId: string): Promise<Known | null> => {
    const underWay = reading.get(jobId);
    if (underWay !== undefined) return underWay.promise;
    const entry: Reading = { isStale: false, promise: Promise.resolve(null) };
    entry.promise = readJob(world, jobId)
      .then((job) => {
        if (job === null || entry.isStale) return job;
        if (known.size >= KNOWN_MAX) known.delete(known.keys().next().value ?? '');
        known.set(jobId, job);
        return job;
      })
      .finally(() => {
        if (reading.get(jobId) === entry) reading.delete(jobId);
      });
    reading.set(jobId, entry);
    return entry.promise;
  };

  return {
    close: unsubscribe,
    find: async (caller, jobId) => {
      const id = jobId.toLowerCase();
      const kept = known.get(id);
      const isFresh = kept !== undefined && world.clock.monotonicMs() - kept.readMs < FRESH_MS;
      const job = isFresh ? kept : await read(id);
      return job !== null && mayRead(caller, job) ? job.record : null;
    },
  };
}

function mayRead(caller: JobCaller, job: Known): boolean {
  if (job.teamId !== caller.teamId || job.record.mode !== caller.mode) return false;
  return job.userId === caller.userId || seesTeam(caller);
}

async function readJob(world: JobsWorld, jobId: string): Promise<Known | null> {
  const readMs = world.clock.monotonicMs();
  const rows = await world.database.query<RecordRow & Row & { team_id: string; user_id: string }>(READ, [jobId]);
  const row = rows[0];
  if (row === undefined) return null;
  return { record: recordFromRow(row, world.publicUrl()), teamId: row.team_id, userId: row.user_id, readMs };
}
