import type { Clock } from '../../server/src/core/clock.ts';
import { createRouteHealth, type RouteHealth, type RouteName } from '../../server/src/jobs/route-health.ts';
import type { ProviderKeyRing } from '../../server/src/teams/provider-key-ring.ts';
import type { Coverage } from './coverage.ts';
import { SIM_PROVIDERS } from './sim-providers.ts';

/** A probe that has told nothing for this long has made room for another. */
const PROBE_MS = 120_000;

/** Route health that counts what circuits do, and sees to it that a half-open one lets one purchase through at a time. */
export function watchedHealth(parts: {
  clock: Clock;
  coverage: Coverage;
  onBroken: (line: string) => void;
}): RouteHealth {
  const { clock, coverage } = parts;
  const health = createRouteHealth({
    clock,
    onChange: ({ circuit }) => coverage.seen(circuit === 'open' ? 'a circuit opens' : 'a circuit closes'),
  });
  const probes = new Map<string, number>();
  const nameOf = (route: RouteName): string => `${route.provider} ${route.upstreamModel}`;
  return {
    ...health,
    note: (route, result) => {
      probes.delete(nameOf(route));
      health.note(route, result);
    },
    takeTurn: (route) => {
      const circuit = health.standingOf(route)?.circuit ?? 'closed';
      const isGranted = health.takeTurn(route);
      if (!isGranted || circuit === 'closed') return isGranted;
      coverage.seen('a probe is sent through a half-open circuit');
      const now = clock.monotonicMs();
      const before = probes.get(nameOf(route));
      if (circuit === 'open') parts.onBroken(`a purchase went through the open circuit of ${nameOf(route)}`);
      if (before !== undefined && now < before + PROBE_MS)
        parts.onBroken(`two purchases at once probe the circuit of ${nameOf(route)}`);
      probes.set(nameOf(route), now);
      return true;
    },
  };
}

/** A key ring that counts pauses for rate limits, and sees to it that a key which pauses starts nothing. */
export function watchedKeys(
  ring: ProviderKeyRing,
  parts: { coverage: Coverage; onBroken: (line: string) => void },
): ProviderKeyRing {
  const isUsable = (keyId: string): boolean =>
    Object.keys(SIM_PROVIDERS).some((provider) => ring.usable(provider, null).some((key) => key.id === keyId));
  return {
    ...ring,
    report: (keyId, verdict) => {
      ring.report(keyId, verdict);
      if (verdict.kind !== 'rate_limited') return;
      if (isUsable(keyId)) parts.onBroken(`the key ${keyId} is used on although its rate limit is reached`);
      else parts.coverage.seen('a key pauses for its rate limit');
    },
  };
}
