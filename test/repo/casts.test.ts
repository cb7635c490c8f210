import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isTestFile, readSources, withoutComments, type SourceFile } from './source-files.ts';

/** `x as T`, but not `as const`, and not a name given to an import or export. */
const CAST = /\bas (?!const\b)(?=[A-Za-z({[])/;
/** A comment on the same line or within this many lines above says why the cast is safe. */
const REASON_LINES_MAX = 3;

function findBareCasts(file: SourceFile): string[] {
  const raw = file.text.split('\n');
  return codeLines(file.text).flatMap((line, index) => {
    if (!CAST.test(line)) return [];
    const near = raw.slice(Math.max(0, index - REASON_LINES_MAX), index + 1);
    return near.some((text) => /^\s*(\/\*|\*)|(^|\s)\/\//.test(text))
      ? []
      : [`${file.path}:${index + 1} casts without a reason`];
  });
}

/** The text without comments, strings, templates, imports and re-exports; lines stay where they are. */
function codeLines(text: string): string[] {
  const blank = (found: string): string => found.replaceAll(/[^\n]/g, ' ');
  return withoutComments(text)
    .replaceAll(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, blank)
    .replaceAll(/^(import|export)\b[^;=]*?;/gm, blank)
    .split('\n');
}

describe('casts', () => {
  it('say why they are safe', () => {
    const files = readSources('server/src/**/*.ts', 'scripts/*.ts').filter((file) => !isTestFile(file.path));
    assert.deepEqual(files.flatMap(findBareCasts), []);
  });

  const count = (text: string): number => findBareCasts({ path: 'a.ts', text }).length;
  it('finds one without a reason', () => {
    assert.equal(count('const a = b as C;'), 1);
    assert.equal(count('const a = JSON.parse(b) as { c: string };'), 1);
  });
  it('is content with a reason, with const, and with what is no cast', () => {
    assert.equal(count('// Safe: checked above.\nconst a = b as C;'), 0);
    assert.equal(count('const a = [1] as const;'), 0);
    assert.equal(count("import { a as b } from 'c';\nexport { d as e };"), 0);
    assert.equal(count('const a = `SELECT b as c`;'), 0);
    assert.equal(count("const a = 'as it stands';"), 0);
  });
});
