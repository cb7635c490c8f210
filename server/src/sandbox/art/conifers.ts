import type { Noise } from './noise.ts';
import { smooth } from './scalar.ts';

export interface Grove {
  aspect: number;
  /** Trees along one picture height. */
  perWidth: number;
  /** Height in the picture where the ground lies. */
  base: number;
  /** Height of the tallest tree, in picture heights. */
  size: number;
  /** How far the ground line rises and falls. */
  sway: number;
}

export interface Conifers {
  column(u: number): void;
  /** 1 inside a tree or the ground below, 0 outside. */
  inside(v: number): number;
}

const NEIGHBOURS = 2;

/** A row of fir trees in silhouette. */
export function createConifers(noise: Noise, grove: Grove): Conifers {
  const near = Array.from({ length: NEIGHBOURS * 2 + 1 }, () => ({ tip: 2, offset: 1, slim: 0.3, rough: 0 }));
  let soil = 2;

  function column(u: number): void {
    const x = u * grove.aspect;
    soil = groundAt(x);
    const cell = Math.floor(x * grove.perWidth);
    near.forEach((tree, i) => {
      const index = cell + i - NEIGHBOURS;
      const centre = (index + 0.25 + 0.5 * noise.value(index * 7.31, 91.7)) / grove.perWidth;
      const tall = noise.value(index * 3.77, 23.1);
      tree.tip = groundAt(centre) - grove.size * (0.25 + 0.75 * tall * tall);
      tree.offset = x - centre;
      tree.slim = 0.15 + 0.1 * noise.value(index * 5.13, 7.9);
      tree.rough = index * 1.7;
    });
  }

  function groundAt(x: number): number {
    return grove.base - grove.sway * smooth(0.25, 0.75, noise.fbm(x * 1.3 + 11, 5.5, 3));
  }

  function inside(v: number): number {
    if (v > soil) return 1;
    for (const tree of near) {
      const down = v - tree.tip;
      if (down < 0) continue;
      // Boughs hang in tiers: each widens downwards and springs back.
      const tier = down * 55 - Math.floor(down * 55);
      const bough = 0.62 + 0.38 * tier + 0.3 * (noise.value(down * 130, tree.rough + (tree.offset > 0 ? 3 : 0)) - 0.5);
      if (Math.abs(tree.offset) < down * tree.slim * bough + 0.0006) return 1;
    }
    return 0;
  }

  return { column, inside };
}
