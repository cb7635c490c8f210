import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

import type { Random } from '../core/random.ts';
import { SECRET_BYTES } from './key-vault.ts';

/** The nonce length that GCM is made for. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Version of the master key; part of what is authenticated, so that old and new sealings cannot be confused. */
const KEY_VERSION = 1;
/** 32 bits tell one key from the next and help nobody to guess either. */
const FINGERPRINT_HEX = 8;

/** A provider's secret as the store holds it: sealed with a key of its own, which the master key seals. */
export interface SealedSecret {
  sealedSecret: string;
  sealedKey: string;
}

/** Keeps the secrets of providers: without the master key, which is not in the database, none can be read. */
export interface ProviderVault {
  /** Seals a secret for the row `keyId` alone. */
  seal(keyId: string, secret: string): SealedSecret;
  /** Throws for what was sealed for another row or field, tampered with, or sealed under another master key. */
  open(keyId: string, sealed: SealedSecret): string;
  /** Tells whether a secret is the one it was, without telling anything else. */
  fingerprint(secret: string): string;
}

/** Opens the vault with the master key, which lives outside the database. */
export function openProviderVault({ masterKey, random }: { masterKey: Buffer; random: Random }): ProviderVault {
  if (masterKey.length !== SECRET_BYTES) throw new RangeError(`the master key must be ${SECRET_BYTES} bytes`);
  return {
    seal: (keyId, secret) => {
      const key = Buffer.from(random.bytes(SECRET_BYTES));
      const sealedSecret = encrypt(Buffer.from(secret), { key, place: placeOf(keyId, 'sealed_secret'), random });
      const sealedKey = encrypt(key, { key: masterKey, place: placeOf(keyId, 'sealed_key'), random });
      key.fill(0);
      return { sealedSecret, sealedKey };
    },
    open: (keyId, { sealedSecret, sealedKey }) => {
      const key = decrypt(sealedKey, { key: masterKey, place: placeOf(keyId, 'sealed_key') });
      return decrypt(sealedSecret, { key, place: placeOf(keyId, 'sealed_secret') }).toString();
    },
    fingerprint: (secret) =>
      createHmac('sha256', masterKey)
        .update(`provider_keys:fingerprint:${secret}`)
        .digest('hex')
        .slice(0, FINGERPRINT_HEX),
  };
}

/** Table, row, field and key version: a sealing opens in the place it was made for and nowhere else. */
function placeOf(keyId: string, field: 'sealed_secret' | 'sealed_key'): Buffer {
  return Buffer.from(`provider_keys:${keyId}:${field}:${KEY_VERSION}`);
}

function encrypt(plain: Buffer, { key, place, random }: { key: Buffer; place: Buffer; random: Random }): string {
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(place);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url');
}

function decrypt(text: string, { key, place }: { key: Buffer; place: Buffer }): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(place);
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}
