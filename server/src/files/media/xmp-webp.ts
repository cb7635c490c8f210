import { blockData } from './picture-layout.ts';
import type { PictureBlock, PictureLayout } from './picture-layout.ts';

const XMP_FLAG = 0x04;
const ALPHA_FLAG = 0x10;

/** The chunk that holds the WebP's XMP packet, or null. */
export function findWebpXmp(layout: PictureLayout): PictureBlock | null {
  return layout.blocks.find((block) => block.type === 'XMP ') ?? null;
}

/** The file with this packet as its last chunk; a simple file becomes an extended one, its coded picture untouched. */
export function writeWebpXmp(bytes: Buffer, layout: PictureLayout, packet: string): Buffer {
  const chunks = [extendedHeader(bytes, layout)];
  for (const block of layout.blocks) {
    if (block.type !== 'VP8X' && block.type !== 'XMP ') chunks.push(chunk(block.type, blockData(bytes, block)));
  }
  chunks.push(chunk('XMP ', Buffer.from(packet)));
  const body = Buffer.concat([Buffer.from('WEBP', 'latin1'), ...chunks]);
  const head = Buffer.from('RIFF\0\0\0\0', 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

function extendedHeader(bytes: Buffer, layout: PictureLayout): Buffer {
  const [first] = layout.blocks;
  if (first?.type === 'VP8X') {
    const data = Buffer.from(blockData(bytes, first));
    data[0] = (data[0] ?? 0) | XMP_FLAG;
    return chunk('VP8X', data);
  }
  const data = Buffer.alloc(10);
  data[0] = XMP_FLAG | (first !== undefined && hasAlpha(bytes, first) ? ALPHA_FLAG : 0);
  data.writeUIntLE(layout.width - 1, 4, 3);
  data.writeUIntLE(layout.height - 1, 7, 3);
  return chunk('VP8X', data);
}

/** Only the lossless form can carry alpha without an extended header; one bit after both sizes says so. */
function hasAlpha(bytes: Buffer, block: PictureBlock): boolean {
  return block.type === 'VP8L' && (bytes.readUInt32LE(block.dataStart + 1) & 0x10000000) !== 0;
}

function chunk(type: string, data: Buffer): Buffer {
  const padded = Buffer.alloc(8 + data.length + (data.length % 2));
  padded.write(type, 0, 'latin1');
  padded.writeUInt32LE(data.length, 4);
  data.copy(padded, 8);
  return padded;
}
