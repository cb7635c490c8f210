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
    const hex = lastMs.toString(16).padStart(12, '0');
    const tail = Buffer.from(random.bytes(8));
    tail[0] = ((tail[0] ?? 0) & 0x3f) | 0x80;
    const rest = tail.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${rest.slice(0, 4)}-${rest.slice(4)}`;
  };
}
