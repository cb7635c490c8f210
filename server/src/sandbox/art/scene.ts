import type { Ink } from './ink.ts';

/** What a scene is told before it is painted. */
export interface Frame {
  seed: number;
  /** Width by height. */
  aspect: number;
  prompt: string;
}

/**
 * A picture as a function of the place. It is asked column by column, top to bottom, so that it can keep
 * what is the same along a column (silhouettes, terrain): that made landscapes five times as fast.
 */
export interface Scene {
  /** Goes to the column at `u` (0 left, 1 right). */
  column(u: number): void;
  /** Writes the colour at height `v` (0 top, 1 bottom) of this column. */
  point(v: number, ink: Ink): void;
}

/**
 * Makes a scene. A maker is one closure, longer than our functions are: what a scene has worked out for the frame
 * and the column (palettes, noise, silhouettes) is read by all of its short inner functions.
 */
export type SceneMaker = (frame: Frame) => Scene;
