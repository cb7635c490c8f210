import assert from 'node:assert/strict';
import path from 'node:path/posix';
import { describe, it } from 'node:test';

import { FLOORS, GUESTS } from '../../server/floors.ts';
import { importsOf, isTestFile, readSources, type SourceFile } from './source-files.ts';

const SOURCE = 'server/src';

/** `core` for `server/src/core/ids.ts`; null for files that stand in no room, as main.ts does. */
function roomOf(file: string): string | null {
  const [room, ...rest] = path.relative(SOURCE, file).split('/');
  return room === undefined || room === '..' || rest.length === 0 ? null : room;
}

function findFloorProblems(files: readonly SourceFile[]): string[] {
  return files.filter((file) => file.path !== `${SOURCE}/main.ts`).flatMap(problemsOf);
}

function problemsOf(file: SourceFile): string[] {
  const room = roomOf(file.path);
  const floor = FLOORS[room ?? ''];
  if (room === null || floor === undefined) return [`${file.path} stands in no room of floors.ts`];
  return importsOf(file.text).flatMap(({ line, specifier }) => {
    const problem = specifier.startsWith('.')
      ? neighbourProblem({ file: file.path, room, floor }, specifier)
      : guestProblem(file.path, specifier);
    return problem === null ? [] : [`${file.path}:${line} ${problem}`];
  });
}

function neighbourProblem(from: { file: string; room: string; floor: number }, specifier: string): string | null {
  const target = path.join(path.dirname(from.file), specifier);
  if (!target.startsWith(`${SOURCE}/`)) {
    const isHelper = isTestFile(from.file) && /^(test\/support|catalog|server\/package\.json)/.test(target);
    return isHelper ? null : `imports ${target}, which is no source of the server`;
  }
  if (isTestFile(target) && !isTestFile(from.file)) return `imports the test helper ${target}`;
  const room = roomOf(target);
  if (room === from.room) return null;
  const floor = FLOORS[room ?? ''];
  if (floor !== undefined && floor < from.floor) return null;
  return `(${from.room}, floor ${from.floor}) imports ${target} (floor ${floor ?? 'unknown'}): imports go down only`;
}

function guestProblem(file: string, specifier: string): string | null {
  const [name] =
    Object.entries(GUESTS).find(([guest]) => specifier === guest || specifier.startsWith(`${guest}/`)) ?? [];
  if (name === undefined) return null;
  const hosts = GUESTS[name] ?? [];
  const inside = path.relative(SOURCE, file);
  return hosts.some((host) => inside.startsWith(`${host}/`))
    ? null
    : `imports ${name}, a guest of ${hosts.join(' and ')}`;
}

describe('the floors of the server', () => {
  it('imports go down only, and guests stay in their rooms', () => {
    const files = readSources(`${SOURCE}/**/*.ts`);
    assert.ok(files.length > 50, 'the sources were found');
    assert.deepEqual(findFloorProblems(files), []);
  });

  const made = (file: string, text: string): string[] => findFloorProblems([{ path: `${SOURCE}/${file}`, text }]);
  for (const { what, file, text } of [
    { what: 'an import of a higher floor', file: 'core/a.ts', text: `import { b } from '../jobs/b.ts';` },
    {
      what: 'an import of a neighbour on the same floor',
      file: 'http/v2/a.ts',
      text: `import { b } from '../../loops/b.ts';`,
    },
    { what: 'an import of types only', file: 'net/a.ts', text: `import type { B } from '../credits/b.ts';` },
    { what: 'a re-export', file: 'log/a.ts', text: `export { b } from '../jobs/b.ts';` },
    { what: 'a dynamic import', file: 'files/a.ts', text: `const b = await import('../sandbox/b.ts');` },
    { what: 'an import over several lines', file: 'core/a.ts', text: `import {\n  b,\n} from '../net/b.ts';` },
    { what: 'an import of main.ts', file: 'jobs/a.ts', text: `import '../main.ts';` },
    { what: 'a room that is not in the table', file: 'utils/a.ts', text: '' },
    { what: 'a file outside of every room', file: 'a.ts', text: '' },
    { what: 'a test helper in shipped code', file: 'jobs/a.ts', text: `import { b } from '../net/net-test-kit.ts';` },
    {
      what: 'the test folder in shipped code',
      file: 'jobs/a.ts',
      text: `import { b } from '../../../test/support/b.ts';`,
    },
    { what: 'a driver outside of its room', file: 'jobs/a.ts', text: `import pg from 'pg';` },
    { what: 'a part of a framework outside of its room', file: 'jobs/a.ts', text: `import { cors } from 'hono/cors';` },
  ]) {
    it(`finds ${what}`, () => assert.equal(made(file, text).length, 1));
  }

  for (const { what, file, text } of [
    { what: 'an import of a lower floor', file: 'jobs/a.ts', text: `import { b } from '../core/b.ts';` },
    { what: 'an import of the same room', file: 'http/v2/a.ts', text: `import { b } from '../gate/b.ts';` },
    { what: 'an import named in a comment', file: 'core/a.ts', text: `// import { b } from '../jobs/b.ts';` },
    { what: 'test support in a test', file: 'jobs/a.test.ts', text: `import { b } from '../../../test/support/b.ts';` },
    { what: 'a guest at home', file: 'database/a.ts', text: `import pg from 'pg';` },
  ]) {
    it(`allows ${what}`, () => assert.deepEqual(made(file, text), []));
  }
});
