import { randomBytes } from 'node:crypto';

/** Chance as a port: secrets, ids and jitter all come from here. */
export interface Random {
  /** `length` unpredictable bytes (predictable in a seeded test). */
  bytes(length: number): Uint8Array;
  /** A number in [0, 1), for jitter and sampling; never for secrets. */
  fraction(): number;
}

/** The operating system's random source. */
export function systemRandom(): Random {
  return { bytes: (length) => randomBytes(length), fraction: () => Math.random() };
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
