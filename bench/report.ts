import { median, percentile, ratio } from './figures.ts';
import type { BareTrips, Samples } from './measure-latency.ts';
import { MODELS_NAMES } from './measure-models.ts';
import { POLL_NAMES } from './measure-poll.ts';
import { SUBMIT_NAMES } from './measure-submit.ts';
import type { Rounds } from './throughput.ts';

/** One part of the report, and whether it reaches its goals. */
export interface Section {
  lines: string[];
  unmet: string[];
}

/** From here on the generator, not the server, may be what limits a figure. */
const GENERATOR_LOAD_MAX = 0.9;

const SUBMIT_GOAL = 0.6;
const POLL_GOAL = 0.5;
/** Twice the time of the baseline. */
const MODELS_GOAL = 0.5;
const FIRST_BYTE_GOAL_MS = 20;
const ADDED_GOAL_MS = 30;

/** Submits on one engine. The goal is held against both baselines. */
export function submitSection(engine: string, all: readonly Rounds[]): Section {
  const gateway = roundsOf(all, SUBMIT_NAMES.gateway);
  const baselines = [SUBMIT_NAMES.plain, SUBMIT_NAMES.grouped].map((name) => roundsOf(all, name));
  const goals = baselines.map((baseline) => {
    return goalLine(`gateway ÷ ${baseline.name}`, {
      value: ratio(gateway.perSecond, baseline.perSecond),
      goal: SUBMIT_GOAL,
      engine,
    });
  });
  return section(
    [
      `### Submit on ${engine}`,
      '',
      command(`--only submit --engine ${engine.toLowerCase()}`),
      '',
      ...throughputTable(all),
      '',
    ],
    goals,
  );
}

/** Polls on all engines. The goal is held against the same HTTP stack. */
export function pollSection(all: readonly Rounds[], engines: readonly string[]): Section {
  const hono = roundsOf(all, POLL_NAMES.hono);
  const node = roundsOf(all, POLL_NAMES.node);
  const goals = engines.map((engine) => {
    const value = ratio(roundsOf(all, POLL_NAMES.gateway(engine)).perSecond, hono.perSecond);
    return goalLine(`gateway ÷ ${hono.name}`, { value, goal: POLL_GOAL, engine });
  });
  const honest = engines.map((engine) => {
    const value = ratio(roundsOf(all, POLL_NAMES.gateway(engine)).perSecond, node.perSecond);
    return `- ${engine}: gateway ÷ ${node.name}: **${value.toFixed(2)}** (no goal; for honesty)`;
  });
  const built = section(
    ['## Poll of a completed job', '', command('--only poll'), '', ...throughputTable(all), ''],
    goals,
  );
  return { ...built, lines: [...built.lines.slice(0, -1), ...honest, ''] };
}

/** The catalogue as one answer. */
export function modelsSection({ rounds, bytes }: { rounds: readonly Rounds[]; bytes: number }): Section {
  const [gateway, bare] = [roundsOf(rounds, MODELS_NAMES.gateway), roundsOf(rounds, MODELS_NAMES.bare)];
  const value = ratio(gateway.perSecond, bare.perSecond);
  return section(
    [
      `## The whole catalogue, ${Math.round(bytes / 1024)} KiB`,
      '',
      command('--only models'),
      '',
      ...throughputTable(rounds),
      '',
    ],
    [goalLine(`gateway ÷ ${bare.name}`, { value, goal: MODELS_GOAL, engine: 'any engine' })],
  );
}

/** The way to the provider and back when nothing else goes on. */
export function latencySection(all: readonly Samples[], bare: BareTrips): Section {
  const engines = [...new Set(all.map(({ engine }) => engine))];
  const goals: Goal[] = [];
  const lines = [
    '## An idle gateway and a provider that is done at once',
    '',
    command('--only latency'),
    '',
    `Baseline: a bare client's round trips to the same double: start ${ms(bare.startMs)}, file ${ms(bare.fileMs)} (medians).`,
    '',
    '| engine | figure | n | p50 | p99 | p50 ÷ baseline |',
    '|---|---|--:|--:|--:|--:|',
  ];
  for (const engine of engines) {
    const samples = all.filter((one) => one.engine === engine).flatMap((one) => one.samples);
    const committed = samples.map((sample) => sample.commitToProviderMs);
    lines.push(latencyRow(engine, 'commit → provider’s first byte', committed, bare.startMs));
    lines.push(
      latencyRow(
        engine,
        'caller’s request sent → provider',
        samples.map((sample) => sample.requestToProviderMs),
        bare.startMs,
      ),
    );
    goals.push(
      atMost(`commit → provider’s first byte, p99`, {
        value: percentile(committed, 99),
        goal: FIRST_BYTE_GOAL_MS,
        engine,
      }),
    );
    for (const one of all.filter((other) => other.engine === engine)) {
      const added = one.samples.map((sample) => sample.totalMs - sample.pictureMs);
      const how =
        one.telling === 'answer' ? 'done in the answer to the start' : 'done by callback right after the start';
      lines.push(latencyRow(engine, `202 → COMPLETED, picture work apart; ${how}`, added, bare.startMs + bare.fileMs));
      goals.push(atMost(`gateway time added (${how}), p50`, { value: median(added), goal: ADDED_GOAL_MS, engine }));
    }
    lines.push(
      latencyRow(
        engine,
        'picture work (inspect and mark, one 1024×1024 jpg)',
        samples.map((sample) => sample.pictureMs),
        Number.NaN,
      ),
    );
  }
  return section([...lines, ''], goals);
}

interface Goal {
  line: string;
  isMet: boolean;
}

function goalLine(name: string, { value, goal, engine }: { value: number; goal: number; engine: string }): Goal {
  const isMet = value >= goal;
  return { line: `- ${engine}: ${name}: **${value.toFixed(2)}** (goal ≥ ${goal}: ${verdict(isMet)})`, isMet };
}

function atMost(name: string, { value, goal, engine }: { value: number; goal: number; engine: string }): Goal {
  const isMet = value <= goal;
  return { line: `- ${engine}: ${name}: **${ms(value)}** (goal ≤ ${goal} ms: ${verdict(isMet)})`, isMet };
}

function verdict(isMet: boolean): string {
  return isMet ? 'met' : 'NOT met';
}

function section(lines: readonly string[], goals: readonly Goal[]): Section {
  return {
    lines: [...lines, ...goals.map(({ line }) => line), ''],
    unmet: goals.filter(({ isMet }) => !isMet).map(({ line }) => line),
  };
}

function throughputTable(all: readonly Rounds[]): string[] {
  const rows = all.map(({ name, perSecond, p50Ms, p99Ms, cpuUs, generatorLoad }) => {
    const cpu = cpuUs.length === 0 ? '' : `${Math.round(median(cpuUs))} µs`;
    const load = median(generatorLoad);
    const mark = load > GENERATOR_LOAD_MAX ? ' (the generator was the limit)' : '';
    const range = `${Math.round(Math.min(...perSecond))} to ${Math.round(Math.max(...perSecond))}`;
    return `| ${name} | ${Math.round(median(perSecond))} | ${range} | ${ms(median(p50Ms))} | ${ms(median(p99Ms))} | ${cpu} | ${load.toFixed(2)}${mark} |`;
  });
  return [
    '| | requests/s, median | lowest to highest round | p50 | p99 | server CPU per request | generator load |',
    '|---|--:|--:|--:|--:|--:|--:|',
    ...rows,
  ];
}

function latencyRow(engine: string, name: string, values: readonly number[], baselineMs: number): string {
  const p50 = percentile(values, 50);
  const by = Number.isNaN(baselineMs) ? '' : (p50 / baselineMs).toFixed(1);
  return `| ${engine} | ${name} | ${values.length} | ${ms(p50)} | ${ms(percentile(values, 99))} | ${by} |`;
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

function command(flags: string): string {
  return `Command: \`npm run bench -- ${flags}\``;
}

function roundsOf(all: readonly Rounds[], name: string): Rounds {
  const found = all.find((rounds) => rounds.name === name);
  if (found === undefined) throw new Error(`no rounds of "${name}"`);
  return found;
}
