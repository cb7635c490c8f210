import sharp from 'sharp';
import type { GridSpec } from '../core/media-port.ts';
import { encode } from './draw-picture.ts';

/** Pictures in a row. */
const COLUMNS = 2;
const QUALITY = 90;

/** Puts pictures of equal size together, two by two. */
export async function drawGrid({ pictures, format }: GridSpec, to: string): Promise<void> {
  const [first = ''] = pictures;
  const { width, height } = await sharp(first).metadata();
  const size = { width: width * COLUMNS, height: height * Math.ceil(pictures.length / COLUMNS) };
  const parts = pictures.map((input, index) => ({
    input,
    left: (index % COLUMNS) * width,
    top: Math.floor(index / COLUMNS) * height,
  }));
  const rgb = await sharp({ create: { ...size, channels: 3, background: '#000000' } })
    .composite(parts)
    .removeAlpha()
    .raw()
    .toBuffer();
  await encode({ ...size, rgb }, { format, quality: QUALITY }).toFile(to);
}
