import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';

import { listProjectFiles, readText, root, type SourceFile } from './source-files.ts';

const LINES_MAX = 400;
const CODE = /\.(ts|tsx|mjs|py|sql)$/;
/** Written by a program, and read by people only as a difference. */
const GENERATED = /(^|\/)(schema\.(sqlite|postgres)\.sql|.*\.generated\.ts)$|fixtures?\//;

const together = (...parts: string[]): string => parts.join('');
const UNFINISHED = [together('TO', 'DO'), together('FIX', 'ME'), together('X', 'XX'), together('HA', 'CK')];
const LEFT_OUT = [together('on', 'ly'), together('sk', 'ip'), together('to', 'do')];

/**
 * Words that speak of the place where the project is worked on, or of unfinished work. They are put together from
 * parts so that this file does not contain them itself.
 */
const FORBIDDEN: readonly { pattern: RegExp; why: string; only?: RegExp }[] = [
  { pattern: new RegExp(['before', 'stop'].join('-')), why: 'speaks of the workplace' },
  { pattern: new RegExp(['developers.', 'issue'].join(' ')), why: 'speaks of the workplace' },
  { pattern: new RegExp(['\\bC', 'EO\\b'].join('')), why: 'speaks of the workplace' },
  { pattern: new RegExp(`\\b(${UNFINISHED.join('|')})\\b`), why: 'marks unfinished work', only: CODE },
  {
    pattern: new RegExp(`\\b(test|it|describe)\\.(${LEFT_OUT.join('|')})\\b`),
    why: 'leaves a test out or singles one out',
    only: CODE,
  },
  { pattern: /"resolved": "https?:/, why: 'names the registry that one machine uses', only: /package-lock\.json$/ },
];

/** A checkout straight under one of these says nothing: documents may name them for other reasons. */
const COMMON_FOLDERS = new Set(['/', '/tmp', '/home', '/root', '/src', '/app']);

/** `place` is the folder that holds the checkout: a path in it means something on this machine alone. */
function findWords(file: SourceFile, place = path.dirname(root)): string[] {
  const rules = FORBIDDEN.filter(({ only }) => only === undefined || only.test(file.path));
  const found = rules.filter(({ pattern }) => pattern.test(file.text)).map(({ why }) => `${file.path} ${why}`);
  const namesPlace = !COMMON_FOLDERS.has(place) && file.text.includes(`${place}/`);
  return namesPlace ? [...found, `${file.path} names a folder of this machine`] : found;
}

function findLongFile(file: SourceFile): string[] {
  const lines = file.text.split('\n').length - 1;
  const isBound = CODE.test(file.path) && !GENERATED.test(file.path);
  return isBound && lines > LINES_MAX ? [`${file.path} has ${lines} lines, more than ${LINES_MAX}`] : [];
}

const names = listProjectFiles();
const files = (names ?? []).filter((name) => !/\.(png|jpe?g|webp|gif|woff2?|mp4|mp3)$/.test(name));
const skip = names === null ? 'this is no git checkout, so the files of the project are not known' : false;

describe('the files of the project', () => {
  it('none is longer than one thing needs', { skip }, () => {
    assert.deepEqual(
      files.flatMap((name) => findLongFile({ path: name, text: readText(name) })),
      [],
    );
  });

  it('none speaks of the place where it was written, and no test is left out', { skip }, () => {
    assert.deepEqual(
      files.flatMap((name) => findWords({ path: name, text: readText(name) })),
      [],
    );
  });

  it('finds a long file, and lets a generated one be', () => {
    const text = 'x\n'.repeat(LINES_MAX + 1);
    assert.equal(findLongFile({ path: 'server/src/jobs/a.ts', text }).length, 1);
    assert.equal(findLongFile({ path: 'server/src/jobs/a.ts', text: text.slice(2) }).length, 0);
    assert.equal(findLongFile({ path: 'server/src/database/schema.postgres.sql', text }).length, 0);
  });

  for (const text of [
    'see /srv/place/a.md',
    ['before', 'stop'].join('-'),
    `// ${UNFINISHED[0]}: later`,
    `it.${LEFT_OUT[0]}('x', () => {});`,
  ]) {
    it(`finds "${text.slice(0, 4)}…"`, () =>
      assert.equal(findWords({ path: 'a.ts', text }, '/srv/place').length > 0, true));
  }
});
