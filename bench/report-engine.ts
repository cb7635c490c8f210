import { median, percentile, ratio } from './figures.ts';
import type { ResultsResult } from './measure-results.ts';
import type { ScaleResult } from './measure-scale.ts';
import { TABLE_NAMES, type TableRounds } from './measure-table.ts';
import type { WorkersResult } from './measure-workers.ts';
import type { Section } from './report.ts';
import type { Rounds } from './throughput.ts';

const MEBI = 2 ** 20;
const PEAK_GOAL_BYTES = 400 * MEBI;
const LAG_GOAL_MS = { poll: 2_000, callback: 250 } as const;
const TABLE_GOAL = 0.8;
const TAKEN_OVER_GOAL_MS = 30_000;
const RISE_GOAL_BYTES = 100 * MEBI;

const TOLD = { poll: 'looks alone', callback: 'callbacks' } as const;

/** Ten thousand generations at once in one process. */
export function scaleSection(all: readonly ScaleResult[]): Section {
  const [first] = all;
  if (first === undefined) return { lines: [], unmet: [] };
  const seconds = (value: number): string => `${(value / 1000).toFixed(1)} s`;
  const rows = all.map((one) =>
    row([
      `${one.engine}, by ${TOLD[one.telling]}`,
      `${one.completed} of ${one.order.jobs}`,
      `${one.purchases}`,
      `${one.carriedMax} / ${one.generationsMax}`,
      seconds(one.startedMs),
      seconds(one.endedMs),
      `${mebi(one.idleBytes)} → ${mebi(one.peakBytes)}`,
      `${ms(percentile(one.lagMs, 50))} / ${ms(percentile(one.lagMs, 99))} / ${ms(Math.max(...one.lagMs))}`,
      `${one.cpuMsPerJob.toFixed(1)} ms`,
      one.requestsPerJob.toFixed(1),
    ]),
  );
  const goals = all.flatMap((one) => {
    const name = `${one.engine}, ${TOLD[one.telling]}`;
    const lag = percentile(one.lagMs, 99);
    return [
      goal(`${name}: all completed, each bought once`, {
        text: `${one.completed} and ${one.purchases}`,
        wanted: `${one.order.jobs}`,
        isMet: one.completed === one.order.jobs && one.purchases === one.order.jobs,
      }),
      goal(`${name}: highest memory`, {
        text: mebi(one.peakBytes),
        wanted: `≤ ${mebi(PEAK_GOAL_BYTES)}`,
        isMet: one.peakBytes <= PEAK_GOAL_BYTES,
      }),
      goal(`${name}: detection lag, p99`, {
        text: ms(lag),
        wanted: `≤ ${LAG_GOAL_MS[one.telling]} ms`,
        isMet: lag <= LAG_GOAL_MS[one.telling],
      }),
    ];
  });
  return section(
    [
      `## ${first.order.jobs} jobs in one process`,
      '',
      command('scale'),
      '',
      `A double of Black Forest Labs takes ${first.order.durationMs / 1000} s for each generation (256×256 pixels). The jobs are submitted`,
      `at ${first.order.perSecond} a second, the slowest pace at which all are under way at once; as they are bought, so they end. *Detection`,
      'lag* is the time from the instant at which the double has the generation ready (its ledger’s instant of the purchase and the',
      'duration) to the instant of the job’s event `ready`, by the one clock of the machine: it holds the double’s own lateness too. Fetching',
      'and storing the file come after it. *By looks alone*: every callback goes to a closed port. Nothing is known of the route at the start.',
      '',
      row([
        '',
        'completed',
        'purchases',
        'most at once: carried / at the provider',
        'last start',
        'last end',
        'memory: idle → highest',
        'detection lag p50 / p99 / highest',
        'gateway CPU per job',
        'requests per job',
      ]),
      '|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|',
      ...rows,
      '',
    ],
    goals,
  );
}

/** A table of a million jobs beside an empty one. */
export function tableSection(all: readonly TableRounds[]): Section {
  const find = (one: TableRounds, name: string): Rounds => {
    const found = one.rounds.find((rounds) => rounds.name === name);
    if (found === undefined) throw new Error(`no rounds of "${name}"`);
    return found;
  };
  const share = (one: TableRounds): number =>
    ratio(find(one, TABLE_NAMES.full).perSecond, find(one, TABLE_NAMES.empty).perSecond);
  const rows = all.map((one) =>
    row([
      one.engine,
      one.operation,
      ...[TABLE_NAMES.empty, TABLE_NAMES.full].flatMap((name) => [
        String(Math.round(median(find(one, name).perSecond))),
        ms(median(find(one, name).p50Ms)),
      ]),
      share(one).toFixed(2),
    ]),
  );
  const goals = all.map((one) =>
    goal(`${one.engine}: ${one.operation}, full ÷ empty`, {
      text: share(one).toFixed(2),
      wanted: `≥ ${TABLE_GOAL}`,
      isMet: share(one) >= TABLE_GOAL,
    }),
  );
  return section(
    [
      '## A table of 1,000,000 jobs',
      '',
      command('table'),
      '',
      'A million ended jobs of 201 teams, a fifth of them the caller’s, each with its attempt, cost, six events, output and transfers, beside a',
      'table with 250. Submits, polls and lists (20 completed jobs of 200,000) over 32 connections of HTTP; a claim is the transaction that takes',
      '64 waiting jobs, and its figure counts jobs.',
      '',
      row(['engine', 'operation', 'empty: per second', 'p50', 'full: per second', 'p50', 'full ÷ empty']),
      '|---|---|--:|--:|--:|--:|--:|',
      ...rows,
      '',
    ],
    goals,
  );
}

/** Large results at the same moment. */
export function resultsSection(all: readonly ResultsResult[]): Section {
  const rise = (one: ResultsResult): number => Math.max(one.takingInBytes, one.givingOutBytes) - one.beforeBytes;
  const rows = all.map((one) =>
    row([one.engine, mebi(one.beforeBytes), mebi(one.takingInBytes), mebi(one.givingOutBytes), mebi(one.mediaBytes)]),
  );
  const goals = all.map((one) =>
    goal(`${one.engine}: rise of the gateway’s memory`, {
      text: mebi(rise(one)),
      wanted: `≤ ${mebi(RISE_GOAL_BYTES)}`,
      isMet: rise(one) <= RISE_GOAL_BYTES,
    }),
  );
  const [first] = all;
  return section(
    [
      `## ${first?.results ?? 0} results of 2 MB at once`,
      '',
      command('results'),
      '',
      'The generations end at the same moment; their files come in, and are then fetched by as many callers at once. Two such waves went',
      'before. The highest memory is that which the system notes for the gateway’s process; the picture processes are apart.',
      '',
      row(['engine', 'before', 'highest while they come in', 'highest while they are fetched', 'picture processes']),
      '|---|--:|--:|--:|--:|',
      ...rows,
      '',
    ],
    goals,
  );
}

/** Two processes on one database, one of them killed. */
export function workersSection(one: WorkersResult): Section {
  const goals = [
    goal('all completed, each bought once', {
      text: `${one.completed} completed, ${one.purchases} purchases, ${one.boughtTwice} bought twice`,
      wanted: `${one.jobs}`,
      isMet: one.completed === one.jobs && one.purchases === one.jobs && one.boughtTwice === 0,
    }),
    goal('the killed one’s jobs in other hands', {
      text: `${(one.takenOverMs / 1000).toFixed(1)} s`,
      wanted: `≤ ${TAKEN_OVER_GOAL_MS / 1000} s`,
      isMet: one.takenOverMs <= TAKEN_OVER_GOAL_MS,
    }),
  ];
  return section(
    [
      `## Two processes share ${one.jobs} jobs on PostgreSQL`,
      '',
      command('workers'),
      '',
      `When ${one.endedAtKill} jobs had ended, one of the two was killed with SIGKILL and ${one.orphans} jobs in hand.`,
      `${one.ambiguous} of these it was just buying: what became of them only the provider’s call can tell, and they are left`,
      'to it for five minutes (nothing is bought for them meanwhile). The last of the others had ended',
      `${(one.orphansEndedMs / 1000).toFixed(1)} s later (a generation takes 10 s), everything ${(one.totalMs / 1000).toFixed(1)} s after the first submit.`,
      '',
    ],
    goals,
  );
}

interface Goal {
  line: string;
  isMet: boolean;
}

function goal(name: string, { text, wanted, isMet }: { text: string; wanted: string; isMet: boolean }): Goal {
  return { line: `- ${name}: **${text}** (goal ${wanted}: ${isMet ? 'met' : 'NOT met'})`, isMet };
}

function section(lines: readonly string[], goals: readonly Goal[]): Section {
  return {
    lines: [...lines, ...goals.map(({ line }) => line), ''],
    unmet: goals.filter(({ isMet }) => !isMet).map(({ line }) => line),
  };
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function command(part: string): string {
  return `Command: \`npm run bench -- --only ${part}\``;
}

function mebi(bytes: number): string {
  return Number.isNaN(bytes) ? 'unknown' : `${Math.round(bytes / MEBI)} MiB`;
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}
