import type { Random } from '../core/random.ts';

/** A UUID of version 4. */
export function randomUuid(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes.writeUInt8(((bytes[6] ?? 0) & 0x0f) | 0x40, 6);
  bytes.writeUInt8(((bytes[8] ?? 0) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz';

/** `length` small letters and digits, without those that look alike. */
export function randomBase32(random: Random, length: number): string {
  return Array.from(random.bytes(length), (byte) => BASE32[byte % 32]).join('');
}
