import { CRASH_POINTS, type CrashPoint } from '../../../server/src/core/crash-point.ts';
import type { ServerEngine } from '../../support/server.ts';
import type { Blow } from './scenario.ts';
import { PROVIDERS, type ProviderFacts } from './tested-providers.ts';

/** One scenario to be played. */
export interface Chosen {
  provider: ProviderFacts;
  engine: ServerEngine['name'];
  blow: Blow & { point: CrashPoint };
}

const ENGINES = ['sqlite', 'postgres'] as const;
const SIGNALS = ['SIGKILL', 'SIGTERM'] as const;
const WAYS = ENGINES.flatMap((engine) => SIGNALS.map((signal) => ({ engine, signal })));
/** Between the lease and the last transaction it matters who the provider is. */
const FIRST_OF_PROVIDER = CRASH_POINTS.indexOf('C8');
const LAST_OF_PROVIDER = CRASH_POINTS.indexOf('C18');

/**
 * The points to die at. The whole: each point of dispatch and result, for each provider, by each signal, on each engine.
 * The part that covers it: each of these points for each provider by one way, so that each point is met in all four
 * ways. All other points are met in all four ways, by one provider after the other.
 */
export function chooseScenarios(extent: 'whole' | 'covering'): Chosen[] {
  let turn = 0;
  const chosen = CRASH_POINTS.flatMap((point, index) => {
    const isOfProvider = index >= FIRST_OF_PROVIDER && index <= LAST_OF_PROVIDER;
    if (!isOfProvider)
      return WAYS.map((way): Chosen => choose(PROVIDERS[(turn += 1) % PROVIDERS.length] ?? first(), point, way));
    const able = PROVIDERS.filter((provider) => reaches(provider, point));
    return able.flatMap((provider, place) =>
      (extent === 'whole' ? WAYS : [WAYS[(place + index) % WAYS.length] ?? WAYS[0]]).flatMap((way) =>
        way === undefined ? [] : [choose(provider, point, way)],
      ),
    );
  });
  // Those that wait longest begin first.
  return chosen.toSorted((one, other) => waits(other) - waits(one));
}

function first(): ProviderFacts {
  const [provider] = PROVIDERS;
  if (provider === undefined) throw new Error('no provider to test');
  return provider;
}

function choose(provider: ProviderFacts, point: CrashPoint, way: (typeof WAYS)[number]): Chosen {
  return { provider, engine: way.engine, blow: { point, passing: PASSINGS[point] ?? 2, signal: way.signal } };
}

/**
 * At which passing the process dies: late enough that other jobs are under way, and so early that four jobs surely get
 * there.
 */
const PASSINGS: Partial<Record<CrashPoint, number>> = {
  C1: 3,
  C2: 3,
  C3: 3,
  C4: 3,
  C5: 3,
  C6: 3,
  C7: 3,
  C13: 1,
  C14: 1,
};

function reaches(provider: ProviderFacts, point: CrashPoint): boolean {
  if (point === 'C13' || point === 'C14') return provider.callsBack;
  return point !== 'C16' || !provider.isInline;
}

/** Minutes until it is believed that nothing was bought, and 20 s until a dead worker's lease is over. */
function waits({ provider, engine, blow }: Chosen): number {
  const isOpen = blow.point === 'C9' || blow.point === 'C10';
  if (blow.signal === 'SIGTERM') return 0;
  return (isOpen && provider.name !== 'sandbox' ? 2 : 0) + (engine === 'postgres' ? 1 : 0);
}
