import { blockData } from './picture-layout.ts';
import type { PictureBlock, PictureLayout } from './picture-layout.ts';

const XMP_HEADER = Buffer.from('http://ns.adobe.com/xap/1.0/\0', 'latin1');
/** A segment's length field counts itself and has 16 bits. */
const PACKET_BYTES_MAX = 0xffff - 2 - XMP_HEADER.length;

/** The block that holds the JPEG's XMP packet, or null. */
export function findJpegXmp(bytes: Buffer, layout: PictureLayout): PictureBlock | null {
  return (
    layout.blocks.find((block) => block.type === 'FFE1' && startsWith(blockData(bytes, block), XMP_HEADER)) ?? null
  );
}

/** The packet's bytes, without the segment's own header. */
export function jpegPacket(bytes: Buffer, block: PictureBlock): Buffer {
  return bytes.subarray(block.dataStart + XMP_HEADER.length, block.dataEnd);
}

/** The file with this packet in place of its old one, or else after JFIF and Exif; null when it does not fit. */
export function writeJpegXmp(bytes: Buffer, layout: PictureLayout, packet: string): Buffer | null {
  const text = Buffer.from(packet);
  if (text.length > PACKET_BYTES_MAX) return null;
  const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0, 0]), XMP_HEADER, text]);
  segment.writeUInt16BE(segment.length - 2, 2);
  const old = findJpegXmp(bytes, layout);
  const [cutFrom, cutTo] = old === null ? [insertAt(bytes, layout), insertAt(bytes, layout)] : [old.start, old.end];
  return Buffer.concat([bytes.subarray(0, cutFrom), segment, bytes.subarray(cutTo)]);
}

function insertAt(bytes: Buffer, layout: PictureLayout): number {
  let at = 2;
  for (const block of layout.blocks) {
    const isExif = block.type === 'FFE1' && startsWith(blockData(bytes, block), Buffer.from('Exif\0', 'latin1'));
    if (block.type !== 'FFE0' && !isExif) break;
    at = block.end;
  }
  return at;
}

function startsWith(data: Buffer, prefix: Buffer): boolean {
  return data.subarray(0, prefix.length).equals(prefix);
}
