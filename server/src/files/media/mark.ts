import { copyFile, writeFile } from 'node:fs/promises';
import { openMedia, readPicture } from './inspect.ts';
import { refused } from './media-task.ts';
import type { FactsResult } from './media-task.ts';
import { markBytes } from './picture-xmp.ts';
import type { XmpMark } from './xmp-packet.ts';

/**
 * Copies `from` to `to` with the IPTC digitalSourceType in its XMP, and every byte of the coded picture kept.
 * A file that already has one is copied as it is, and so are GIF, video and audio, which have no common place for it.
 */
export async function mark(options: XmpMark & { from: string; to: string }): Promise<FactsResult> {
  const opened = await openMedia(options.from);
  if (!opened.ok) return opened;
  const media = opened.value;
  const facts = 'layout' in media ? media.facts : media;
  if (facts.hasSignedProvenance) {
    return refused('unsupported-type', 'The file carries signed provenance, which any change would break.');
  }
  const marked =
    'layout' in media && facts.digitalSourceType === null ? markBytes(media.bytes, media.layout, options) : null;
  if (marked === null || !('layout' in media)) {
    await copyFile(options.from, options.to);
    return { ok: true, value: facts };
  }
  const read = readPicture(media.layout.format, marked);
  if (!read.ok) return read;
  await writeFile(options.to, marked);
  return { ok: true, value: read.value.facts };
}
