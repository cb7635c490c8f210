import { crc32 } from 'node:zlib';
import { BLOCKS_MAX, blockData, trailingDamage, unreadable } from './picture-layout.ts';
import type { LayoutResult, PictureBlock } from './picture-layout.ts';

export const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Reads the chunks of a PNG file up to `IEND`, with their checksums. */
export function readPngLayout(bytes: Buffer): LayoutResult {
  if (!bytes.subarray(0, 8).equals(PNG_SIGNATURE)) return unreadable('The PNG does not begin with its signature.');
  const blocks: PictureBlock[] = [];
  let position = 8;
  while (blocks.length < BLOCKS_MAX) {
    if (position + 12 > bytes.length) return unreadable('The PNG ends before its IEND chunk.');
    const block = chunkAt(bytes, position);
    if (block.end > bytes.length) return unreadable(`The PNG ends inside its ${block.type} chunk.`);
    if (crc32(bytes.subarray(block.start + 4, block.dataEnd)) !== bytes.readUInt32BE(block.dataEnd)) {
      return unreadable(`The PNG's ${block.type} chunk has a wrong checksum.`);
    }
    blocks.push(block);
    position = block.end;
    if (block.type === 'IEND') return finish(bytes, blocks, position);
  }
  return unreadable('The PNG has too many chunks.');
}

function chunkAt(bytes: Buffer, start: number): PictureBlock {
  const dataEnd = start + 8 + bytes.readUInt32BE(start);
  // Only letters are shown: the type of a damaged chunk may be any four bytes, and goes into a text.
  const type = bytes.toString('latin1', start + 4, start + 8).replaceAll(/[^A-Za-z]/g, '?');
  return { type, start, dataStart: start + 8, dataEnd, end: dataEnd + 4 };
}

function finish(bytes: Buffer, blocks: PictureBlock[], end: number): LayoutResult {
  const [header] = blocks;
  if (header?.type !== 'IHDR' || header.dataEnd - header.dataStart !== 13)
    return unreadable('The PNG does not begin with IHDR.');
  if (!blocks.some((block) => block.type === 'IDAT')) return unreadable('The PNG has no picture data.');
  const trailing = trailingDamage(bytes, end);
  if (trailing !== null) return unreadable(trailing);
  const data = blockData(bytes, header);
  const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
  if (width === 0 || height === 0) return unreadable('The PNG has no pixels.');
  return { ok: true, value: { format: 'png', width, height, blocks } };
}
