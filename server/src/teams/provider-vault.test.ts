import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../core/random.ts';
import { openKeyVault } from './key-vault.ts';
import { openProviderVault } from './provider-vault.ts';

const random = systemRandom();
const masterKey = Buffer.alloc(32, 2);
const vault = openProviderVault({ masterKey, random });
const SECRET = 'r8_canary_0123456789abcdef';

test('a sealed secret opens for its own row, and shows nothing of itself', () => {
  const sealed = vault.seal('id-1', SECRET);
  assert.equal(vault.open('id-1', sealed), SECRET);
  const stored = Object.values(sealed).map((text) => Buffer.from(text, 'base64url').toString('latin1'));
  for (const text of [...stored, ...Object.values(sealed)]) assert.ok(!text.includes('canary'));
});

test('two sealings of one secret have nothing in common', () => {
  const [one, two] = [vault.seal('id-1', SECRET), vault.seal('id-1', SECRET)];
  assert.notEqual(one.sealedSecret, two.sealedSecret);
  assert.notEqual(one.sealedKey, two.sealedKey);
});

test('what is exchanged between rows or between fields does not open', () => {
  const [one, two] = [vault.seal('id-1', 'secret-of-one'), vault.seal('id-2', 'secret-of-two')];
  assert.throws(() => vault.open('id-1', two));
  assert.throws(() => vault.open('id-1', { ...one, sealedSecret: two.sealedSecret }));
  assert.throws(() => vault.open('id-1', { ...one, sealedKey: two.sealedKey }));
  assert.throws(() => vault.open('id-1', { sealedSecret: one.sealedKey, sealedKey: one.sealedSecret }));
  // Both halves of another sealing of the same row are whole; a half of each is not.
  const again = vault.seal('id-1', 'a-newer-secret');
  assert.throws(() => vault.open('id-1', { ...again, sealedKey: one.sealedKey }));
});

test('a sealing with any bit flipped or bytes missing does not open, nor one under another master key', () => {
  const sealed = vault.seal('id-1', SECRET);
  for (const field of ['sealedSecret', 'sealedKey'] as const) {
    const bytes = Buffer.from(sealed[field], 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => vault.open('id-1', { ...sealed, [field]: changed.toString('base64url') }), `bit ${bit}`);
    }
    for (let length = 0; length < bytes.length; length += 1) {
      const cut = bytes.subarray(0, length).toString('base64url');
      assert.throws(() => vault.open('id-1', { ...sealed, [field]: cut }), `${length} bytes`);
    }
  }
  const other = openProviderVault({ masterKey: Buffer.alloc(32, 9), random });
  assert.throws(() => other.open('id-1', sealed));
});

test('a sealing of the vault of API keys, under the same master key, is none of this one', () => {
  const keys = openKeyVault({ pepper: Buffer.alloc(32, 1), masterKey, random });
  const sealed = vault.seal('id-1', SECRET);
  assert.throws(() => vault.open('id-1', { ...sealed, sealedKey: keys.sealDigest('id-1', 'afk_key') }));
  assert.throws(() => keys.openDigest('id-1', sealed.sealedKey));
});

test('a fingerprint tells secrets apart and depends on the master key', () => {
  assert.match(vault.fingerprint(SECRET), /^[0-9a-f]{8}$/);
  assert.equal(vault.fingerprint(SECRET), vault.fingerprint(SECRET));
  assert.notEqual(vault.fingerprint(SECRET), vault.fingerprint(`${SECRET}x`));
  const other = openProviderVault({ masterKey: Buffer.alloc(32, 9), random });
  assert.notEqual(other.fingerprint(SECRET), vault.fingerprint(SECRET));
});

test('a master key of a wrong length is refused', () => {
  assert.throws(() => openProviderVault({ masterKey: Buffer.alloc(16), random }), RangeError);
});
