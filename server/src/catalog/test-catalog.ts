import path from 'node:path';

import type { InputFacts } from './amount.ts';
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

/** For tests only: facts for each file that a request may name, as the engine measures them for rules that go by a file. */
export function measuredForTests({ parameters }: Model): Record<string, InputFacts> {
  const files = Object.keys(parameters).filter((name) => parameters[name]?.format === 'uri');
  const facts = { seconds: 10, megapixels: 2, width: 2_048, height: 1_024 };
  return Object.fromEntries(files.map((name) => [name, facts]));
}
