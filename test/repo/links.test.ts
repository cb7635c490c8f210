import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { readSources, root, type SourceFile } from './source-files.ts';

const exists = (file: string): boolean => existsSync(path.join(root, file));

/** Links to files, and paths in back quotes that begin with a top folder, must lead somewhere. */
function findDeadEnds(page: SourceFile, isThere: (file: string) => boolean = exists): string[] {
  const links = [...page.text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)].map((match) =>
    path.join(path.dirname(page.path), match[1] ?? ''),
  );
  const named = [...page.text.matchAll(/`((?:server|scripts|test|docs|catalog|bench)\/[\w./-]+)`/g)].map(
    (match) => match[1] ?? '',
  );
  return [...links, ...named]
    .filter((file) => !isThere(file))
    .map((file) => `${page.path} names ${file}, which is not there`);
}

describe('links between pages', () => {
  it('lead to files that are there', () => {
    const pages = readSources('*.md', 'docs/**/*.md');
    assert.ok(pages.length > 10, 'the pages were found');
    assert.deepEqual(
      pages.flatMap((page) => findDeadEnds(page)),
      [],
    );
  });

  it('a page for each decision is in the table of ARCHITECTURE.md', () => {
    const [architecture] = readSources('ARCHITECTURE.md');
    const missing = readSources('docs/decisions/*.md').filter(
      (page) => architecture?.text.includes(`(${page.path})`) !== true,
    );
    assert.deepEqual(
      missing.map((page) => page.path),
      [],
    );
  });

  it('finds a link, an image and a path that lead nowhere, and lets the web be', () => {
    const find = (text: string): number => findDeadEnds({ path: 'docs/a.md', text }, () => false).length;
    assert.equal(find('[x](gone.md)'), 1);
    assert.equal(find('![x](images/gone.jpg)'), 1);
    assert.equal(find('see `server/src/gone.ts`'), 1);
    assert.equal(find('[x](https://example.com) [y](#here)'), 0);
  });
});
