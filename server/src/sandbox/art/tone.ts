import type { Ink } from './ink.ts';
import { clamp01 } from './scalar.ts';

/** Turns scene light into the bytes of a picture. */
export interface Tone {
  /** Brightens or darkens nothing but the corners; `u` and `v` from 0 to 1. */
  corner(u: number, v: number): number;
  /** From linear light to 0..255, three numbers at `at`. */
  develop(ink: Ink, light: number, to: Float32Array, at: number): void;
}

const TABLE_SIZE = 4096;
const LIGHT_MAX = 12;

/** The film look of a finished picture, or, for `raw`, a flat and muted one with open shadows. */
export function createTone(raw: boolean): Tone {
  const table = new Float32Array(TABLE_SIZE + 1);
  for (let i = 0; i <= TABLE_SIZE; i++) table[i] = (raw ? flat : film)((i / TABLE_SIZE) ** 2 * LIGHT_MAX) * 255;
  const step = TABLE_SIZE / Math.sqrt(LIGHT_MAX);
  const look = (x: number) => table[x <= 0 ? 0 : Math.min(TABLE_SIZE, (Math.sqrt(x) * step + 0.5) | 0)] ?? 255;
  const grey = raw ? 0.42 : 0;
  const falloff = raw ? 0.12 : 0.5;
  return {
    corner: (u, v) => 1 - falloff * ((u - 0.5) * (u - 0.5) + (v - 0.5) * (v - 0.5)),
    develop(ink, light, to, at) {
      const luma = (0.2126 * ink.r + 0.7152 * ink.g + 0.0722 * ink.b) * grey;
      to[at] = look((ink.r * (1 - grey) + luma) * light);
      to[at + 1] = look((ink.g * (1 - grey) + luma) * light);
      to[at + 2] = look((ink.b * (1 - grey) + luma) * light);
    },
  };
}

function film(x: number): number {
  const exposed = x * 0.78;
  const toned = (exposed * (2.51 * exposed + 0.03)) / (exposed * (2.43 * exposed + 0.59) + 0.14);
  return clamp01(toned) ** (1 / 2.2);
}

function flat(x: number): number {
  return 0.055 + 0.86 * clamp01((x * 1.12) / (1 + 0.42 * x)) ** (1 / 2.1);
}

/** Lays film grain over a picture, in place: the same for all three channels, from the place and the seed alone. */
export function addGrain(rgb: Uint8Array, options: { seed: number; raw: boolean }): void {
  const strength = options.raw ? 1.6 : 4.2;
  const salt = Math.imul(options.seed, 0x9e3779b1);
  for (let at = 0, pixel = 0; at < rgb.length; at += 3, pixel++) {
    let bits = Math.imul(pixel ^ salt, 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    bits ^= bits >>> 16;
    // The sum of two bytes: a triangle, which looks like film where a flat spread looks like dirt.
    const grain = (((bits & 255) + ((bits >>> 8) & 255)) / 255 - 1) * strength;
    for (let i = at; i < at + 3; i++) {
      const value = (rgb[i] ?? 0) + grain;
      rgb[i] = value < 0 ? 0 : value > 255 ? 255 : value + 0.5;
    }
  }
}
