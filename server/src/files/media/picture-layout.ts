import type { ImageFormat } from '../../core/media-port.ts';

/** One chunk, segment or block of a picture file, by its byte offsets. */
export interface PictureBlock {
  /** The format's own name: `IHDR`, `VP8X`, `FFE1` for a JPEG marker, the application name for a GIF extension. */
  type: string;
  /** Where its header begins. */
  start: number;
  dataStart: number;
  dataEnd: number;
  /** Where the next block begins; after checksum and padding. */
  end: number;
}

/** How the bytes of a well-formed picture file are laid out. */
export interface PictureLayout {
  format: ImageFormat;
  width: number;
  height: number;
  blocks: PictureBlock[];
}

export type LayoutResult = { ok: true; value: PictureLayout } | { ok: false; detail: string };

/** More blocks than any honest file has (100 MiB in 8 KiB chunks are 12,800); keeps the list from filling memory. */
export const BLOCKS_MAX = 100_000;

/** Some writers pad to a round size with zeros; more than this, or anything but zeros, is a second file in hiding. */
const ZERO_PADDING_BYTES_MAX = 16;

/** A layout that could not be read, with the reason in words. */
export function unreadable(detail: string): { ok: false; detail: string } {
  return { ok: false, detail };
}

/** What is wrong with the bytes after the picture's end, or null. Inputs are served back, so nothing may ride along. */
export function trailingDamage(bytes: Buffer, end: number): string | null {
  const trailing = bytes.length - end;
  if (trailing <= 0) return null;
  const isPadding = trailing <= ZERO_PADDING_BYTES_MAX && bytes.subarray(end).every((byte) => byte === 0);
  return isPadding ? null : `There are ${trailing} bytes after the end of the picture.`;
}

/** The block's own bytes, without header, checksum and padding. */
export function blockData(bytes: Buffer, block: PictureBlock): Buffer {
  return bytes.subarray(block.dataStart, block.dataEnd);
}
