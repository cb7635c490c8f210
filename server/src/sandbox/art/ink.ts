import { clamp01 } from './scalar.ts';

/** A colour in linear light; 1 is paper white, more is a light source. Scenes write into one shared ink. */
export interface Ink {
  r: number;
  g: number;
  b: number;
}

/** Colours along a way, at least two. */
export type Palette = readonly Ink[];

/** A colour from `#rrggbb`. */
export function colour(hex: string): Ink {
  const channel = (at: number) => (Number.parseInt(hex.slice(at, at + 2), 16) / 255) ** 2.2;
  return { r: channel(1), g: channel(3), b: channel(5) };
}

/** A palette from `#rrggbb #rrggbb …`. */
export function palette(text: string): Palette {
  return text.split(' ').map(colour);
}

const BLACK: Ink = { r: 0, g: 0, b: 0 };

/** Sets the ink to the palette's colour at `t` (0 first, 1 last). */
export function ramp(ink: Ink, stops: Palette, t: number): void {
  const place = clamp01(t) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(place));
  const from = stops[index] ?? BLACK;
  const to = stops[index + 1] ?? BLACK;
  const share = place - index;
  ink.r = from.r + (to.r - from.r) * share;
  ink.g = from.g + (to.g - from.g) * share;
  ink.b = from.b + (to.b - from.b) * share;
}

export function put(ink: Ink, from: Ink): void {
  ink.r = from.r;
  ink.g = from.g;
  ink.b = from.b;
}

/** Moves the ink towards a colour: 0 leaves it, 1 replaces it. */
export function blend(ink: Ink, towards: Ink, t: number): void {
  ink.r += (towards.r - ink.r) * t;
  ink.g += (towards.g - ink.g) * t;
  ink.b += (towards.b - ink.b) * t;
}

/** Adds light. */
export function shine(ink: Ink, light: Ink, amount: number): void {
  ink.r += light.r * amount;
  ink.g += light.g * amount;
  ink.b += light.b * amount;
}

export function dim(ink: Ink, factor: number): void {
  ink.r *= factor;
  ink.g *= factor;
  ink.b *= factor;
}
