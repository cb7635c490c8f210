import type { Catalog } from '../../catalog/load-catalog.ts';
import type { ProviderFacts } from '../../catalog/model.ts';
import { nearestName } from '../../catalog/spelling.ts';
import { GatewayError } from '../../core/errors.ts';
import { pathPart, type Call } from './door.ts';
import { refuseInput } from '../../core/refuse-input.ts';

/** Long names are cut: they come from the caller and go into a text. */
const NAME_LENGTH_MAX = 80;

/** The provider that the path names; throws 404, with the nearest one where there is one. */
export function providerOf(call: Call, catalog: Catalog): ProviderFacts {
  const id = pathPart(call, 'id');
  const facts = catalog.providers.get(id);
  if (facts === undefined) throw new GatewayError('provider_not_found', { text: unknownProviderText(catalog, id) });
  return facts;
}

/** `Unknown provider 'x'.`, with the nearest known one, or all of them where none is near. */
export function unknownProviderText(catalog: Catalog, id: string): string {
  const shown = id.length <= NAME_LENGTH_MAX ? id : `${id.slice(0, NAME_LENGTH_MAX)}…`;
  const nearest = nearestName(id, catalog.providers.keys());
  if (nearest !== null) return `Unknown provider '${shown}'. Did you mean '${nearest}'?`;
  return `Unknown provider '${shown}'. There are ${[...catalog.providers.keys()].join(', ')}.`;
}

/** Throws a 400 for a provider that is used without a key. */
export function demandKeyed(facts: ProviderFacts, field: string): void {
  if (facts.authHeader === null) throw refuseInput({ [field]: [`${facts.id} takes no key`] });
}
