import type { Catalog } from '../catalog/load-catalog.ts';
import { hasDestination } from '../catalog/routes.ts';
import type { Settings } from '../core/settings.ts';

/** A provider that could train and does not, since nobody has said where it is to keep the results. */
interface MissingDestination {
  provider: string;
  /** The models that it would train. */
  models: string[];
  /** What would have to be set. */
  setting: string;
}

/** The providers of the catalogue that train nothing until a setting names a destination, whether or not they have a key. */
export function missingDestinations(
  catalog: Pick<Catalog, 'models'>,
  { providerDestinations }: Pick<Settings, 'providerDestinations'>,
): MissingDestination[] {
  const named = new Set(Object.keys(providerDestinations));
  const found = new Map<string, Set<string>>();
  for (const model of catalog.models.values()) {
    const kinds = Object.values(model.actions?.kinds ?? {}).map((action) => action.model);
    for (const route of [model, ...kinds].flatMap(({ routes }) => routes)) {
      if (hasDestination(route, named)) continue;
      found.set(route.provider, (found.get(route.provider) ?? new Set()).add(model.id));
    }
  }
  return [...found].map(([provider, models]) => ({
    provider,
    models: [...models],
    setting: `LUMEGATE_PROVIDER_${provider.toUpperCase().replaceAll('-', '_')}_DESTINATION`,
  }));
}
