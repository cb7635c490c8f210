import { crc32, inflateSync } from 'node:zlib';
import { blockData } from './picture-layout.ts';
import type { PictureBlock, PictureLayout } from './picture-layout.ts';

const KEYWORD = Buffer.from('XML:com.adobe.xmp\0', 'latin1');
/** Far above any honest packet; keeps a compressed one from becoming a bomb. */
const PACKET_BYTES_MAX = 4 * 1024 * 1024;

/** The chunk that holds the PNG's XMP packet, or null. */
export function findPngXmp(bytes: Buffer, layout: PictureLayout): PictureBlock | null {
  // The standard place is iTXt; libvips writes zTXt, so many pictures have it there.
  const isXmp = (block: PictureBlock): boolean =>
    (block.type === 'iTXt' || block.type === 'zTXt') &&
    blockData(bytes, block).subarray(0, KEYWORD.length).equals(KEYWORD);
  return layout.blocks.find(isXmp) ?? null;
}

/** The packet's bytes, inflated when they are compressed; null when the chunk is malformed. */
export function pngPacket(bytes: Buffer, block: PictureBlock): Buffer | null {
  const data = blockData(bytes, block);
  if (block.type === 'zTXt') return inflate(data.subarray(KEYWORD.length + 1));
  const isCompressed = data[KEYWORD.length] === 1;
  // Keyword, two flag bytes, then language and translated keyword, each ended by a zero.
  const languageEnd = data.indexOf(0, KEYWORD.length + 2);
  const textStart = languageEnd === -1 ? 0 : data.indexOf(0, languageEnd + 1) + 1;
  if (textStart === 0) return null;
  const text = data.subarray(textStart);
  return isCompressed ? inflate(text) : text;
}

/** The file with this packet in place of its old one, or as a new chunk right after IHDR. */
export function writePngXmp(bytes: Buffer, layout: PictureLayout, packet: string): Buffer {
  const body = Buffer.concat([Buffer.from('iTXt', 'latin1'), KEYWORD, Buffer.alloc(4), Buffer.from(packet)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length - 4);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  const old = findPngXmp(bytes, layout);
  const headerEnd = layout.blocks[0]?.end ?? 8;
  const [cutFrom, cutTo] = old === null ? [headerEnd, headerEnd] : [old.start, old.end];
  return Buffer.concat([bytes.subarray(0, cutFrom), length, body, checksum, bytes.subarray(cutTo)]);
}

function inflate(text: Buffer): Buffer | null {
  try {
    return inflateSync(text, { maxOutputLength: PACKET_BYTES_MAX });
  } catch {
    // Not deflate data, or too much of it: the packet says nothing that we could read.
    return null;
  }
}
