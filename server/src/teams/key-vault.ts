import { createCipheriv, createDecipheriv, createHash, createHmac, createSecretKey } from 'node:crypto';

import type { Random } from '../core/random.ts';

/** AES-256 and a pepper that cannot be guessed both take 32 bytes. */
export const SECRET_BYTES = 32;
/** The nonce length that GCM is made for. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Version of the master key; part of what is authenticated, so that old and new sealings cannot be confused. */
const KEY_VERSION = 1;

/** What must be done with API keys so that a stolen database neither verifies nor forges anything. */
export interface KeyVault {
  /** HMAC-SHA-256 with the pepper, in hex: the only form in which a key is looked up. */
  lookupHash(key: string): string;
  /** SHA-256 of the key, which the compatible webhook signature needs, encrypted for the row `keyId` alone. */
  sealDigest(keyId: string, key: string): string;
  /** The 32 bytes of the digest; throws for a sealing of another row, or one that was tampered with. */
  openDigest(keyId: string, sealed: string): Buffer;
}

/** Opens the vault with the two secrets, which live outside the database. */
export function openKeyVault(secrets: { pepper: Buffer; masterKey: Buffer; random: Random }): KeyVault {
  const { pepper, masterKey, random } = secrets;
  if (pepper.length !== SECRET_BYTES || masterKey.length !== SECRET_BYTES) {
    throw new RangeError(`pepper and master key must be ${SECRET_BYTES} bytes each`);
  }
  // Made once: from bare bytes Node makes such an object for each call, and a look-up took 30 µs instead of 4.
  const lookupKey = createSecretKey(pepper);
  return {
    lookupHash: (key) => createHmac('sha256', lookupKey).update(key).digest('hex'),
    sealDigest: (keyId, key) => {
      const nonce = random.bytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', masterKey, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(placeOf(keyId));
      const sealed = Buffer.concat([cipher.update(createHash('sha256').update(key).digest()), cipher.final()]);
      return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url');
    },
    openDigest: (keyId, text) => {
      const bytes = Buffer.from(text, 'base64url');
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', masterKey, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(placeOf(keyId));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    },
  };
}

/** Table, row, field and key version: a sealing opens in the place it was made for and nowhere else. */
function placeOf(keyId: string): Buffer {
  return Buffer.from(`api_keys:${keyId}:sealed_digest:${KEY_VERSION}`);
}
