import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { findCatalogProblems } from './find-catalog-problems.ts';
import { buildCatalog, readCatalogFiles } from './load-catalog.ts';
import { CATALOG_FOLDER } from './test-catalog.ts';

const files = readCatalogFiles(CATALOG_FOLDER);

/** What is found when one model's file is changed. */
function problemsWith(id: string, changes: Record<string, unknown>): string[] {
  const models = { ...files.models, [id]: { ...Object(files.models[id]), ...changes } };
  return findCatalogProblems(buildCatalog({ ...files, models }));
}

describe('the check of the whole catalogue', () => {
  it('finds nothing in ours', () => {
    assert.deepEqual(findCatalogProblems(buildCatalog(files)), []);
  });

  it('finds an example that its model refuses, and one that no provider takes', () => {
    const wrong = [{ title: 'Wrong', input: { prompt: 'x', veoParams: { duration: 5 } } }];
    assert.match(problemsWith('veo-3.1', { examples: wrong }).join(), /^veo-3\.1: "Wrong": veoParams\.duration/);
    const lonely = [{ title: 'Lonely', input: { prompt: 'x' } }];
    assert.deepEqual(problemsWith('hailuo-2.3-fast', { examples: lonely }), [
      'hailuo-2.3-fast: "Lonely": no route takes it',
    ]);
  });

  it('finds a successor that is not there, or retired itself', () => {
    const retired = (successor: string): Record<string, unknown> => ({
      availability: { state: 'retired', on: '2026-01-01', successor },
    });
    assert.match(problemsWith('sora-2', retired('sora-9')).join(), /sora-2: its successor "sora-9" is not there/);
    assert.match(problemsWith('sora-2', retired('sora-2-pro')).join(), /"sora-2-pro" is not live/);
  });
});
