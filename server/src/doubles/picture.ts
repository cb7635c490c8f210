import type { FileFormat, FileOrder } from './double.ts';
import { encodeJpeg, padJpeg } from './jpeg.ts';
import { makeSound, makeVideo } from './moving.ts';
import { encodePng, padPng } from './png.ts';
import { encodeWeights, packWeights } from './weights.ts';
import { encodeWebp, padWebp } from './webp.ts';

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** The type that a file of this format is served under. */
export const CONTENT_TYPES: Readonly<Record<FileFormat, string>> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  mp4: 'video/mp4',
  mp3: 'audio/mpeg',
  safetensors: 'application/octet-stream',
  tar: 'application/x-tar',
};

const COLOURS: readonly Rgb[] = [
  [214, 94, 60],
  [232, 176, 73],
  [139, 172, 94],
  [72, 158, 130],
  [66, 143, 189],
  [84, 97, 178],
  [143, 84, 160],
  [203, 88, 125],
];
/** Drawn pictures are kept: a load test asks for the same few again and again. */
const CACHE_BYTES_MAX = 64 * 1024 * 1024;

/** Draws pictures and remembers them. */
export interface Painter {
  /** `shade` chooses the colour; `bytesMin` pads the file to a size, null leaves it as small as it gets. */
  paint(order: FileOrder, shade: number, bytesMin: number | null): Promise<Buffer>;
}

/** A painter with an empty memory. */
export function createPainter(): Painter {
  const cache = new Map<string, Buffer>();
  let cachedBytes = 0;
  return {
    paint: async (order, shade, bytesMin) => {
      const colour = shade % COLOURS.length;
      const name = `${order.format} ${order.width} ${order.height} ${colour} ${bytesMin ?? ''} ${order.seconds ?? ''}`;
      const known = cache.get(name);
      if (known !== undefined) return known;
      const picture = await draw(order, COLOURS[colour] ?? [0, 0, 0], bytesMin ?? 0);
      if (cachedBytes + picture.length > CACHE_BYTES_MAX) {
        cache.clear();
        cachedBytes = 0;
      }
      cache.set(name, picture);
      cachedBytes += picture.length;
      return picture;
    },
  };
}

async function draw(order: FileOrder, colour: Rgb, bytesMin: number): Promise<Buffer> {
  switch (order.format) {
    case 'png':
      return padPng(encodePng(order, colour), bytesMin, noise);
    case 'jpeg':
      return padJpeg(encodeJpeg(order, colour), bytesMin, noise);
    case 'webp':
      return padWebp(encodeWebp(order, colour), { bytes: bytesMin, size: order }, noise);
    case 'mp4':
      return makeVideo(order, colour);
    case 'safetensors':
      return encodeWeights(colour);
    case 'tar':
      return packWeights(colour);
    case 'mp3':
      return makeSound(order);
  }
}

/** Bytes that no compression makes smaller, always the same ones. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 0x2545f491;
  for (let at = 0; at < length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 255;
  }
  return bytes;
}
