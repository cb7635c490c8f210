import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createSlots } from './slots.ts';

describe('slots', () => {
  test('no more than the limit runs at once under one name, in the order of the calls, and another name has its own', async () => {
    const slots = createSlots(() => 2);
    const entered: string[] = [];
    const leave = new Map<string, () => void>();
    const enter = (name: string, who: string): Promise<void> =>
      slots.within(name, async () => {
        entered.push(who);
        await new Promise<void>((resolve) => leave.set(who, resolve));
      });
    const works = [enter('a', 'a1'), enter('a', 'a2'), enter('a', 'a3'), enter('a', 'a4'), enter('b', 'b1')];
    await Promise.resolve();
    assert.deepEqual(entered, ['a1', 'a2', 'b1']);
    leave.get('a2')?.();
    await works[1];
    await Promise.resolve();
    assert.deepEqual(entered, ['a1', 'a2', 'b1', 'a3']);
    leave.get('a1')?.();
    await works[0];
    await Promise.resolve();
    for (const who of ['a3', 'a4', 'b1']) leave.get(who)?.();
    await Promise.all(works);
    assert.deepEqual(entered, ['a1', 'a2', 'b1', 'a3', 'a4']);
  });

  test('room that shrinks is kept to as others leave, and room that grows lets in all it has at the next leave', async () => {
    let room = 2;
    const slots = createSlots(() => room);
    const entered: string[] = [];
    const leave = new Map<string, () => void>();
    const works = ['1', '2', '3', '4', '5'].map((who) =>
      slots.within('a', async () => {
        entered.push(who);
        await new Promise<void>((resolve) => leave.set(who, resolve));
      }),
    );
    await Promise.resolve();
    room = 1;
    leave.get('1')?.();
    await works[0];
    await Promise.resolve();
    assert.deepEqual(entered, ['1', '2']);
    room = 4;
    leave.get('2')?.();
    await works[1];
    await Promise.resolve();
    assert.deepEqual(entered, ['1', '2', '3', '4', '5']);
    for (const who of ['3', '4', '5']) leave.get(who)?.();
    await Promise.all(works);
  });

  test('work that throws makes room all the same', async () => {
    const slots = createSlots(() => 1);
    const failing = slots.within('a', async () => {
      throw new Error('broken');
    });
    const next = slots.within('a', async () => 'done');
    await assert.rejects(failing, /broken/);
    assert.equal(await next, 'done');
  });

  test('once lifted, everybody who waits or comes later goes on at once', async () => {
    const slots = createSlots(() => 1);
    const { promise: held, resolve: leave } = Promise.withResolvers<void>();
    const first = slots.within('a', () => held);
    const second = slots.within('a', async () => 'second');
    slots.lift();
    assert.equal(await second, 'second');
    assert.equal(await slots.within('a', async () => 'third'), 'third');
    leave();
    await first;
  });
});
