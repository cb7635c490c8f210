import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

import { withInstances } from '../catalog/instances.ts';
import { buildCatalog, readCatalogFiles, type Catalog } from '../catalog/load-catalog.ts';
import { withOverrides, type OwnCatalog } from '../catalog/overrides.ts';
import { every, type Loop } from '../loops/every.ts';
import type { Machine } from './open-store.ts';

const CATALOG_FOLDER = path.join(import.meta.dirname, '..', '..', '..', 'catalog');
/** How often the operator's folder is looked at. */
const LOOK_MS = 2_000;

/** The catalogue of this installation, which follows the operator's folder while the process runs. */
export interface LiveCatalog {
  /** Always the newest one that was right; hand this on, and keep nothing that was read from it. */
  catalog: Catalog;
  /** Looks at the folder from now on. */
  follow(): Loop;
}

/**
 * Our files, the operator's instances of providers, and his own folder: `<data>/catalog/models/*.json` and
 * `<data>/catalog/overrides.json`. Throws an Error that names the file and the reason. What is wrong later is logged,
 * and the catalogue stays as it was.
 */
export function openCatalog({ settings, clock, log }: Machine): LiveCatalog {
  const folder = path.resolve(settings.dataFolder, 'catalog');
  const ours = withInstances(readCatalogFiles(CATALOG_FOLDER), settings.instances);
  const build = (): Catalog =>
    buildCatalog(withOverrides(ours, readOwn(folder)), { margin: 1 + settings.marginPercent / 100 });
  let seen = stateOf(folder);
  let current = build();
  return {
    catalog: facade(() => current),
    follow: () =>
      every({
        name: 'catalog',
        ms: LOOK_MS,
        clock,
        log,
        round: async () => {
          const state = stateOf(folder);
          if (state === seen) return;
          seen = state;
          try {
            current = build();
            log.info('catalog.changed', { models: current.models.size });
          } catch (error) {
            log.error('catalog.refused', { reason: error instanceof Error ? error.message : String(error) });
          }
        },
      }),
  };
}

function facade(current: () => Catalog): Catalog {
  return Object.freeze({
    get models() {
      return current().models;
    },
    get providers() {
      return current().providers;
    },
    findModel: (id: string) => current().findModel(id),
    nearestModel: (...given: Parameters<Catalog['nearestModel']>) => current().nearestModel(...given),
    modelsFor: (...given: Parameters<Catalog['modelsFor']>) => current().modelsFor(...given),
    modelWithActions: (...given: Parameters<Catalog['modelWithActions']>) => current().modelWithActions(...given),
  });
}

function ownFiles(folder: string): string[] {
  const models = path.join(folder, 'models');
  const names = existsSync(models) ? readdirSync(models).filter((name) => name.endsWith('.json')) : [];
  const overrides = path.join(folder, 'overrides.json');
  return [...names.toSorted().map((name) => path.join(models, name)), ...(existsSync(overrides) ? [overrides] : [])];
}

/** Changes whenever a file does; a file that vanishes in between changes it too. */
function stateOf(folder: string): string {
  return ownFiles(folder)
    .map((file) => {
      const facts = statSync(file, { throwIfNoEntry: false });
      return `${file} ${facts?.mtimeMs ?? ''} ${facts?.size ?? ''}`;
    })
    .join('\n');
}

function readOwn(folder: string): OwnCatalog {
  const files = ownFiles(folder);
  const isModel = (file: string): boolean => path.basename(path.dirname(file)) === 'models';
  const overrides = files.find((file) => !isModel(file));
  return {
    models: Object.fromEntries(files.filter(isModel).map((file) => [path.basename(file, '.json'), readJson(file)])),
    overrides: overrides === undefined ? null : readJson(overrides),
  };
}

function readJson(file: string): unknown {
  const text = readFileSync(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`catalogue: ${file}: it is not JSON`, { cause });
  }
}
