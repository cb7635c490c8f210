import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { createLineWriter } from './line-writer.ts';

test('lines of one turn leave together, in their order', async () => {
  const written: string[] = [];
  const writer = createLineWriter((text) => written.push(text));
  writer.write('a\n');
  writer.write('b\n');
  assert.deepEqual(written, []);
  await nextTurn();
  assert.deepEqual(written, ['a\nb\n']);
  writer.write('c\n');
  await nextTurn();
  assert.deepEqual(written, ['a\nb\n', 'c\n']);
});

test('flushing hands on what waits, once', async () => {
  const written: string[] = [];
  const writer = createLineWriter((text) => written.push(text));
  writer.write('last\n');
  writer.flush();
  await nextTurn();
  assert.deepEqual(written, ['last\n']);
});
