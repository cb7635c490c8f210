import { isJsonObject } from './json-value.ts';
import type { CatalogFiles } from './load-catalog.ts';

/** One more server of a kind that the catalogue knows, at an address of the operator's own. */
export interface Instance {
  /** The new provider's id. */
  id: string;
  /** The provider of the catalogue whose facts, adapter and routes it takes over, such as `openai-images`. */
  provider: string;
  /** Its own names of the models it serves, by our model ids; null for all that the provider has routes of. */
  models: Readonly<Record<string, string>> | null;
}

const ID = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * The files with a provider for each instance, and its routes right behind those they were copied from. The key's
 * setting is `LUMEGATE_PROVIDER_<ID>_KEY` and may stay empty. Throws an Error that names the instance and the reason.
 */
export function withInstances(files: CatalogFiles, instances: readonly Instance[]): CatalogFiles {
  return instances.reduce(withInstance, files);
}

function withInstance(files: CatalogFiles, instance: Instance): CatalogFiles {
  const { id, provider, models } = instance;
  if (!ID.test(id)) fail(id, 'an id is up to 32 small letters, digits and hyphens, and begins with a letter');
  if (Object.hasOwn(files.providers, id)) fail(id, 'there is a provider of this id already');
  const facts = Object.hasOwn(files.providers, provider) ? files.providers[provider] : undefined;
  if (!isJsonObject(facts)) fail(id, `no provider "${provider}" in providers/`);
  if (facts['sandbox'] === true) fail(id, 'the sandbox has no instances');
  const copied = Object.entries(files.models).map(([name, model]) => {
    const upstreamModel = models === null ? null : Object.hasOwn(models, name) ? models[name] : undefined;
    return [name, upstreamModel === undefined ? model : withRoutes(model, instance, upstreamModel)] as const;
  });
  const all = Object.fromEntries(copied);
  const missing = Object.keys(models ?? {}).find((name) => all[name] === files.models[name]);
  if (missing !== undefined) fail(id, `the model "${missing}" has no route of "${provider}" to copy`);
  return { ...files, models: all, providers: { ...files.providers, [id]: instanceFacts(instance, facts) } };
}

function instanceFacts({ id }: Instance, facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const header = facts['authHeader'];
  const setting = `LUMEGATE_PROVIDER_${id.toUpperCase().replaceAll('-', '_')}_KEY`;
  return {
    ...facts,
    id,
    label: `${String(facts['label'])} (${id})`,
    authHeader: isJsonObject(header) ? { ...header, setting, isOptional: true } : null,
  };
}

/** The model with the instance's routes; the same object where there is nothing to copy. */
function withRoutes(model: unknown, { id, provider }: Instance, upstreamModel: string | null): unknown {
  if (!isJsonObject(model) || !Array.isArray(model['routes'])) return model;
  const routes: unknown[] = model['routes'];
  if (!routes.some((route) => isRouteOf(route, provider))) return model;
  const copies = routes.flatMap((route) =>
    isRouteOf(route, provider)
      ? [route, { ...route, provider: id, ...(upstreamModel === null ? {} : { upstreamModel }) }]
      : [route],
  );
  return { ...model, routes: copies };
}

function isRouteOf(route: unknown, provider: string): route is Readonly<Record<string, unknown>> {
  return isJsonObject(route) && route['provider'] === provider;
}

function fail(id: string, reason: string): never {
  throw new Error(`catalogue: instance "${id}": ${reason}`);
}
