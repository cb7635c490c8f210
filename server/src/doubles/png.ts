import { crc32, createDeflate, deflateSync } from 'node:zlib';

import type { Rgb } from './picture.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** The picture has this many bands of brightness, which a palette of 16 colours names in 4 bits a pixel. */
const BANDS = 16;
const BOMB_SIDE = 30_000;

/** A PNG of exactly this size: bands of one colour from bright to dark, with a palette, so that it costs little. */
export function encodePng(size: { width: number; height: number }, colour: Rgb): Buffer {
  const { width, height } = size;
  const rowBytes = 1 + Math.ceil(width / 2);
  const rows = Buffer.alloc(rowBytes * height);
  for (let row = 0; row < height; row += 1) {
    const band = Math.floor((row * BANDS) / height);
    // Two pixels share a byte; the first byte of a row is its filter, none.
    rows.fill((band << 4) | band, row * rowBytes + 1, (row + 1) * rowBytes);
  }
  const palette = Buffer.from(
    Array.from({ length: BANDS }, (_, band) =>
      colour.map((part) => Math.round(part * (1 - band / (2 * BANDS)))),
    ).flat(),
  );
  const header = pngHeader(size, { bitDepth: 4, colourType: 3 });
  return Buffer.concat([
    SIGNATURE,
    header,
    chunk('PLTE', palette),
    chunk('IDAT', deflateSync(rows, { level: 1 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The same file with a private chunk of noise before its end, exactly `bytes` long; as it was when it is longer already. */
export function padPng(png: Buffer, bytes: number, noise: (length: number) => Buffer): Buffer {
  const missing = bytes - png.length - CHUNK_FRAME_BYTES;
  if (missing < 0) return png;
  const end = png.length - CHUNK_FRAME_BYTES;
  return Buffer.concat([png.subarray(0, end), chunk('paDd', noise(missing)), png.subarray(end)]);
}

const CHUNK_FRAME_BYTES = 12;

/** A valid PNG of about 110 kB that decodes to 30,000 × 30,000 black pixels; drawn off the main thread. */
export async function encodePngBomb(): Promise<Buffer> {
  const deflate = createDeflate({ level: 9 });
  const row = Buffer.alloc(1 + BOMB_SIDE / 8);
  const rows = Buffer.alloc(row.length * 100);
  const parts: Buffer[] = [];
  deflate.on('data', (part: Buffer) => parts.push(part));
  for (let written = 0; written < BOMB_SIDE; written += 100) {
    await new Promise<void>((resolve) => {
      deflate.write(rows, () => resolve());
    });
  }
  await new Promise<void>((resolve) => {
    deflate.on('end', resolve).end();
  });
  const header = pngHeader({ width: BOMB_SIDE, height: BOMB_SIDE }, { bitDepth: 1, colourType: 0 });
  return Buffer.concat([SIGNATURE, header, chunk('IDAT', Buffer.concat(parts)), chunk('IEND', Buffer.alloc(0))]);
}

function pngHeader(size: { width: number; height: number }, kind: { bitDepth: number; colourType: number }): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(size.width, 0);
  data.writeUInt32BE(size.height, 4);
  data.writeUInt8(kind.bitDepth, 8);
  data.writeUInt8(kind.colourType, 9);
  return chunk('IHDR', data);
}

function chunk(type: string, data: Buffer): Buffer {
  const frame = Buffer.alloc(CHUNK_FRAME_BYTES + data.length);
  frame.writeUInt32BE(data.length, 0);
  frame.write(type, 4, 'latin1');
  data.copy(frame, 8);
  frame.writeUInt32BE(crc32(frame.subarray(4, 8 + data.length)), 8 + data.length);
  return frame;
}
