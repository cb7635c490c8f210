import type { Rgb } from './picture.ts';

/**
 * A baseline JPEG of one flat colour. The code tables give the one-bit code 0 to "no difference" and to "end of
 * block", so each block after the first is two zero bits and the scan is almost nothing but zero bytes.
 */
export function encodeJpeg(size: { width: number; height: number }, colour: Rgb): Buffer {
  const { width, height } = size;
  const frame = Buffer.from([8, height >> 8, height & 255, width >> 8, width & 255, 3, 1, 17, 0, 2, 17, 0, 3, 17, 0]);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xe0, Buffer.from('JFIF\0\u0001\u0001\0\0\u0001\0\u0001\0\0', 'latin1')),
    // Table 0, 64 ones: nothing is lost to quantisation.
    segment(0xdb, Buffer.concat([Buffer.from([0]), Buffer.alloc(64, 1)])),
    segment(0xc0, frame),
    segment(0xc4, DC_CODES),
    segment(0xc4, AC_CODES),
    segment(0xda, Buffer.from([3, 1, 0, 2, 0, 3, 0, 0, 63, 0])),
    scan(size, colour),
    Buffer.from([0xff, 0xd9]),
  ]);
}

/** The same file with comments of noise after its first two bytes, exactly `bytes` long where it fits. */
export function padJpeg(jpeg: Buffer, bytes: number, noise: (length: number) => Buffer): Buffer {
  const parts = [jpeg.subarray(0, 2)];
  for (let missing = bytes - jpeg.length; missing >= 4;) {
    const length = Math.min(missing, COMMENT_BYTES_MAX + 4);
    // What would be left over for a comment shorter than its own frame goes into this one's place.
    const rest = missing - length;
    const taken = rest > 0 && rest < 4 ? length - 4 : length;
    parts.push(segment(0xfe, noise(taken - 4)));
    missing -= taken;
  }
  return Buffer.concat([...parts, jpeg.subarray(2)]);
}

/** A segment's length is written in 16 bits and counts itself. */
const COMMENT_BYTES_MAX = 65_533;

/** Class 0: size 0 is the code 0; sizes 1 to 11 are five bits, from 10000 upwards. */
const DC_CODES = Buffer.from([0, 1, 0, 0, 0, 11, ...zeros(11), 0, ...range(1, 11)]);
/** Class 1: "end of block" is the code 0, and there is no other. */
const AC_CODES = Buffer.from([16, 1, ...zeros(15), 0]);

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function segment(marker: number, data: Buffer): Buffer {
  const length = data.length + 2;
  return Buffer.concat([Buffer.from([0xff, marker, length >> 8, length & 255]), data]);
}

/** The first block of each part says the colour, all others say "the same". */
function scan(size: { width: number; height: number }, colour: Rgb): Buffer {
  const blocks = Math.ceil(size.width / 8) * Math.ceil(size.height / 8);
  const first = partsOf(colour)
    .map((value) => `${differenceBits((value - 128) * 8)}0`)
    .join('');
  const bitCount = first.length + (blocks - 1) * 6;
  const bytes = Buffer.alloc(Math.ceil(bitCount / 8));
  first.split('').forEach((bit, at) => {
    if (bit === '1') bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (128 >> (at & 7));
  });
  // The rest of the last byte is filled with ones.
  const spare = bytes.length * 8 - bitCount;
  const end = bytes.length - 1;
  bytes[end] = (bytes[end] ?? 0) | ((1 << spare) - 1);
  return stuffed(bytes);
}

/** In a scan a byte of 255 is followed by a zero, or it would read as a marker. */
function stuffed(bytes: Buffer): Buffer {
  if (!bytes.includes(0xff)) return bytes;
  return Buffer.from([...bytes].flatMap((byte) => (byte === 0xff ? [0xff, 0] : [byte])));
}

/** The code of the difference's size, then its bits; negative ones are written one below, cut to that size. */
function differenceBits(difference: number): string {
  if (difference === 0) return '0';
  const length = Math.abs(difference).toString(2).length;
  const value = difference > 0 ? difference : difference + 2 ** length - 1;
  return (15 + length).toString(2).padStart(5, '0') + value.toString(2).padStart(length, '0');
}

/** Brightness and two colour differences, 0 to 255, as JFIF defines them. */
function partsOf([red, green, blue]: Rgb): [number, number, number] {
  const clamp = (value: number): number => Math.min(255, Math.max(0, Math.round(value)));
  return [
    clamp(0.299 * red + 0.587 * green + 0.114 * blue),
    clamp(128 - 0.168736 * red - 0.331264 * green + 0.5 * blue),
    clamp(128 + 0.5 * red - 0.418688 * green - 0.081312 * blue),
  ];
}
