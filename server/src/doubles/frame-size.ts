/** Sides in pixels. */
export interface FrameSize {
  width: number;
  height: number;
}

/** Sides of about so many megapixels in the ratio of `W:H`, multiples of `step`; null for a text that is no ratio. */
export function sizeFromRatio(ratio: string, options: { megapixels: number; step: number }): FrameSize | null {
  const [, across, down] = /^(\d{1,3}):(\d{1,3})$/.exec(ratio) ?? [];
  const share = Number(across) / Number(down);
  if (!(share > 0) || share === Infinity) return null;
  const height = Math.sqrt((options.megapixels * 1024 * 1024) / share);
  return { width: toStep(height * share, options.step), height: toStep(height, options.step) };
}

/** The nearest multiple of `step`, at least one. */
export function toStep(side: number, step: number): number {
  return Math.max(step, Math.round(side / step) * step);
}

/** Millions of pixels, rounded up to a hundredth. */
export function megapixelsOf({ width, height }: FrameSize): number {
  return Math.ceil((width * height) / 10_000) / 100;
}
