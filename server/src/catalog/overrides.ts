import { z } from 'zod';

import { isJsonObject } from './json-value.ts';
import type { CatalogFiles } from './load-catalog.ts';

/** What the operator's own folder adds to the catalogue. */
export interface OwnCatalog {
  /** Models of his own, by id; one of the catalogue's ids takes that model's place. */
  models: Readonly<Record<string, unknown>>;
  /** `overrides.json`, parsed; null where there is none. */
  overrides: unknown;
}

const override = z.strictObject({
  /** `false` takes the model off the list: it is then as unknown as any other name. */
  enabled: z.boolean().optional(),
  /** The price of every run, and the day since which it holds. A rule of another form needs a model file of its own. */
  price: z
    .strictObject({
      credits: z.number().positive(),
      since: z.iso.date(),
      /** Why it may be below what a provider takes; without it such a price is refused. */
      lossReason: z.string().min(1).max(200).optional(),
    })
    .optional(),
  /** These providers alone, and in this order; the sandbox stays as it is. */
  providers: z.array(z.string()).min(1).optional(),
});
const overridesFile = z.record(z.string(), override);
type Override = z.infer<typeof override>;

/**
 * The files with the operator's models and wishes. Throws an Error that names the file and the reason, so that a
 * misspelt wish is never passed over in silence.
 */
export function withOverrides(files: CatalogFiles, own: OwnCatalog): CatalogFiles {
  const models: Record<string, unknown> = { ...files.models, ...own.models };
  for (const [id, wish] of Object.entries(parse(own.overrides))) {
    const model = Object.hasOwn(models, id) ? models[id] : undefined;
    if (!isJsonObject(model)) fail(`there is no model "${id}"`);
    if (wish.enabled === false) delete models[id];
    else models[id] = changed(model, { id, wish });
  }
  return { ...files, models };
}

function parse(overrides: unknown): Record<string, Override> {
  if (overrides === null) return {};
  const parsed = overridesFile.safeParse(overrides);
  if (parsed.success) return parsed.data;
  return fail(parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`).join('; '));
}

function changed(
  model: Readonly<Record<string, unknown>>,
  { id, wish: { price, providers } }: { id: string; wish: Override },
): Record<string, unknown> {
  const routes = providers === undefined ? model['routes'] : ordered(model['routes'], { id, providers });
  if (price === undefined) return { ...model, routes };
  const { lossReason, ...own } = price;
  return { ...model, price: flatPrice(own), routes: lossReason === undefined ? routes : atLoss(routes, lossReason) };
}

function flatPrice({ credits, since }: { credits: number; since: string }): object {
  const source = { text: 'Set by the operator of this gateway.', readAt: since };
  return { mode: 'flat', credits, since, derived: false, source };
}

function atLoss(routes: unknown, lossReason: string): unknown[] {
  const all: unknown[] = Array.isArray(routes) ? routes : [];
  return all.map((route) => {
    const cost = isJsonObject(route) ? route['cost'] : null;
    return isJsonObject(route) && isJsonObject(cost) && cost['mode'] !== 'none'
      ? { ...route, cost: { ...cost, lossReason } }
      : route;
  });
}

const SANDBOX = 'sandbox';

function ordered(routes: unknown, { id, providers }: { id: string; providers: readonly string[] }): unknown[] {
  const all: unknown[] = Array.isArray(routes) ? routes : [];
  const of = (provider: string): unknown[] =>
    all.filter((route) => isJsonObject(route) && route['provider'] === provider);
  for (const provider of providers) {
    if (of(provider).length === 0) fail(`${id}.providers: "${provider}" has no route of this model`);
  }
  return [...of(SANDBOX), ...providers.filter((provider) => provider !== SANDBOX).flatMap(of)];
}

function fail(reason: string): never {
  throw new Error(`catalogue: overrides.json: ${reason}`);
}
