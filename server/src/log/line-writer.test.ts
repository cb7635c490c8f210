import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { createLineWriter } from './line-writer.ts';

test('lines that come together leave together, in their order, without being asked', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const written: string[] = [];
  const writer = createLineWriter((text) => written.push(text));
  writer.write('a\n');
  writer.write('b\n');
  assert.deepEqual(written, []);
  mock.timers.tick(20);
  assert.deepEqual(written, ['a\nb\n']);
  writer.write('c\n');
  mock.timers.tick(20);
  assert.deepEqual(written, ['a\nb\n', 'c\n']);
});

test('flushing hands on what waits, once', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const written: string[] = [];
  const writer = createLineWriter((text) => written.push(text));
  writer.write('last\n');
  writer.flush();
  mock.timers.tick(20);
  assert.deepEqual(written, ['last\n']);
});

test('what waits is bounded', () => {
  const written: string[] = [];
  const writer = createLineWriter((text) => written.push(text));
  writer.write('x'.repeat(40_000));
  assert.equal(written.length, 1);
});
