import sharp from 'sharp';
import type { Sharp, SharpOptions } from 'sharp';
import type { ImageFormat } from '../../core/media-port.ts';
import type { PictureLayout } from './picture-layout.ts';

/** Largest picture that is decoded; a file of 31 KB can claim 256 megapixels and cost seconds and 300 MB. */
export const PIXELS_MAX = 50_000_000;

/** Every input is opened like this: bounded, first frame only, and with an error when it is cut. */
const INPUT = {
  failOn: 'truncated',
  limitInputPixels: PIXELS_MAX,
  limitInputChannels: 5,
  pages: 1,
} as const satisfies SharpOptions;

/**
 * Sets the library up for hostile input, once per child process, before the first picture: no cache
 * (files are seen once), one thread (the pool is the parallelism), and four loaders out of dozens.
 */
export function prepareDecoder(): void {
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp', 'VipsForeignLoadNsgif'],
  });
}

/** Why the picture cannot be decoded to its last pixel, or null. Memory stays small: rows are dropped as they pass. */
export async function decodeProblem(bytes: Buffer, layout: PictureLayout): Promise<string | null> {
  // A JPEG that lacks rows but has its end marker only earns a warning. PNG warnings are about harmless profiles.
  const failOn = layout.format === 'jpg' ? 'warning' : 'truncated';
  // The whole-picture crop switches off shrink-on-load, which would skip most of the data.
  const whole = { left: 0, top: 0, width: layout.width, height: layout.height };
  try {
    await sharp(bytes, { ...INPUT, failOn })
      .extract(whole)
      .resize(8, 8, { fit: 'fill', kernel: 'linear' })
      .raw()
      .toBuffer();
    return null;
  } catch (error) {
    return `The picture cannot be decoded: ${firstLine(error)}`;
  }
}

/** Re-encodes a picture upright, as it is meant to be seen; no metadata stay but a colour profile that still fits. */
export async function reencode(
  bytes: Buffer,
  { format, quality, sideMax }: { format: ImageFormat; quality: number; sideMax?: number },
): Promise<Buffer> {
  const { space } = await sharp(bytes, INPUT).metadata();
  const picture = sharp(bytes, { ...INPUT, autoOrient: true });
  // A profile describes the pixels it came with: grey and CMYK ones are turned into sRGB, and a GIF has no profile.
  if (format !== 'gif' && (space === 'srgb' || space === 'rgb16')) picture.keepIccProfile();
  if (sideMax !== undefined)
    picture.resize({ width: sideMax, height: sideMax, fit: 'inside', withoutEnlargement: true });
  return encode(picture, format, quality).toBuffer();
}

/** A picture upright in sRGB, one byte for each of red, green and blue; its transparency apart, null where it has none. */
export interface DecodedPicture {
  width: number;
  height: number;
  colours: Buffer;
  alpha: Buffer | null;
}

/** Every pixel of a picture, for work on them. */
export async function decodePixels(bytes: Buffer): Promise<DecodedPicture> {
  const upright = sharp(bytes, { ...INPUT, autoOrient: true })
    .toColourspace('srgb')
    .ensureAlpha();
  const { data, info } = await upright.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const count = info.width * info.height;
  const colours = Buffer.alloc(count * 3);
  const alpha = Buffer.alloc(count);
  for (let index = 0; index < count; index += 1) {
    // Byte by byte: a call for each pixel would take seconds for a large picture.
    colours[index * 3] = data[index * 4] ?? 0;
    colours[index * 3 + 1] = data[index * 4 + 1] ?? 0;
    colours[index * 3 + 2] = data[index * 4 + 2] ?? 0;
    alpha[index] = data[index * 4 + 3] ?? 255;
  }
  return {
    width: info.width,
    height: info.height,
    colours,
    alpha: alpha.every((value) => value === 255) ? null : alpha,
  };
}

/** A picture that says how much of another one stays: by its transparency where it can have any, by its brightness where not. */
export async function decodeMask(bytes: Buffer): Promise<{ width: number; height: number; bytes: Uint8Array }> {
  const upright = sharp(bytes, { ...INPUT, autoOrient: true });
  const { hasAlpha } = await upright.metadata();
  const rgba = upright.toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' });
  const { data, info } = await rgba.toBuffer({ resolveWithObject: true });
  const kept = new Uint8Array(info.width * info.height);
  for (let index = 0; index < kept.length; index += 1) {
    const [red, green, blue] = [data[index * 4] ?? 0, data[index * 4 + 1] ?? 0, data[index * 4 + 2] ?? 0];
    // The weights of Rec. 709 in parts of 256, so that a grey value comes out as it is.
    kept[index] = hasAlpha ? (data[index * 4 + 3] ?? 0) : (54 * red + 183 * green + 19 * blue) >> 8;
  }
  return { width: info.width, height: info.height, bytes: kept };
}

/** A picture upright in sRGB with 8 bits, transparent parts white, made smaller where a side is above `sideMax`, as PNG. */
export async function encodeShown(bytes: Buffer, sideMax: number): Promise<Buffer> {
  return sharp(bytes, { ...INPUT, autoOrient: true })
    .resize({ width: sideMax, height: sideMax, fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .png({ compressionLevel: 2 })
    .toBuffer();
}

/** Pixels as PNG, with transparency where there is any. */
export async function encodePixels({ width, height, colours, alpha }: DecodedPicture): Promise<Buffer> {
  const picture = sharp(colours, { raw: { width, height, channels: 3 }, limitInputPixels: PIXELS_MAX });
  if (alpha !== null) picture.joinChannel(alpha, { raw: { width, height, channels: 1 } });
  return picture.png().toBuffer();
}

/** An error in one line, without the paths that system errors carry. */
export function firstLine(error: unknown): string {
  if (error instanceof Error && 'syscall' in error && 'code' in error)
    return `${String(error.code)} in ${String(error.syscall)}`;
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0]?.slice(0, 200) ?? '';
}

function encode(picture: Sharp, format: ImageFormat, quality: number): Sharp {
  switch (format) {
    case 'jpg':
      return picture.flatten({ background: '#ffffff' }).jpeg({ quality });
    case 'png':
      return picture.png();
    case 'webp':
      // Effort 2 takes half the time of the default, 4, for the same size.
      return picture.webp({ quality, effort: 2 });
    case 'gif':
      // The default effort takes 0.8 s for a megapixel, this one 0.4 s, for the same size.
      return picture.gif({ effort: 1 });
  }
}
