import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isTestFile, readSources, withoutComments, type SourceFile } from './source-files.ts';

/** What the world hands in and nobody takes by himself, so that a test can replay a whole day in a second. */
const TAKEN: readonly { what: string; pattern: RegExp }[] = [
  { what: 'the time', pattern: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.hrtime\b/g },
  { what: 'chance', pattern: /\bMath\.random\b|\brandom(Bytes|UUID|Int|FillSync)\b|\bgetRandomValues\b/g },
  { what: 'the environment', pattern: /\bprocess\.env\b/g },
];

/** Files that may, each with its reason. One that no longer needs to is a finding too. */
const MAY: Readonly<Record<string, string>> = {
  'server/src/core/clock.ts': 'it is the clock',
  'server/src/core/random.ts': 'it is the source of chance',
  'server/src/main.ts': 'it reads the environment once and hands it in',
  'server/src/commands/output.ts': 'NO_COLOR speaks of the terminal that it writes to',
  'server/src/commands/follow-job.ts': 'it is a client at a terminal and shows how long its own steps took',
  'server/src/blobs/temporary-file.ts':
    'names of temporary files must differ between processes, and nobody ever replays them',
  'server/src/files/child-habits.ts': 'it hands the few variables that a child process needs on to it',
};

function findTakers(files: readonly SourceFile[], may: Readonly<Record<string, string>> = MAY): string[] {
  const found = files.flatMap((file) => takenIn(file).map((what) => ({ file: file.path, what })));
  const wrong = found.filter(({ file }) => may[file] === undefined).map(({ file, what }) => `${file} takes ${what}`);
  const idle = Object.keys(may).filter((name) => found.every(({ file }) => file !== name));
  return [...wrong, ...idle.map((name) => `${name} takes nothing any more: strike it off the list`)];
}

function takenIn(file: SourceFile): string[] {
  if (isTestFile(file.path)) return [];
  const code = withoutComments(file.text);
  return TAKEN.filter(({ pattern }) => code.search(pattern) !== -1).map(({ what }) => what);
}

describe('the ports', () => {
  it('time, chance and environment are handed in', () => {
    assert.deepEqual(findTakers(readSources('server/src/**/*.ts')), []);
  });

  const made = (text: string): string[] => findTakers([{ path: 'server/src/jobs/a.ts', text }], {});
  for (const text of [
    'const at = Date.now();',
    'const at = new Date();',
    'const id = randomUUID();',
    'const jitter = Math.random();',
    `const port = process.env['PORT'];`,
  ]) {
    it(`finds ${text}`, () => assert.equal(made(text).length, 1));
  }

  it('finds an exception that nobody needs', () => {
    assert.deepEqual(findTakers([], { 'a.ts': 'for a test' }), ['a.ts takes nothing any more: strike it off the list']);
  });

  it('allows a date made of a given instant, and words in comments', () => {
    assert.deepEqual(made('// Date.now() would be wrong here.\nconst text = new Date(at).toISOString();'), []);
  });
});
