import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { systemRandom } from '../core/random.ts';
import { openKeyVault } from './key-vault.ts';

const random = systemRandom();
const pepper = Buffer.alloc(32, 1);
const masterKey = Buffer.alloc(32, 2);
const vault = openKeyVault({ pepper, masterKey, random });

test('the look-up hash is the HMAC with the pepper, not the digest that signs webhooks', () => {
  // Computed with: openssl dgst -sha256 -mac HMAC -macopt hexkey:0101… over "afk_key".
  assert.equal(vault.lookupHash('afk_key'), 'f7e6e682f96511d030e15edc70cf3bb1f9a041204a0acb8abc2c3b4a39196278');
  assert.notEqual(vault.lookupHash('afk_key'), createHash('sha256').update('afk_key').digest('hex'));
  const other = openKeyVault({ pepper: Buffer.alloc(32, 3), masterKey, random });
  assert.notEqual(other.lookupHash('afk_key'), vault.lookupHash('afk_key'));
});

test('a sealed digest opens to the SHA-256 of the key', () => {
  const sealed = vault.sealDigest('id-1', 'afk_key');
  assert.deepEqual(vault.openDigest('id-1', sealed), createHash('sha256').update('afk_key').digest());
});

test('two sealings of the same key differ', () => {
  assert.notEqual(vault.sealDigest('id-1', 'afk_key'), vault.sealDigest('id-1', 'afk_key'));
});

test('sealings exchanged between two rows do not open', () => {
  const [one, two] = [vault.sealDigest('id-1', 'afk_one'), vault.sealDigest('id-2', 'afk_two')];
  assert.throws(() => vault.openDigest('id-1', two));
  assert.throws(() => vault.openDigest('id-2', one));
});

test('a sealing with any bit flipped or bytes missing does not open, nor one under another master key', () => {
  const sealed = Buffer.from(vault.sealDigest('id-1', 'afk_key'), 'base64url');
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => vault.openDigest('id-1', changed.toString('base64url')), `bit ${bit}`);
  }
  for (let length = 0; length < sealed.length; length += 1) {
    assert.throws(() => vault.openDigest('id-1', sealed.subarray(0, length).toString('base64url')), `${length} bytes`);
  }
  const other = openKeyVault({ pepper, masterKey: Buffer.alloc(32, 9), random });
  assert.throws(() => other.openDigest('id-1', sealed.toString('base64url')));
});

test('secrets of a wrong length are refused', () => {
  assert.throws(() => openKeyVault({ pepper: Buffer.alloc(31), masterKey, random }), RangeError);
  assert.throws(() => openKeyVault({ pepper, masterKey: Buffer.alloc(16), random }), RangeError);
});
