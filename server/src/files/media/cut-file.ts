import { writeFile } from 'node:fs/promises';
import type { ImageFormat, MediaResult } from '../../core/media-port.ts';
import { CUT_PIXELS_MAX } from '../../core/tools-port.ts';
import { cutOut, type Mask } from './cut-out.ts';
import { openMedia, readPicture, type ReadPicture } from './inspect.ts';
import { refused } from './media-task.ts';
import type { FactsResult } from './media-task.ts';
import { decodeMask, decodePixels, decodeProblem, encodePixels, encodeShown, firstLine } from './picture-decoder.ts';

/** The networks look at 1,024 pixels a side; what is shown to them is twice that, whatever the picture's size. */
const SHOWN_SIDE_MAX = 2_048;

/** What a file has several of when it moves. */
const MOVING: Readonly<Record<ImageFormat, string | null>> = { gif: 'image', webp: 'ANMF', png: 'fcTL', jpg: null };

/**
 * Writes the picture as a program is shown it that says what stays: upright, in sRGB with 8 bits, without transparency, no side
 * above `SHOWN_SIDE_MAX`, as PNG. So that no such program has to know of cameras, printers and hostile files.
 */
export async function showFile({ from, to }: { from: string; to: string }): Promise<FactsResult> {
  const opened = await openStill(from);
  if (!opened.ok) return opened;
  const { bytes, layout } = opened.value;
  const problem = await decodeProblem(bytes, layout);
  if (problem !== null) return refused('damaged', problem);
  return written(to, await encodeShown(bytes, SHOWN_SIDE_MAX));
}

/** Writes the picture with what the mask leaves of it to `to`, as PNG; a mask that cannot be read is `crashed`. */
export async function cutFile({ from, mask, to }: { from: string; mask: string; to: string }): Promise<FactsResult> {
  const opened = await openStill(from);
  if (!opened.ok) return opened;
  const read = await readMask(mask);
  // Whoever sent the picture cannot help it.
  if (!read.ok) return refused('crashed', `The mask cannot be used: ${read.detail}`);
  const decoded = await decodePixels(opened.value.bytes).catch((error: unknown) => firstLine(error));
  if (typeof decoded === 'string') return refused('damaged', `The picture cannot be decoded: ${decoded}`);
  return written(to, await encodePixels(cutOut(decoded, read.value)));
}

async function openStill(path: string): Promise<MediaResult<ReadPicture>> {
  const opened = await openMedia(path);
  if (!opened.ok) return opened;
  if (!('layout' in opened.value)) return refused('unsupported-type', 'Only pictures can be cut out.');
  const { width, height, blocks, format } = opened.value.layout;
  if (width * height > CUT_PIXELS_MAX) {
    const limit = `${CUT_PIXELS_MAX / 1e6} megapixels can be cut out here`;
    return refused('too-many-pixels', `The picture is ${width}×${height}; at most ${limit}.`);
  }
  if (blocks.filter(({ type }) => type === MOVING[format]).length > 1)
    return refused('unsupported-type', 'The picture moves; stills alone can be cut out.');
  return { ok: true, value: opened.value };
}

async function readMask(path: string): Promise<MediaResult<Mask>> {
  const opened = await openMedia(path);
  if (!opened.ok) return opened;
  if (!('layout' in opened.value)) return refused('unsupported-type', 'It is no picture.');
  const { width, height } = opened.value.layout;
  if (width * height > CUT_PIXELS_MAX) return refused('too-many-pixels', `It is ${width}×${height}.`);
  try {
    return { ok: true, value: await decodeMask(opened.value.bytes) };
  } catch (error) {
    return refused('damaged', `It cannot be decoded: ${firstLine(error)}`);
  }
}

async function written(to: string, bytes: Buffer): Promise<FactsResult> {
  const read = readPicture('png', bytes);
  if (!read.ok) return read;
  await writeFile(to, bytes);
  return { ok: true, value: read.value.facts };
}
