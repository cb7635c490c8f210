import { BLOCKS_MAX, trailingDamage, unreadable } from './picture-layout.ts';
import type { LayoutResult, PictureBlock } from './picture-layout.ts';

const EXTENSION = 0x21;
const IMAGE = 0x2c;
const TRAILER = 0x3b;
const APPLICATION = 0xff;
const CUT = 'The GIF ends before its trailer.';

/** Reads the blocks of a GIF file up to its trailer. */
export function readGifLayout(bytes: Buffer): LayoutResult {
  if (!/^GIF8[79]a$/.test(bytes.toString('latin1', 0, 6)))
    return unreadable('The GIF does not begin with its signature.');
  if (bytes.length < 14) return unreadable(CUT);
  const [width, height] = [bytes.readUInt16LE(6), bytes.readUInt16LE(8)];
  const blocks: PictureBlock[] = [];
  let position = 13 + colourTableBytes(bytes[10] ?? 0);
  while (blocks.length < BLOCKS_MAX) {
    const introducer = bytes[position];
    if (introducer === undefined) return unreadable(CUT);
    if (introducer === TRAILER) {
      const wrong = finalDamage(bytes, blocks, position + 1);
      if (wrong !== null) return unreadable(wrong);
      if (width === 0 || height === 0) return unreadable('The GIF has no pixels.');
      return { ok: true, value: { format: 'gif', width, height, blocks } };
    }
    const block =
      introducer === EXTENSION ? extensionAt(bytes, position) : introducer === IMAGE ? imageAt(bytes, position) : null;
    if (block === null) return unreadable('The GIF has a block of no known kind.');
    if (block.end > bytes.length) return unreadable(CUT);
    blocks.push(block);
    position = block.end;
  }
  return unreadable('The GIF has too many blocks.');
}

function finalDamage(bytes: Buffer, blocks: PictureBlock[], end: number): string | null {
  if (!blocks.some((block) => block.type === 'image')) return 'The GIF has no picture data.';
  return trailingDamage(bytes, end);
}

/** Bytes of a colour table by the packed field that announces it. */
function colourTableBytes(packed: number): number {
  return (packed & 0x80) === 0 ? 0 : 3 * 2 ** ((packed & 7) + 1);
}

function extensionAt(bytes: Buffer, start: number): PictureBlock {
  const isApplication = bytes[start + 1] === APPLICATION && bytes[start + 2] === 11;
  const type = isApplication ? bytes.toString('latin1', start + 3, start + 14) : 'extension';
  const end = skipSubBlocks(bytes, start + 2);
  return { type, start, dataStart: isApplication ? start + 14 : start + 2, dataEnd: end, end };
}

function imageAt(bytes: Buffer, start: number): PictureBlock {
  // Ten bytes of descriptor, the colour table, one byte with the code size, then the data.
  const dataStart = start + 10 + colourTableBytes(bytes[start + 9] ?? 0);
  const end = skipSubBlocks(bytes, dataStart + 1);
  return { type: 'image', start, dataStart, dataEnd: end, end };
}

/** The offset after the empty sub-block that ends the run; beyond the file when it never comes. */
function skipSubBlocks(bytes: Buffer, from: number): number {
  let position = from;
  while (position < bytes.length) {
    const length = bytes[position] ?? 0;
    position += 1 + length;
    if (length === 0) return position;
  }
  return bytes.length + 1;
}
