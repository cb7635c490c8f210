import { blockData } from './picture-layout.ts';
import type { PictureLayout } from './picture-layout.ts';
import { findJpegXmp, jpegPacket, writeJpegXmp } from './xmp-jpeg.ts';
import { markPacket, newPacket } from './xmp-packet.ts';
import type { XmpMark } from './xmp-packet.ts';
import { findPngXmp, pngPacket, writePngXmp } from './xmp-png.ts';
import { findWebpXmp, writeWebpXmp } from './xmp-webp.ts';

/** A larger packet is no honest one, and counts as none. */
const PACKET_BYTES_MAX = 4 * 1024 * 1024;

/** The picture's XMP packet as text, or null when it has none that can be read. */
export function readXmp(bytes: Buffer, layout: PictureLayout): string | null {
  const packet = findPacket(bytes, layout);
  return packet === null || packet.length > PACKET_BYTES_MAX ? null : packet.toString('utf8');
}

/** The same file with the mark in its XMP, every byte of the coded picture kept; null for GIF, which has no place. */
export function markBytes(bytes: Buffer, layout: PictureLayout, mark: XmpMark): Buffer | null {
  const old = readXmp(bytes, layout);
  const marked = writeXmp(bytes, layout, old === null ? newPacket(mark) : markPacket(old, mark));
  // A mark is a duty: a packet that has no room left for it gives way.
  return marked ?? writeXmp(bytes, layout, newPacket(mark));
}

/** The same file with this packet as its XMP; null when there is no place for it (GIF) or too little (JPEG, 64 KB). */
export function writeXmp(bytes: Buffer, layout: PictureLayout, packet: string): Buffer | null {
  switch (layout.format) {
    case 'jpg':
      // Packets that nearly fill their one segment are mostly padding.
      return writeJpegXmp(bytes, layout, packet) ?? writeJpegXmp(bytes, layout, packet.replaceAll(/\s{2,}/g, ' '));
    case 'png':
      return writePngXmp(bytes, layout, packet);
    case 'webp':
      return writeWebpXmp(bytes, layout, packet);
    case 'gif':
      return null;
  }
}

function findPacket(bytes: Buffer, layout: PictureLayout): Buffer | null {
  switch (layout.format) {
    case 'jpg': {
      const block = findJpegXmp(bytes, layout);
      return block && jpegPacket(bytes, block);
    }
    case 'png': {
      const block = findPngXmp(bytes, layout);
      return block && pngPacket(bytes, block);
    }
    case 'webp': {
      const block = findWebpXmp(layout);
      return block && blockData(bytes, block);
    }
    case 'gif': {
      const block = layout.blocks.find((candidate) => candidate.type === 'XMP DataXMP');
      return block ? blockData(bytes, block) : null;
    }
  }
}
