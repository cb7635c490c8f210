import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import { DOUBLED_PIXELS_MAX } from '../../core/tools-port.ts';
import { doubleAlpha, doublePicture } from './double-picture.ts';
import { loadDoublingNetwork, type DoublingNetwork } from './doubling-network.ts';
import { openMedia, readPicture } from './inspect.ts';
import { refused } from './media-task.ts';
import type { FactsResult } from './media-task.ts';
import { decodePixels, encodePixels, firstLine } from './picture-decoder.ts';

/** Half the machine at most: the gateway and its other work come first. More than four threads gain little. */
const THREADS = Math.max(1, Math.min(4, Math.floor(os.availableParallelism() / 2)));

/** Writes the picture at `from` with sides twice as long to `to`, as PNG. */
export async function doubleFile({ from, to }: { from: string; to: string }): Promise<FactsResult> {
  const opened = await openMedia(from);
  if (!opened.ok) return opened;
  if (!('layout' in opened.value)) return refused('unsupported-type', 'Only pictures can be enlarged.');
  const { width, height } = opened.value.layout;
  if (width * height > DOUBLED_PIXELS_MAX) {
    const limit = `${DOUBLED_PIXELS_MAX / 1e6} megapixels can be enlarged here`;
    return refused('too-many-pixels', `The picture is ${width}×${height}; at most ${limit}.`);
  }
  let network: DoublingNetwork;
  try {
    network = await loadDoublingNetwork({ threads: THREADS });
  } catch (error) {
    return refused('no-tool', `The network cannot be run: ${firstLine(error)}`);
  }
  const decoded = await decodePixels(opened.value.bytes).catch((error: unknown) => firstLine(error));
  if (typeof decoded === 'string') return refused('damaged', `The picture cannot be decoded: ${decoded}`);
  const doubled = await doublePicture(network, { ...decoded, bytes: decoded.colours });
  const alpha = decoded.alpha === null ? null : doubleAlpha({ ...decoded, bytes: decoded.alpha });
  const bytes = await encodePixels({ ...doubled, colours: Buffer.from(doubled.bytes), alpha });
  const read = readPicture('png', bytes);
  if (!read.ok) return read;
  await writeFile(to, bytes);
  return { ok: true, value: read.value.facts };
}
