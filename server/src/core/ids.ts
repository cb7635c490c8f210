import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/** Makes ids: UUID v7 in lower case, rising within one process. */
export type NewId = () => string;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether the text has the form of a UUID, in either case. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * UUID v7: 48 bits of milliseconds, then a counter of 12 bits that keeps ids of the same
 * millisecond in order, then 62 random bits.
 */
export function idMaker(clock: Clock, random: Random): NewId {
  let lastMs = 0;
  let counter = 0;
  let prefixMs = Number.NaN;
  let prefix = '';
  return () => {
    const now = clock.now();
    if (now > lastMs) {
      lastMs = now;
      counter = 0;
    } else if (++counter > 0xfff) {
      // More than 4,096 ids in one millisecond, or the clock went back: borrow from the future.
      lastMs += 1;
      counter = 0;
    }
    if (lastMs !== prefixMs) {
      prefixMs = lastMs;
      const hex = lastMs.toString(16).padStart(12, '0');
      prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
    }
    return `${prefix}${counter.toString(16).padStart(3, '0')}-${randomTail(random)}`;
  };
}

/** Each byte as two hex digits; every request makes an id, and a Buffer for each was a twentieth of a poll. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** `vvvv-rrrrrrrrrrrr`: the variant's two bits and 62 random ones. */
function randomTail(random: Random): string {
  const [first = 0, second = 0, ...rest] = random.bytes(8);
  let node = '';
  for (const byte of rest) node += HEX[byte];
  return `${HEX[(first & 0x3f) | 0x80]}${HEX[second]}-${node}`;
}
