import type { Route } from '../catalog/model.ts';
import type { RouteStanding } from './route-health.ts';
import type { JobsWorld } from './world.ts';

/** Below this part of good results a route stands behind its neighbours; below the second, behind all. */
const GOOD_SUCCESS = 0.9;
const POOR_SUCCESS = 0.5;
/** A route this many times slower than the fastest stands behind it. */
const SLOW_FACTOR = 3;

/**
 * Puts routes that do badly behind those that do well, by what our own purchases have shown. Where the operator has
 * named an order, his order stands; equally good routes keep theirs.
 */
export function orderByHealth(routes: readonly Route[], world: Pick<JobsWorld, 'health' | 'settings'>): Route[] {
  if (routes.length < 2) return [...routes];
  const standings = new Map(routes.map((route) => [route, world.health.standingOf(route)]));
  const latencies = [...standings.values()].map((one) => one?.latencyMs ?? null).filter((ms) => ms !== null);
  const fastestMs = latencies.length === 0 ? null : Math.min(...latencies);
  const rank = (route: Route): number => {
    const standing = standings.get(route);
    if (standing == null || world.settings.providerOrder.includes(route.provider)) return 0;
    return successRank(standing) + (isSlow(standing, fastestMs) ? 1 : 0);
  };
  return routes.toSorted((a, b) => rank(a) - rank(b));
}

function successRank({ success, circuit }: RouteStanding): number {
  if (circuit === 'open') return 4;
  if (success === null || success >= GOOD_SUCCESS) return 0;
  return success >= POOR_SUCCESS ? 1 : 3;
}

function isSlow({ latencyMs }: RouteStanding, fastestMs: number | null): boolean {
  return latencyMs !== null && fastestMs !== null && latencyMs > SLOW_FACTOR * fastestMs;
}
