import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../core/random.ts';
import { displayPrefix, KEY_PATTERN, makeKey, readKey } from './key-format.ts';

/** As many as the threat model asks for. */
const KEYS = 100_000;
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.';

test('every key that is made matches the documented pattern and its checksum, and none comes twice', () => {
  const random = systemRandom();
  const seen = new Set<string>();
  for (let index = 0; index < KEYS; index += 1) {
    const mode = index % 2 === 0 ? 'live' : 'test';
    const key = makeKey(random, mode);
    if (!KEY_PATTERN.test(key)) assert.fail(`${key} does not match`);
    const reading = readKey(key);
    if (!reading.ok || reading.mode !== mode || reading.checksum !== 'right') assert.fail(`${key} is misread`);
    seen.add(key);
  }
  assert.equal(seen.size, KEYS);
});

test('any change of a single character of a key is noticed', () => {
  const random = systemRandom();
  for (let round = 0; round < 25; round += 1) {
    const key = makeKey(random, round % 2 === 0 ? 'live' : 'test');
    for (let position = 0; position < key.length; position += 1) {
      for (const character of ALPHABET) {
        if (character === key[position]) continue;
        const changed = key.slice(0, position) + character + key.slice(position + 1);
        const reading = readKey(changed);
        if (reading.ok && reading.checksum === 'right') assert.fail(`${key} and ${changed} both pass`);
      }
    }
  }
});

test('a live key with the prefix of a test key does not pass, nor the other way round', () => {
  const random = systemRandom();
  const live = makeKey(random, 'live').replace('afk_', 'afk_test_');
  const trial = makeKey(random, 'test').replace('afk_test_', 'afk_');
  assert.deepEqual(readKey(live), { ok: true, mode: 'test', checksum: 'wrong' });
  assert.deepEqual(readKey(trial), { ok: true, mode: 'live', checksum: 'wrong' });
});

test('a bootstrap key can be looked up although it has no checksum', () => {
  assert.deepEqual(readKey(`afk_${'a'.repeat(32)}`), { ok: true, mode: 'live', checksum: 'wrong' });
  assert.deepEqual(readKey(`afk_${'my_key_'.repeat(28)}`), { ok: true, mode: 'live', checksum: 'wrong' });
});

test('texts that cannot be keys are told without a look-up', () => {
  const impossible = [
    '',
    'afk_',
    `afk_${'a'.repeat(31)}`,
    `afk_${'a'.repeat(237)}`,
    `AFK_${'a'.repeat(38)}`,
    `sk_${'a'.repeat(38)}`,
    `afk_${'a'.repeat(37)} `,
    `afk_${'a'.repeat(37)}\n`,
    `afk_${'ä'.repeat(38)}`,
    `afk_${'\u0000'.repeat(38)}`,
    ` afk_${'a'.repeat(38)}`,
    `afk_${'-'.repeat(38)}`,
  ];
  for (const text of impossible) assert.deepEqual(readKey(text), { ok: false }, JSON.stringify(text));
});

test('the prefix for display shows 12 characters', () => {
  assert.equal(displayPrefix('afk_abcdefghijklmnop'), 'afk_abcdefgh');
});
