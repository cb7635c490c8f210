import { loadCatalog } from '../server/src/catalog/load-catalog.ts';
import type { Model, ProviderFacts } from '../server/src/catalog/model.ts';
import { CUTOUT } from '../server/src/local/local-service.ts';
import { markdownTable, withTable } from './markdown-table.ts';

const MODALITIES = ['image', 'video', 'music'] as const satisfies readonly Model['modality'][];

/** The README with its table of providers drawn anew from the catalogue in `folder`. */
export function drawProviders(page: string, folder: string): string {
  const { models, providers } = loadCatalog(folder);
  const rows = [...providers.values()]
    .filter(({ sandbox }) => !sandbox)
    .map((provider) => ({ provider, served: servedBy(provider.id, [...models.values()]) }))
    .toSorted((a, b) => b.served.length - a.served.length || a.provider.label.localeCompare(b.provider.label))
    .map(({ provider, served }) => [
      `${provider.label}${placeOf(provider)}`,
      provider.inside === true ? insideSettingOf(provider) : `\`${settingOf(provider)}\``,
      wordsFor(served),
    ]);
  return withTable(page, markdownTable(['provider', 'setting', 'models'], rows));
}

/** Where it stands, if not with its vendor. */
function placeOf({ inside, ownMachine }: ProviderFacts): string {
  if (inside === true) return ', inside the gateway';
  return ownMachine ? ', on your own machine' : '';
}

function servedBy(provider: string, models: readonly Model[]): Model[] {
  return models.filter((model) => model.routes.some((route) => route.provider === provider));
}

/** The setting that makes the provider usable: its key, or its address where it is a machine of the operator's own. */
function settingOf({ id, baseUrl, authHeader }: ProviderFacts): string {
  if (baseUrl !== null && authHeader !== null) return authHeader.setting;
  return `LUMEGATE_PROVIDER_${id.toUpperCase().replaceAll('-', '_')}_URL`;
}

/** What works inside the gateway needs nothing, but a program of the operator's has to be named. */
function insideSettingOf({ id }: ProviderFacts): string {
  return id === CUTOUT ? '`LUMEGATE_BACKGROUND_REMOVER`' : 'none';
}

/** How many models of each kind, or their names where they are few. */
function wordsFor(served: readonly Model[]): string {
  if (served.length <= 3) return served.map(({ id }) => `\`${id}\``).join(', ');
  return MODALITIES.map((modality) => ({ modality, count: served.filter((one) => one.modality === modality).length }))
    .filter(({ count }) => count > 0)
    .map(({ modality, count }) => `${count} ${modality}`)
    .join(', ');
}
