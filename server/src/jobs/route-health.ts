import type { Clock } from '../core/clock.ts';
import type { FailureKind } from '../core/outcome.ts';

/** A way to run a model, as health is kept for it. */
export interface RouteName {
  provider: string;
  upstreamModel: string;
}

/** What a purchase told about its route. `lost` stands for an answer that never came. */
export type RouteResult =
  | { state: 'taken' }
  | { state: 'done'; latencyMs: number }
  | { state: 'failed'; kind: FailureKind | 'lost' };

export type CircuitState = 'closed' | 'open' | 'half-open';

/** How a route stands, for the operator. */
export interface RouteStanding extends RouteName {
  circuit: CircuitState;
  /** Until it is tried again; 0 unless open. */
  waitMs: number;
  /** Of the last results, between 0 and 1; null before the first. */
  success: number | null;
  /** Median from the start to the end of the last good ones; null before the first. */
  latencyMs: number | null;
  lastFailure: FailureKind | 'lost' | null;
}

/** What is known of routes from our own purchases, in this process. */
export interface RouteHealth {
  note(route: RouteName, result: RouteResult): void;
  /** Milliseconds until the route may be tried; 0 for now. */
  waitMs(route: RouteName): number;
  /** To be called before a purchase: false when the circuit is open, or another purchase is already the probe. */
  takeTurn(route: RouteName): boolean;
  /** When most generations of this route are done, in milliseconds from their start; null while too few are known. */
  expectedMs(route: RouteName): number | null;
  /** null before the first result. */
  standingOf(route: RouteName): RouteStanding | null;
  standings(): RouteStanding[];
}

/** A change that the operator should hear of. */
export interface CircuitChange {
  route: RouteName;
  circuit: 'open' | 'closed';
  cause: FailureKind | 'lost' | null;
}

/** So many failures without a success between them open a circuit. */
export const FAILURES_MAX = 5;
/** How long it stays open the first time; doubled each time the probe fails. */
export const OPEN_MS_FIRST = 15_000;
export const OPEN_MS_MAX = 300_000;
/** A probe that tells nothing for so long makes room for another. */
export const PROBE_MS_MAX = 120_000;
/** Results kept for success and latency. */
const RESULTS_MAX = 64;
/** Fewer durations than this predict nothing. */
const DURATIONS_MIN = 8;
/** The part of known generations that took longer than what is expected. */
const EXPECTED_SHARE = 0.1;

/** Failures that say something about the route; what is wrong with the request or the key does not. */
const COUNTED: ReadonlySet<FailureKind | 'lost'> = new Set([
  'rate_limited',
  'unavailable',
  'timed_out',
  'lost',
  'retired',
]);

interface Circuit {
  failures: number;
  opens: number;
  openUntilMs: number | null;
  probeUntilMs: number | null;
  results: boolean[];
  durationsMs: number[];
  expectedMs: number | null;
  lastFailure: FailureKind | 'lost' | null;
}

/** Opens with every circuit closed; `onChange` hears of circuits that open and close. */
export function createRouteHealth(options: { clock: Clock; onChange?: (change: CircuitChange) => void }): RouteHealth {
  const { clock } = options;
  const circuits = new Map<string, { route: RouteName; circuit: Circuit }>();
  const circuitOf = (route: RouteName): Circuit => {
    const name = nameOf(route);
    const known = circuits.get(name);
    if (known !== undefined) return known.circuit;
    const circuit = newCircuit();
    circuits.set(name, { route: { provider: route.provider, upstreamModel: route.upstreamModel }, circuit });
    return circuit;
  };
  const tell = (route: RouteName, circuit: 'open' | 'closed', cause: FailureKind | 'lost' | null): void =>
    options.onChange?.({ route: { provider: route.provider, upstreamModel: route.upstreamModel }, circuit, cause });

  return {
    note: (route, result) => {
      const circuit = circuitOf(route);
      if (result.state === 'failed') {
        if (fail(circuit, result.kind, clock.monotonicMs())) tell(route, 'open', result.kind);
        return;
      }
      if (close(circuit, result.state)) tell(route, 'closed', null);
      if (result.state === 'taken') return;
      remember(circuit.results, true);
      remember(circuit.durationsMs, result.latencyMs);
      // Kept, since thousands of generations ask for it each second.
      const { durationsMs } = circuit;
      circuit.expectedMs = durationsMs.length < DURATIONS_MIN ? null : quantile(durationsMs, EXPECTED_SHARE);
    },
    waitMs: (route) => {
      const circuit = circuitOf(route);
      const nowMs = clock.monotonicMs();
      const until = Math.max(circuit.openUntilMs ?? 0, circuit.probeUntilMs ?? 0);
      return Math.max(0, until - nowMs);
    },
    takeTurn: (route) => {
      const circuit = circuitOf(route);
      const nowMs = clock.monotonicMs();
      if (circuit.openUntilMs === null) return true;
      if (nowMs < circuit.openUntilMs || nowMs < (circuit.probeUntilMs ?? 0)) return false;
      circuit.probeUntilMs = nowMs + PROBE_MS_MAX;
      return true;
    },
    expectedMs: (route) => circuitOf(route).expectedMs,
    standingOf: (route) => {
      const known = circuits.get(nameOf(route));
      return known === undefined ? null : standing(known.route, known.circuit, clock.monotonicMs());
    },
    standings: () => [...circuits.values()].map(({ route, circuit }) => standing(route, circuit, clock.monotonicMs())),
  };
}

function nameOf(route: RouteName): string {
  return `${route.provider} ${route.upstreamModel}`;
}

function newCircuit(): Circuit {
  return {
    failures: 0,
    opens: 0,
    openUntilMs: null,
    probeUntilMs: null,
    results: [],
    durationsMs: [],
    expectedMs: null,
    lastFailure: null,
  };
}

/** True when this failure has opened a closed circuit. */
function fail(circuit: Circuit, kind: FailureKind | 'lost', nowMs: number): boolean {
  if (!COUNTED.has(kind)) {
    // The route has answered: another purchase may be the probe.
    circuit.probeUntilMs = null;
    return false;
  }
  remember(circuit.results, false);
  circuit.failures += 1;
  circuit.lastFailure = kind;
  const isProbing = circuit.openUntilMs !== null && circuit.openUntilMs <= nowMs;
  const isFirst = circuit.openUntilMs === null && circuit.failures >= FAILURES_MAX;
  if (!isProbing && !isFirst) return false;
  circuit.openUntilMs = nowMs + Math.min(OPEN_MS_MAX, OPEN_MS_FIRST * 2 ** circuit.opens);
  circuit.opens += 1;
  circuit.probeUntilMs = null;
  return isFirst;
}

/**
 * True when this has closed an open circuit. A request that was only taken closes it on probation: the next failure
 * opens it again, and for longer; a generation that is done clears the record.
 */
function close(circuit: Circuit, by: 'taken' | 'done'): boolean {
  const wasOpen = circuit.openUntilMs !== null;
  if (wasOpen) circuit.failures = FAILURES_MAX - 1;
  circuit.openUntilMs = null;
  circuit.probeUntilMs = null;
  if (by === 'done') {
    circuit.failures = 0;
    circuit.opens = 0;
  }
  return wasOpen;
}

function standing(route: RouteName, circuit: Circuit, nowMs: number): RouteStanding {
  const waitMs = Math.max(0, (circuit.openUntilMs ?? 0) - nowMs);
  return {
    ...route,
    circuit: circuit.openUntilMs === null ? 'closed' : waitMs > 0 ? 'open' : 'half-open',
    waitMs,
    success: circuit.results.length === 0 ? null : circuit.results.filter(Boolean).length / circuit.results.length,
    latencyMs: circuit.durationsMs.length === 0 ? null : quantile(circuit.durationsMs, 0.5),
    lastFailure: circuit.lastFailure,
  };
}

function remember<T>(list: T[], value: T): void {
  list.push(value);
  if (list.length > RESULTS_MAX) list.shift();
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  // Safe: the callers have seen at least one value.
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}
