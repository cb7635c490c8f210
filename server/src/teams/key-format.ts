import { crc32 } from 'node:zlib';

import { randomBase62, type Random } from '../core/random.ts';

/**
 * Every key that Lumegate makes: prefix, 32 random characters (190 bits), 6 characters of checksum. A scanner may
 * look for it in code and logs, and tell a real key from a lookalike by the checksum without asking anybody.
 */
export const KEY_PATTERN = /^afk_(?:test_)?[0-9A-Za-z]{38}$/;

const RANDOM_CHARS = 32;
const CHECKSUM_CHARS = 6;
/** Characters of a key that may be shown and stored readable: enough to tell keys apart, useless to guess the rest. */
const PREFIX_CHARS = 12;
/** `afk_` and the 32 characters that a bootstrap key has at least. */
const KEY_CHARS_MIN = 36;
/** Beyond any key that we or an operator make; longer header values are not worth hashing. */
const KEY_CHARS_MAX = 240;
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** An operator's bootstrap key has no checksum and may hold underscores, so this is wider than KEY_PATTERN. */
const ANY_KEY = /^afk_(test_)?[0-9A-Za-z_]+$/;

/** What a text says about itself before anything is looked up. */
export type KeyReading =
  | {
      ok: true;
      mode: 'live' | 'test';
      /** `wrong`: only a bootstrap key may still be known. */ checksum: 'right' | 'wrong';
    }
  | { ok: false };

/** A new key: `afk_` for live, `afk_test_` for test. Shown once and never stored. */
export function makeKey(random: Random, mode: 'live' | 'test'): string {
  const body = `${mode === 'test' ? 'afk_test_' : 'afk_'}${randomBase62(random, RANDOM_CHARS)}`;
  return body + checksumOf(body);
}

/** Whether the text can be a key at all, of which mode, and whether its checksum is right. */
export function readKey(text: string): KeyReading {
  if (text.length < KEY_CHARS_MIN || text.length > KEY_CHARS_MAX) return { ok: false };
  const match = ANY_KEY.exec(text);
  if (match === null) return { ok: false };
  const right = KEY_PATTERN.test(text) && text.slice(-CHECKSUM_CHARS) === checksumOf(text.slice(0, -CHECKSUM_CHARS));
  return { ok: true, mode: match[1] === undefined ? 'live' : 'test', checksum: right ? 'right' : 'wrong' };
}

/** The part of a key that lists and logs may show. */
export function displayPrefix(key: string): string {
  return key.slice(0, PREFIX_CHARS);
}

/** CRC-32 over prefix and random part, so that a key with its prefix exchanged is noticed as well. */
function checksumOf(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let index = 0; index < CHECKSUM_CHARS; index += 1) {
    text = BASE62.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}
