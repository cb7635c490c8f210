import type { Database, Row } from '../../server/src/database/database.ts';
import { ATTEMPT_CHANGES, JOB_CHANGES } from '../../server/src/jobs/states.ts';
import { OUTCOME_NAMES, type Seen } from './outcomes.ts';
import { CALLBACKS, COURSES, EPISODES, LOOKS, PROVIDER_FAULTS, START_FAULTS } from './sim-faults.ts';
import { TRAPS } from './traps.ts';

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
export type Place = (typeof PLACES)[number];

/** An event meeting a job in a place. */
export interface Cell {
  event: SimEvent;
  place: Place;
}

/** Cells that no history can reach, with the reason; every other one must be reached in each run. */
export const IMPOSSIBLE: readonly { events: readonly SimEvent[]; places: readonly Place[]; because: string }[] = [
  {
    events: ['callback', 'forged-callback'],
    places: ['QUEUED', 'unbought'],
    because: 'the address for callbacks is made with the first purchase, so nobody knows one before',
  },
  {
    events: ['crash', 'pause', 'restart', 'stop', 'clock-jump', 'outage'],
    places: ['ended'],
    because: 'a process holds no ended job: nothing that befalls the process meets it',
  },
];

/** The cells that every run must reach. */
export const CELLS: readonly Cell[] = EVENTS.flatMap((event) => PLACES.map((place) => ({ event, place }))).filter(
  (cell) => !IMPOSSIBLE.some(({ events, places }) => events.includes(cell.event) && places.includes(cell.place)),
);

/** Counts by name, so that the counts of two threads can be added. */
export type Counts = Record<string, number>;

/** The jobs that an event meets: one, or those that a process holds or may take. */
export type Met = { jobId: string } | { by: { owns(workerId: string): boolean } };

export interface Coverage {
  counts: Counts;
  change(subject: 'job' | 'attempt', was: string, became: string): void;
  /** Something else worth counting, such as a fault that a provider played. */
  count(name: string): void;
  seen(outcome: Seen): void;
  event(event: SimEvent, met: Met): Promise<void>;
}

const NEWEST = `(SELECT state FROM attempts WHERE job_id = jobs.id ORDER BY number DESC LIMIT 1) AS state`;
const ONE = `SELECT status, lease_owner, ${NEWEST} FROM jobs WHERE id = $1`;
const OPEN = `SELECT status, lease_owner, ${NEWEST} FROM jobs WHERE completed_at IS NULL`;

export function createCoverage(database: Database): Coverage {
  const counts: Counts = {};
  const count = (name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  return {
    counts,
    count,
    seen: (outcome) => count(`outcome ${outcome}`),
    change: (subject, was, became) => count(`${subject} ${was} > ${became}`),
    event: async (event, met) => {
      const rows =
        'jobId' in met ? await database.query<StandingRow>(ONE, [met.jobId]) : await database.query<StandingRow>(OPEN);
      for (const row of rows) {
        const { lease_owner: owner } = row;
        if ('by' in met && owner !== null && !met.by.owns(owner)) continue;
        count(nameOf({ event, place: placeOf(row) }));
      }
    },
  };
}

export type StandingRow = Row & { status: string; lease_owner: string | null; state: Place | null };

/** Where a job stands by its row and the state of its newest purchase. */
export function placeOf({ status, state }: Pick<StandingRow, 'status' | 'state'>): Place {
  return status === 'QUEUED' ? 'QUEUED' : status === 'PROCESSING' ? (state ?? 'unbought') : 'ended';
}

function nameOf({ event, place }: Cell): string {
  return `event ${event} in ${place}`;
}

export function addCounts(sum: Counts, more: Counts): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
}

/** Everything that the histories of one run must have reached together. */
const WANTED: readonly { what: string; names: readonly string[] }[] = [
  {
    what: 'changes of state',
    names: [
      ...JOB_CHANGES.map(({ from, to }) => `job ${from} > ${to}`),
      ...ATTEMPT_CHANGES.map(({ from, to }) => `attempt ${from} > ${to}`),
    ],
  },
  { what: 'events by place', names: CELLS.map(nameOf) },
  { what: 'outcomes', names: OUTCOME_NAMES },
  {
    what: 'provider faults',
    names: [
      ...START_FAULTS.map((fault) => `start ${fault}`),
      ...COURSES.map((course) => `course ${course}`),
      ...LOOKS.map((look) => `look ${look}`),
      ...EPISODES.map((episode) => `episode ${episode}`),
      ...CALLBACKS.map((style) => `callback ${style}`),
    ],
  },
  { what: 'traps', names: TRAPS.map(({ point, does }) => `trap ${does} at ${point}`) },
];

/** What no history has reached. */
export function findMissing(counts: Counts): string[] {
  return WANTED.flatMap(({ names }) => names).filter((name) => counts[name] === undefined);
}

/** What was reached, to read: sums first, then events by place, provider faults by their number, and the rest. */
export function coverageText(counts: Counts): string {
  const reached = (names: readonly string[]): number => names.filter((name) => counts[name] !== undefined).length;
  const all = WANTED.flatMap(({ names }) => names);
  const sums = WANTED.map(({ what, names }) => `${what} ${reached(names)} of ${names.length}`);
  const head = `${''.padEnd(16)}${PLACES.map((place) => place.padStart(10)).join('')}`;
  const isWanted = (name: string): boolean => all.includes(name);
  const rows = EVENTS.map((event) => {
    const cells = PLACES.map((place) => {
      const name = nameOf({ event, place });
      return (isWanted(name) || counts[name] !== undefined ? String(counts[name] ?? 0) : '-').padStart(10);
    });
    return `${event.padEnd(16)}${cells.join('')}`;
  });
  const faults = Object.entries(PROVIDER_FAULTS).map(([number, { means, counts: names }]) => {
    const times = names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
    return `${number.padEnd(4)}${String(times).padStart(7)}  ${means}`;
  });
  const lines = Object.entries(counts)
    .filter(([name]) => !name.startsWith('event '))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${String(count).padStart(8)}  ${name}`);
  const sum = `coverage: ${reached(all)} of ${all.length} (${sums.join(', ')})`;
  const never = IMPOSSIBLE.map(
    ({ events, places, because }) => `never: ${events.join(', ')} in ${places.join(', ')}, for ${because}`,
  );
  return [...lines, '', head, ...rows, ...never, '', ...faults, '', sum].join('\n');
}
