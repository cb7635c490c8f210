import type { DecodedPicture } from './picture-decoder.ts';

/** How much of each pixel stays, from 0 to 255, row by row. */
export interface Mask {
  width: number;
  height: number;
  bytes: Uint8Array;
}

/**
 * The picture with its mask as transparency. What was transparent before stays so, and where nothing stays the colours go too:
 * what was taken away cannot be brought back from the file.
 */
export function cutOut(picture: DecodedPicture, mask: Mask): DecodedPicture {
  const { bytes: kept } = fitMask(mask, picture);
  const colours = Buffer.from(picture.colours);
  const alpha = Buffer.alloc(kept.length);
  for (let index = 0; index < kept.length; index += 1) {
    const stays = kept[index] ?? 0;
    const was = picture.alpha?.[index] ?? 255;
    const value = was === 255 ? stays : Math.round((stays * was) / 255);
    alpha[index] = value;
    if (value === 0) {
      colours[3 * index] = 0;
      colours[3 * index + 1] = 0;
      colours[3 * index + 2] = 0;
    }
  }
  return { ...picture, colours, alpha };
}

/**
 * The mask in another size: an even passage from each of its pixels to the next, middles upon middles. (What the picture
 * library enlarges lies aside by half a pixel.)
 */
export function fitMask(mask: Mask, { width, height }: { width: number; height: number }): Mask {
  if (mask.width === width && mask.height === height) return mask;
  const bytes = new Uint8Array(width * height);
  const columns = Array.from({ length: width }, (_, x) => between(x, { from: width, to: mask.width }));
  for (let y = 0; y < height; y += 1) {
    const row = between(y, { from: height, to: mask.height });
    const [upper, lower] = [row.first * mask.width, row.second * mask.width];
    for (let x = 0; x < width; x += 1) {
      const { first, second, share } = columns[x] ?? row;
      const above = (mask.bytes[upper + first] ?? 0) * (1 - share) + (mask.bytes[upper + second] ?? 0) * share;
      const below = (mask.bytes[lower + first] ?? 0) * (1 - share) + (mask.bytes[lower + second] ?? 0) * share;
      bytes[y * width + x] = Math.round(above * (1 - row.share) + below * row.share);
    }
  }
  return { width, height, bytes };
}

/** The two neighbours between whose middles the middle of a pixel falls, and how near it is to the second. */
function between(
  place: number,
  { from, to }: { from: number; to: number },
): { first: number; second: number; share: number } {
  const middle = Math.min(to - 1, Math.max(0, ((place + 0.5) * to) / from - 0.5));
  const first = Math.floor(middle);
  return { first, second: Math.min(to - 1, first + 1), share: middle - first };
}
