import { BLOCKS_MAX, blockData, trailingDamage, unreadable } from './picture-layout.ts';
import type { LayoutResult, PictureBlock } from './picture-layout.ts';

/** Reads the RIFF chunks of a WebP file. */
export function readWebpLayout(bytes: Buffer): LayoutResult {
  if (bytes.length < 20 || bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WEBP') {
    return unreadable('The WebP does not begin with its signature.');
  }
  const end = 8 + bytes.readUInt32LE(4);
  if (end > bytes.length) return unreadable('The WebP is shorter than its header says.');
  const blocks: PictureBlock[] = [];
  let position = 12;
  while (position < end) {
    if (blocks.length >= BLOCKS_MAX) return unreadable('The WebP has too many chunks.');
    if (position + 8 > end) return unreadable('The WebP ends inside a chunk header.');
    const dataEnd = position + 8 + bytes.readUInt32LE(position + 4);
    if (dataEnd > end) return unreadable('The WebP ends inside a chunk.');
    const type = bytes.toString('latin1', position, position + 4);
    // Chunks are padded to even lengths; some writers leave the last pad byte out.
    blocks.push({
      type,
      start: position,
      dataStart: position + 8,
      dataEnd,
      end: Math.min(end, dataEnd + (dataEnd % 2)),
    });
    position = dataEnd + (dataEnd % 2);
  }
  const trailing = trailingDamage(bytes, end);
  if (trailing !== null) return unreadable(trailing);
  const size = canvasSize(bytes, blocks);
  return size === null
    ? unreadable('The WebP has no usable picture header.')
    : { ok: true, value: { format: 'webp', ...size, blocks } };
}

function canvasSize(bytes: Buffer, blocks: PictureBlock[]): { width: number; height: number } | null {
  const [first] = blocks;
  if (first === undefined) return null;
  const data = blockData(bytes, first);
  if (first.type === 'VP8X' && data.length >= 10) {
    return { width: data.readUIntLE(4, 3) + 1, height: data.readUIntLE(7, 3) + 1 };
  }
  if (first.type === 'VP8L' && data.length >= 5 && data[0] === 0x2f) {
    const bits = data.readUInt32LE(1);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (first.type === 'VP8 ' && data.length >= 10 && data.readUIntBE(3, 3) === 0x9d012a) {
    const size = { width: data.readUInt16LE(6) & 0x3fff, height: data.readUInt16LE(8) & 0x3fff };
    return size.width > 0 && size.height > 0 ? size : null;
  }
  return null;
}
