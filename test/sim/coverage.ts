import type { Database, Row } from '../../server/src/database/database.ts';
import { ATTEMPT_CHANGES, JOB_CHANGES } from '../../server/src/jobs/states.ts';

/** What happens to jobs from outside of the engine, by the word of the coverage table. */
export const EVENTS = [
  'crash',
  'pause',
  'restart',
  'stop',
  'clock-jump',
  'outage',
  'cancel',
  'resubmit',
  'callback',
  'forged-callback',
] as const;
export type SimEvent = (typeof EVENTS)[number];

/** Where a job can stand when an event comes: its own state, and that of its newest purchase while it runs. */
export const PLACES = ['QUEUED', 'unbought', 'INTENT', 'AMBIGUOUS', 'ACCEPTED', 'REJECTED', 'DONE', 'ended'] as const;
type Place = (typeof PLACES)[number];

/** Counts by name, so that the counts of two threads can be added. */
export type Counts = Record<string, number>;

export interface Coverage {
  counts: Counts;
  change(subject: 'job' | 'attempt', was: string, became: string): void;
  /** Something else worth counting, such as a fault that a provider played. */
  count(name: string): void;
  /** An event that meets one job, or every open one. */
  event(event: SimEvent, jobId: string | null): Promise<void>;
}

const OPEN_PLACES = `
SELECT status, (SELECT state FROM attempts WHERE job_id = jobs.id ORDER BY number DESC LIMIT 1) AS state
FROM jobs WHERE id = $1 OR ($1 IS NULL AND completed_at IS NULL)`;

export function createCoverage(database: Database): Coverage {
  const counts: Counts = {};
  const count = (name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  return {
    counts,
    count,
    change: (subject, was, became) => count(`${subject} ${was} > ${became}`),
    event: async (event, jobId) => {
      const rows = await database.query<Row & { status: string; state: Place | null }>(OPEN_PLACES, [jobId]);
      for (const { status, state } of rows) {
        const place = status === 'QUEUED' ? 'QUEUED' : status === 'PROCESSING' ? (state ?? 'unbought') : 'ended';
        count(`event ${event} in ${place}`);
      }
    },
  };
}

export function addCounts(sum: Counts, more: Counts): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
}

/** Changes of the state tables that no history has reached. */
export function findMissing(counts: Counts): string[] {
  const wanted = [
    ...JOB_CHANGES.map(({ from, to }) => `job ${from} > ${to}`),
    ...ATTEMPT_CHANGES.map(({ from, to }) => `attempt ${from} > ${to}`),
  ];
  return wanted.filter((name) => counts[name] === undefined);
}

/** Two tables to read: changes of state, and events by the place in which they met a job. */
export function coverageText(counts: Counts): string {
  const lines = Object.entries(counts)
    .filter(([name]) => !name.startsWith('event '))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${String(count).padStart(8)}  ${name}`);
  const head = `${''.padEnd(16)}${PLACES.map((place) => place.padStart(10)).join('')}`;
  const rows = EVENTS.map((event) => {
    const cells = PLACES.map((place) => String(counts[`event ${event} in ${place}`] ?? 0).padStart(10));
    return `${event.padEnd(16)}${cells.join('')}`;
  });
  return [...lines, '', head, ...rows].join('\n');
}
