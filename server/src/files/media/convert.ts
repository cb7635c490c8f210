import { writeFile } from 'node:fs/promises';
import type { ImageFormat } from '../../core/media-port.ts';
import { openMedia, readPicture } from './inspect.ts';
import type { ReadPicture } from './inspect.ts';
import { refused } from './media-task.ts';
import type { FactsResult } from './media-task.ts';
import { firstLine, reencode } from './picture-decoder.ts';
import { readXmp, writeXmp } from './picture-xmp.ts';

/** Re-encodes a picture into `to`; the quality (1 to 100) counts for jpg and webp, and no side stays above `sideMax`. */
export async function convert(options: {
  from: string;
  to: string;
  format: ImageFormat;
  quality: number;
  sideMax?: number;
}): Promise<FactsResult> {
  const opened = await openMedia(options.from);
  if (!opened.ok) return opened;
  if (!('layout' in opened.value)) return refused('unsupported-type', 'Only pictures can be converted.');
  const quality = Math.min(100, Math.max(1, Math.round(options.quality)));
  let bytes: Buffer;
  try {
    bytes = await reencode(opened.value.bytes, { ...options, quality });
  } catch (error) {
    // A picture that a format cannot hold (WebP ends at 16,383 pixels a side) fails here like a damaged one.
    return refused('damaged', `The picture cannot be converted: ${firstLine(error)}`);
  }
  const plain = readPicture(options.format, bytes);
  if (!plain.ok) return plain;
  const kept = withXmpOf(opened.value, plain.value);
  await writeFile(options.to, kept.bytes);
  return { ok: true, value: kept.facts };
}

/** The picture library would put a PNG's packet where few readers look, so the packet is carried over by hand. */
function withXmpOf(source: ReadPicture, target: ReadPicture): ReadPicture {
  const xmp = readXmp(source.bytes, source.layout);
  const bytes = xmp === null ? null : writeXmp(target.bytes, target.layout, xmp);
  const read = bytes && readPicture(target.layout.format, bytes);
  return read?.ok ? read.value : target;
}
