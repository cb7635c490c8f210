import { askedPictures } from './asked-pictures.ts';
import type { StartRequest } from './generation.ts';

/** What a request for a video asks the sandbox to draw, in whatever names its model takes. */
export interface AskedClip {
  count: number;
  width: number;
  height: number;
  /** null where nothing names a length. */
  seconds: number | null;
  /** Names of the caller's files that the video may begin with, likeliest first. */
  firstFrames: readonly string[];
}

/** Stand-ins are small, whatever was asked for: each of their frames is drawn and encoded by hand. */
const AREA = 640 * 360;
/** The encoder takes whole blocks of two pixels; sixteen keep all proportions simple. */
const SIDE_STEP = 16;
const SECONDS_MAX = 60;
const WIDE = { width: 16, height: 9 };
/** Names under which models take the picture that a video begins with. */
const FIRST_FRAMES = [
  'start_image',
  'image',
  'first_frame',
  'images.0',
  'reference_images.0',
  'reference_image_urls.0',
];

/** Reads the request; what it does not understand it leaves aside. */
export function askedClip({ input }: StartRequest): AskedClip {
  const { count, size } = askedPictures(input);
  return { count, ...fitted(size ?? WIDE), seconds: secondsIn(input['duration']), firstFrames: FIRST_FRAMES };
}

function secondsIn(duration: unknown): number | null {
  const seconds = Number(duration ?? 0);
  return seconds > 0 ? Math.min(SECONDS_MAX, seconds) : null;
}

function fitted({ width, height }: { width: number; height: number }): { width: number; height: number } {
  const scale = Math.sqrt(AREA / (width * height));
  const side = (pixels: number): number => Math.max(SIDE_STEP, Math.round((pixels * scale) / SIDE_STEP) * SIDE_STEP);
  return { width: side(width), height: side(height) };
}
