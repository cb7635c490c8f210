import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { ImageFormat, MediaFacts, MediaResult } from '../../core/media-port.ts';
import { inspectContainer } from './inspect-container.ts';
import { refused } from './media-task.ts';
import type { FactsResult } from './media-task.ts';
import { decodeProblem, PIXELS_MAX } from './picture-decoder.ts';
import type { PictureLayout } from './picture-layout.ts';
import { readXmp } from './picture-xmp.ts';
import { hasSignedProvenance } from './provenance.ts';
import { readLayout } from './read-layout.ts';
import { sniff } from './sniff.ts';
import type { SniffedType } from './sniff.ts';
import { weightsProblem } from './weights-head.ts';
import { readDigitalSourceType } from './xmp-packet.ts';

/** Pictures are held in memory whole. 50 megapixels of noise as PNG are 200 MB; no model or camera comes near. */
const PICTURE_BYTES_MAX = 128 * 1024 * 1024;

/** A picture read into memory whose structure is sound; its pixels are not decoded yet. */
export interface ReadPicture {
  bytes: Buffer;
  layout: PictureLayout;
  facts: MediaFacts;
}

/** Sniffs the file by content, checks it to its last byte, and gathers its facts. */
export async function inspect(path: string): Promise<FactsResult> {
  const opened = await openMedia(path);
  if (!opened.ok) return opened;
  const media = opened.value;
  if (!('layout' in media)) return { ok: true, value: media };
  const problem = await decodeProblem(media.bytes, media.layout);
  return problem === null ? { ok: true, value: media.facts } : refused('damaged', problem);
}

/** The file as a sound picture in memory, or the facts of a video or audio file. Decodes nothing. */
export async function openMedia(path: string): Promise<MediaResult<ReadPicture | MediaFacts>> {
  const { size } = await stat(path);
  if (size === 0) return refused('empty', 'The file is empty.');
  const sniffed = await sniff(path);
  if (sniffed.found === 'other') return refused('unsupported-type', sniffed.detail);
  if (sniffed.found === 'stump')
    return refused('damaged', `The ${sniffed.extension} file is cut within its first bytes.`);
  const { type } = sniffed;
  switch (type.kind) {
    case 'image':
      return openPicture(path, type, size);
    case 'weights':
      return inspectWeights(path, type, size);
    case 'video':
    case 'audio':
      return inspectStream(path, type, size);
  }
}

/** Facts of picture bytes that were just written by us from checked ones. */
export function pictureFacts(bytes: Buffer, layout: PictureLayout): MediaFacts {
  const xmp = readXmp(bytes, layout);
  return {
    kind: 'image',
    contentType: layout.format === 'jpg' ? 'image/jpeg' : `image/${layout.format}`,
    extension: layout.format,
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    width: layout.width,
    height: layout.height,
    seconds: null,
    hasSignedProvenance: hasSignedProvenance(bytes, layout, xmp),
    digitalSourceType: xmp === null ? null : readDigitalSourceType(xmp),
  };
}

/** The same checks for bytes in memory. */
export function readPicture(format: ImageFormat, bytes: Buffer): MediaResult<ReadPicture> {
  const read = readLayout(format, bytes);
  if (!read.ok) return refused('damaged', read.detail);
  const layout = read.value;
  if (layout.width * layout.height > PIXELS_MAX) {
    return refused(
      'too-many-pixels',
      `The picture is ${layout.width}×${layout.height}; the limit is ${PIXELS_MAX / 1e6} megapixels.`,
    );
  }
  return { ok: true, value: { bytes, layout, facts: pictureFacts(bytes, layout) } };
}

async function openPicture(
  path: string,
  type: Extract<SniffedType, { kind: 'image' }>,
  size: number,
): Promise<MediaResult<ReadPicture>> {
  if (size > PICTURE_BYTES_MAX) {
    return refused('too-many-pixels', `The picture file has ${size} bytes; the limit is ${PICTURE_BYTES_MAX}.`);
  }
  // Read once: what is hashed, checked and decoded is one and the same.
  return readPicture(type.extension, await readFile(path));
}

async function inspectStream(
  path: string,
  type: Extract<SniffedType, { kind: 'video' | 'audio' }>,
  sizeBytes: number,
): Promise<MediaResult<MediaFacts>> {
  const container = await inspectContainer(path, type, sizeBytes);
  if (!container.ok) return refused('damaged', container.detail);
  return { ok: true, value: { ...container.value, sizeBytes, sha256: await sha256Of(path) } };
}

async function inspectWeights(
  path: string,
  type: Extract<SniffedType, { kind: 'weights' }>,
  sizeBytes: number,
): Promise<MediaResult<MediaFacts>> {
  const problem = await weightsProblem(path, sizeBytes);
  if (problem !== null) return refused('damaged', problem);
  const nothing = { width: null, height: null, seconds: null, hasSignedProvenance: false, digitalSourceType: null };
  return { ok: true, value: { ...type, ...nothing, sizeBytes, sha256: await sha256Of(path) } };
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash.digest('hex');
}
