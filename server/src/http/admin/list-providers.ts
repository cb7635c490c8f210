import type { ProviderFacts } from '../../catalog/model.ts';
import type { RouteStanding } from '../../jobs/route-health.ts';
import { json, type Answer } from '../gate/answer.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import { keyView } from '../provider-key-view.ts';
import type { ProviderListBody } from '../provider-schemas.ts';
import type { ProvidersPort } from '../providers-port.ts';
import type { HttpWorld } from '../world.ts';

/** `GET /admin/providers`: every provider of the catalogue, its keys, and how its routes stand. */
export function listProviders(world: HttpWorld): Operate<KeyedCall> {
  return async (): Promise<Answer> => {
    const { catalog, providers } = world;
    await providers.keys.refresh();
    const configured = providers.keys.configured(null);
    const cards = Map.groupBy(providers.keys.cards(), ({ provider }) => provider);
    const standings = Map.groupBy(providers.circuits(), ({ provider }) => provider);
    return json(200, {
      providers: [...catalog.providers.values()].map((facts) => ({
        id: facts.id,
        label: facts.label,
        configured: configured.has(facts.id),
        origin: originOf(facts, providers.upstream),
        keys: (cards.get(facts.id) ?? []).map(keyView),
        circuits: (standings.get(facts.id) ?? []).map(circuitOf),
      })),
    } satisfies ProviderListBody);
  };
}

function circuitOf(standing: RouteStanding): ProviderListBody['providers'][number]['circuits'][number] {
  const { upstreamModel, circuit, waitMs, success, latencyMs, lastFailure } = standing;
  return { upstreamModel, circuit, waitMs, success, latencyMs, lastFailure };
}

/** The rest of an operator's own address may hold a password. */
function originOf(facts: ProviderFacts, upstream: ProvidersPort['upstream']): string | null {
  try {
    return new URL(upstream.baseUrl(facts.id)).origin;
  } catch {
    // A provider on the operator's own machines has no address until one is set.
    return null;
  }
}
