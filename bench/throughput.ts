import { median, turned } from './figures.ts';
import type { LoadOrder, LoadResult } from './load-client.ts';
import { cpuMs } from './machine.ts';
import type { LoadGenerator, Target } from './processes.ts';

/** What every section is handed. */
export interface Bench {
  load: LoadGenerator;
  rounds: number;
  /** Tells the person at the terminal what goes on. */
  tell(text: string): void;
}

/** One contestant of a comparison. */
export interface Contestant {
  name: string;
  pid: number;
  order: LoadOrder;
}

const READ_CONNECTIONS = 32;
const READ_WARM_UP_MS = 400;
const READ_ROUND_MS = 1_500;

/** A contestant who answers the same GET again and again. */
export function readContestant(
  name: string,
  target: Target,
  request: { path: string; headers: Record<string, string> },
): Contestant {
  const order: LoadOrder = {
    ...request,
    port: target.port,
    method: 'GET',
    body: null,
    hasFreshKey: false,
    connections: READ_CONNECTIONS,
    warmUpMs: READ_WARM_UP_MS,
    durationMs: READ_ROUND_MS,
    expectedStatus: 200,
  };
  return { name, pid: target.pid, order };
}

/** The rounds of one contestant, in their order. */
export interface Rounds {
  name: string;
  perSecond: number[];
  p50Ms: number[];
  p99Ms: number[];
  /** Processor time of the server for one request, in microseconds; empty where the system does not tell. */
  cpuUs: number[];
  generatorLoad: number[];
}

/** Drives the contestants in turn, round after round, so that what the machine does beside falls on all of them. */
export async function compete(bench: Bench, contestants: readonly Contestant[]): Promise<Rounds[]> {
  // A first go that is not counted: code is compiled for the load that it is under, and pools are filled.
  for (const { order } of contestants)
    await bench.load.run({ ...order, warmUpMs: 0, durationMs: order.durationMs / 2 });
  const all = contestants.map(({ name }): Rounds => ({
    name,
    perSecond: [],
    p50Ms: [],
    p99Ms: [],
    cpuUs: [],
    generatorLoad: [],
  }));
  for (let round = 0; round < bench.rounds; round += 1) {
    for (const contestant of turned(contestants, round)) {
      const before = cpuMs(contestant.pid);
      const result = await bench.load.run(contestant.order);
      const after = cpuMs(contestant.pid);
      const rounds = all.find(({ name }) => name === contestant.name);
      if (rounds !== undefined)
        note(rounds, result, { contestant, spentMs: before === null || after === null ? null : after - before });
    }
  }
  for (const { name, perSecond } of all) bench.tell(`  ${name}: ${Math.round(median(perSecond))}/s`);
  return all;
}

function note(rounds: Rounds, result: LoadResult, cost: { contestant: Contestant; spentMs: number | null }): void {
  rounds.perSecond.push(result.perSecond);
  rounds.p50Ms.push(result.p50Ms);
  rounds.p99Ms.push(result.p99Ms);
  rounds.generatorLoad.push(result.generatorLoad);
  if (cost.spentMs === null) return;
  const { warmUpMs, durationMs } = cost.contestant.order;
  // The warm-up is paid for too, and its requests are not counted: they are taken to come at the same pace.
  const requests = (result.requests * (warmUpMs + durationMs)) / durationMs;
  rounds.cpuUs.push((cost.spentMs * 1000) / requests);
}
