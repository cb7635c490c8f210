import type { Rgb } from './picture.ts';

/** A lossless WebP of one flat colour. Each of its five codes has one symbol, so that no pixel needs a bit. */
export function encodeWebp(size: { width: number; height: number }, [red, green, blue]: Rgb): Buffer {
  const bits: number[] = [];
  const put = (value: number, count: number): void => {
    for (let bit = 0; bit < count; bit += 1) bits.push((value >> bit) & 1);
  };
  put(0x2f, 8);
  put(size.width - 1, 14);
  put(size.height - 1, 14);
  // No transparency, version 0; no transform, no colour cache, one set of codes.
  put(0, 1 + 3 + 1 + 1 + 1);
  for (const symbol of [green, red, blue, 255, 0]) {
    // A simple code with one symbol of eight bits.
    put(0b101, 3);
    put(symbol, 8);
  }
  const data = Buffer.alloc(Math.ceil(bits.length / 8));
  bits.forEach((bit, at) => {
    data[at >> 3] = (data[at >> 3] ?? 0) | (bit << (at & 7));
  });
  return riff(chunk('VP8L', data));
}

/** The same picture in the extended form with a chunk of noise behind it, `bytes` long or one more. */
export function padWebp(
  webp: Buffer,
  { bytes, size }: { bytes: number; size: { width: number; height: number } },
  noise: (length: number) => Buffer,
): Buffer {
  const extended = Buffer.alloc(10);
  extended.writeUIntLE(size.width - 1, 4, 3);
  extended.writeUIntLE(size.height - 1, 7, 3);
  const picture = Buffer.concat([chunk('VP8X', extended), webp.subarray(RIFF_BYTES)]);
  const missing = bytes - RIFF_BYTES - picture.length - CHUNK_BYTES;
  return missing < 0 ? webp : riff(Buffer.concat([picture, chunk('paDd', noise(missing))]));
}

const RIFF_BYTES = 12;
const CHUNK_BYTES = 8;

function riff(content: Buffer): Buffer {
  const head = Buffer.alloc(RIFF_BYTES);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(content.length + 4, 4);
  head.write('WEBP', 8, 'latin1');
  return Buffer.concat([head, content]);
}

/** Chunks stand on even bytes. */
function chunk(type: string, data: Buffer): Buffer {
  const frame = Buffer.alloc(CHUNK_BYTES + data.length + (data.length % 2));
  frame.write(type, 0, 'latin1');
  frame.writeUInt32LE(data.length, 4);
  data.copy(frame, CHUNK_BYTES);
  return frame;
}
