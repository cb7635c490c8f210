import { BLOCKS_MAX, blockData, trailingDamage, unreadable } from './picture-layout.ts';
import type { LayoutResult, PictureBlock } from './picture-layout.ts';

const SOI = 0xffd8;
const EOI = 0xd9;
const SOS = 0xda;
/** Start-of-frame markers are C0 to CF without these three, which carry tables. */
const NO_FRAME = new Set([0xc4, 0xc8, 0xcc]);

type Walk =
  | { ok: true; width: number; height: number; blocks: PictureBlock[]; end: number }
  | { ok: false; detail: string };

/** Reads the segments of a JPEG file up to its end marker. */
export function readJpegLayout(bytes: Buffer): LayoutResult {
  const first = walkImage(bytes, 0);
  if (!first.ok) return first;
  const end = first.blocks.some((block) => isMultiPicture(bytes, block))
    ? skipFurtherImages(bytes, first.end)
    : first.end;
  const trailing = trailingDamage(bytes, end);
  if (trailing !== null) return unreadable(trailing);
  return { ok: true, value: { format: 'jpg', width: first.width, height: first.height, blocks: first.blocks } };
}

/** Phone cameras append a depth map or gain map as a further JPEG and declare it in an MPF segment. */
function isMultiPicture(bytes: Buffer, block: PictureBlock): boolean {
  return block.type === 'FFE2' && blockData(bytes, block).toString('latin1', 0, 4) === 'MPF\0';
}

/** The offset after the last whole JPEG that follows; anything else is left to the check of trailing bytes. */
function skipFurtherImages(bytes: Buffer, from: number): number {
  let end = from;
  for (let count = 0; count < 16; count++) {
    let start = end;
    while (bytes[start] === 0) start++;
    if (start + 2 > bytes.length || bytes.readUInt16BE(start) !== SOI) return end;
    const further = walkImage(bytes, start);
    if (!further.ok) return end;
    end = further.end;
  }
  return end;
}

function walkImage(bytes: Buffer, from: number): Walk {
  if (bytes.length < from + 4 || bytes.readUInt16BE(from) !== SOI)
    return unreadable('The JPEG does not begin with its signature.');
  const blocks: PictureBlock[] = [];
  let size: { width: number; height: number } | null = null;
  let position = from + 2;
  while (blocks.length < BLOCKS_MAX) {
    const start = position;
    if (bytes[position] !== 0xff)
      return unreadable(cutOr(bytes, position, 'A JPEG segment does not begin with a marker.'));
    while (bytes[position] === 0xff) position++;
    const marker = bytes[position];
    if (marker === undefined) return unreadable('The JPEG ends before its end marker.');
    position += 1;
    if (marker === EOI) {
      if (size === null) return unreadable('The JPEG has no frame.');
      return { ok: true, ...size, blocks, end: position };
    }
    // Restart markers and TEM stand alone.
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;
    if (position + 2 > bytes.length) return unreadable('The JPEG ends inside a segment.');
    const dataEnd = position + bytes.readUInt16BE(position);
    if (dataEnd < position + 2) return unreadable('A JPEG segment has an impossible length.');
    if (dataEnd > bytes.length) return unreadable('The JPEG ends inside a segment.');
    const block = {
      type: `FF${marker.toString(16).toUpperCase().padStart(2, '0')}`,
      start,
      dataStart: position + 2,
      dataEnd,
      end: dataEnd,
    };
    if (isFrame(marker) && size === null) {
      size = frameSize(blockData(bytes, block));
      if (size === null) return unreadable('The JPEG frame header is not usable.');
    }
    if (marker === SOS) block.end = scanEnd(bytes, dataEnd);
    blocks.push(block);
    position = block.end;
  }
  return unreadable('The JPEG has too many segments.');
}

function cutOr(bytes: Buffer, position: number, otherwise: string): string {
  return position >= bytes.length ? 'The JPEG ends before its end marker.' : otherwise;
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && !NO_FRAME.has(marker);
}

function frameSize(frame: Buffer): { width: number; height: number } | null {
  if (frame.length < 6) return null;
  const size = { width: frame.readUInt16BE(3), height: frame.readUInt16BE(1) };
  return size.width > 0 && size.height > 0 ? size : null;
}

/** Where the coded picture data stop: at the next marker that is neither a stuffed zero nor a restart. */
function scanEnd(bytes: Buffer, from: number): number {
  let position = bytes.indexOf(0xff, from);
  while (position !== -1) {
    const next = bytes[position + 1];
    if (next === undefined) return bytes.length;
    const isData = next === 0x00 || (next >= 0xd0 && next <= 0xd7);
    if (!isData && next !== 0xff) return position;
    position = bytes.indexOf(0xff, position + (isData ? 2 : 1));
  }
  return bytes.length;
}
