import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Drawing } from '../../server/src/core/media-port.ts';
import { drawSpec } from '../../server/src/files/media/media-for-tests.ts';
import { draw } from '../../server/src/sandbox/draw.ts';

/** How long the samples play. */
export const SAMPLE_SECONDS = 3;

const PICTURE = drawSpec({ prompt: 'a river', width: 160, height: 96 });

/** A small MP4 without sound. */
export function sampleVideo(): Promise<Buffer> {
  return drawn({ what: 'clip', picture: PICTURE, seconds: SAMPLE_SECONDS, framesPerSecond: 8 });
}

/** A small MP3. */
export function sampleSound(): Promise<Buffer> {
  return drawn({ what: 'song', prompt: 'a river', seed: 1, seconds: SAMPLE_SECONDS, format: 'mp3', hertz: 44_100 });
}

async function drawn(drawing: Drawing): Promise<Buffer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-sample-'));
  try {
    const file = path.join(folder, 'sample');
    await draw(drawing, file);
    return await readFile(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
