import path from 'node:path';

import { loadCatalog } from './load-catalog.ts';
import type { Model } from './model.ts';

/** The folder of the project's own catalogue. */
export const CATALOG_FOLDER = path.join(import.meta.dirname, '..', '..', '..', 'catalog');

/** A model of the project's own catalogue, for tests; throws where there is none. */
export function modelForTests(id: string): Model {
  const model = loadCatalog(CATALOG_FOLDER).findModel(id);
  if (model === undefined) throw new Error(`no model ${id} in the catalogue`);
  return model;
}
