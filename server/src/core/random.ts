import { randomBytes, randomFillSync } from 'node:crypto';

/** Chance as a port: secrets, ids and jitter all come from here. */
export interface Random {
  /** `length` unpredictable bytes (predictable in a seeded test). */
  bytes(length: number): Uint8Array;
  /** A number in [0, 1), for jitter and sampling; never for secrets. */
  fraction(): number;
}

/** Bytes drawn from the system at once: a call for each id was 4 % of a submit's processor time. */
const POOL_BYTES = 4_096;
/** Longer requests go to the system directly. */
const POOLED_BYTES_MAX = 64;

/** The operating system's random source. Each byte of its pool is given out once. */
export function systemRandom(): Random {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  return {
    fraction: () => Math.random(),
    bytes: (length) => {
      if (length > POOLED_BYTES_MAX) return randomBytes(length);
      if (used + length > POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      const bytes = Uint8Array.prototype.slice.call(pool, used, used + length);
      pool.fill(0, used, used + length);
      used += length;
      return bytes;
    },
  };
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `length` characters of [0-9A-Za-z], each equally likely (5.95 bits a character). */
export function randomBase62(random: Random, length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of random.bytes(length * 2)) {
      // 248 = 4 × 62: bytes above it would favour the first characters.
      if (byte < 248 && text.length < length) text += BASE62[byte % 62];
    }
  }
  return text;
}
