/** 1,024 by 1,024 pixels: what providers sell as one megapixel. */
export const PIXELS_PER_MEGAPIXEL = 1_048_576;

/** The size of a picture in the unit that prices and costs count in. */
export function megapixelsIn({ width, height }: { width: number; height: number }): number {
  return (width * height) / PIXELS_PER_MEGAPIXEL;
}
