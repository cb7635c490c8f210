/** Writes the pages and tables of `docs/` and the README that are drawn from the code. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { drawFailures } from './draw-failures.ts';
import { drawProviders } from './draw-providers.ts';
import { drawSandbox } from './draw-sandbox.ts';
import { drawSettings } from './draw-settings.ts';
import { drawStates } from './draw-states.ts';
import { drawUnverified } from './draw-unverified.ts';

const CATALOG = path.join(import.meta.dirname, '..', 'catalog');

/** By file, from `docs/`. */
const PAGES: Readonly<Record<string, (page: string) => string>> = {
  '../README.md': (page) => drawProviders(page, CATALOG),
  'states.md': drawStates,
  'failures.md': drawFailures,
  'settings.md': drawSettings,
  'sandbox.md': drawSandbox,
  'unverified.md': () => drawUnverified(CATALOG),
};

for (const [name, draw] of Object.entries(PAGES)) {
  const file = path.join(import.meta.dirname, '..', 'docs', name);
  writeFileSync(file, draw(readFileSync(file, { encoding: 'utf8', flag: 'a+' })));
}
