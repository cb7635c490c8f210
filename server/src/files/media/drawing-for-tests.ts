/** A drawing module for the tests of this folder: draws a pattern, or misbehaves as the prompt says. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { DrawSpec } from '../../core/media-port.ts';

/** Prompts: `pattern`, `alpha`, `camera` (Exif, profile), `hold` (until the file `badge` exists), `hang`, `throw`. */
export async function draw(spec: DrawSpec, to: string): Promise<void> {
  if (spec.prompt === 'throw') throw new Error('no paint left');
  if (spec.prompt === 'hang') {
    await writeFile(spec.badge, 'begun');
    // Blocks JavaScript itself, so that nothing but the parent can end it.
    for (;;);
  }
  while (spec.prompt === 'hold' && !existsSync(spec.badge)) await new Promise((resolve) => setTimeout(resolve, 20));
  const channels = spec.prompt === 'alpha' ? 4 : 3;
  const pixels = Buffer.alloc(spec.width * spec.height * channels);
  let state = spec.seed;
  for (let index = 0; index < pixels.length; index++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    pixels[index] = (index / channels / 8 + ((state >> 16) & 31)) & 255;
  }
  const picture = sharp(pixels, { raw: { width: spec.width, height: spec.height, channels } });
  if (spec.prompt === 'camera') picture.withExif({ IFD0: { Make: 'Camera' } }).withIccProfile('p3');
  const format = spec.format === 'jpg' ? 'jpeg' : spec.format;
  await writeFile(to, await picture.toFormat(format, { quality: spec.quality, lossless: spec.raw }).toBuffer());
}
