import type { ImageFormat } from '../core/media-port.ts';
import type { StartRequest } from './generation.ts';

/** What a request asks the sandbox to draw, read out of the callers' own names for it. */
export interface AskedPictures {
  count: number;
  /** null where nothing names a size. */
  size: { width: number; height: number } | null;
  format: ImageFormat;
  /** How much larger than the given picture each side is to be. */
  factor: number;
  /** Addresses of the caller's files, by the parameter that names them (with the place in a list). */
  files: [name: string, url: string][];
}

/** Names under which models take the number of pictures. */
const COUNT_NAMES = ['n', 'num_outputs', 'num_images', 'number_of_images', 'max_images'];
const COUNT_MAX = 16;
/** Names under which models take how much larger a picture is to be. */
const FACTOR_NAMES = ['upscale_factor', 'scale_factor'];
const FACTOR_MAX = 16;
/** Sides of the usual words for a size; a number of megapixels is written as `2MP`. */
const SIDES: Readonly<Record<string, number>> = { '512px': 512, '0.5K': 512, '1K': 1_024, '2K': 2_048, '4K': 4_096 };
const SIDE_DEFAULT = 1_024;
/** Large pictures are drawn smaller: a stand-in is to be quick. */
const AREA_MAX = 2_048 * 2_048;
const SIDE_STEP = 16;
/** No model makes narrower pictures. */
const RATIO_MAX = 16;

/** Words that may happen to be an address. */
const TEXT_NAMES = new Set(['prompt', 'negative_prompt']);

type Input = StartRequest['input'];

/** Reads the request; what it does not understand it leaves aside, as nothing of it can be drawn. */
export function askedPictures(input: Input): AskedPictures {
  return {
    count: countIn(input),
    size: sizeIn(input),
    format: formatIn(input),
    factor: factorIn(input),
    files: Object.entries(input).flatMap(([name, value]) => (TEXT_NAMES.has(name) ? [] : filesIn(name, value))),
  };
}

function countIn(input: Input): number {
  const counts = COUNT_NAMES.map((name) => input[name]).filter((value) => Number.isInteger(value));
  return Math.min(COUNT_MAX, Math.max(1, ...counts.map(Number)));
}

function factorIn(input: Input): number {
  const factor = FACTOR_NAMES.map((name) => Number(input[name])).find((value) => value > 0) ?? 1;
  return Math.min(FACTOR_MAX, factor);
}

function formatIn(input: Input): ImageFormat {
  const format = input['output_format'];
  return format === 'png' || format === 'webp' ? format : 'jpg';
}

function filesIn(name: string, value: unknown): [string, string][] {
  if (Array.isArray(value)) return value.flatMap((item, index) => filesIn(`${name}.${index}`, item));
  return typeof value === 'string' && /^https?:\/\//.test(value) ? [[name, value]] : [];
}

function sizeIn(input: Input): { width: number; height: number } | null {
  const { width, height } = input;
  if (width !== undefined && height !== undefined) return { width, height };
  const words = [input['size'], input['resolution'], input['image_size'], input['aspect_ratio']];
  const sides = words.map(sidesIn).find((found) => found !== null);
  if (sides !== undefined) return fitted(sides);
  const ratio = ratioIn(input['aspect_ratio']);
  const area = words.map(areaIn).find((found) => found !== null) ?? null;
  if (ratio === null && area === null) return null;
  const wanted = Math.sqrt((area ?? SIDE_DEFAULT ** 2) * (ratio ?? 1));
  return fitted({ width: wanted, height: wanted / (ratio ?? 1) });
}

/** Sides as `1024x768`, `1024*768` or `1024×768`. */
function sidesIn(word: unknown): { width: number; height: number } | null {
  const [, width, height] = /^(\d{2,5})[x*×](\d{2,5})$/.exec(String(word)) ?? [];
  return width === undefined || height === undefined ? null : { width: Number(width), height: Number(height) };
}

function ratioIn(word: unknown): number | null {
  const [, width, height] = /^(\d{1,4}):(\d{1,4})$/.exec(String(word)) ?? [];
  const ratio = Number(width) / Number(height);
  return Number.isFinite(ratio) && ratio > 0 ? Math.min(RATIO_MAX, Math.max(1 / RATIO_MAX, ratio)) : null;
}

function areaIn(word: unknown): number | null {
  const megapixels = /^(\d+(?:\.\d+)?) ?MP$/.exec(String(word))?.[1];
  if (megapixels !== undefined) return Number(megapixels) * 1_048_576;
  const side = SIDES[String(word).replace(/k$/, 'K')];
  return side === undefined ? null : side ** 2;
}

function fitted(size: { width: number; height: number }): { width: number; height: number } {
  const scale = Math.min(1, Math.sqrt(AREA_MAX / (size.width * size.height)));
  const side = (pixels: number): number => Math.max(SIDE_STEP, Math.round((pixels * scale) / SIDE_STEP) * SIDE_STEP);
  return { width: side(size.width), height: side(size.height) };
}
