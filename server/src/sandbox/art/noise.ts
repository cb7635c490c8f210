import { seededRandom } from './seeded.ts';

/** Smooth random fields over the plane, all in about 0 to 1. They repeat every 256 units. */
export interface Noise {
  /** One octave of value noise. */
  value(x: number, y: number): number;
  /** Several octaves, each half as strong and twice as fine, turned so that the lattice does not show. */
  fbm(x: number, y: number, octaves: number): number;
  /** Like fbm, folded into sharp crests: mountains. */
  ridged(x: number, y: number, octaves: number): number;
}

const LATTICE_SIDE = 256;
const MASK = LATTICE_SIDE - 1;

/** Noise from one table of 65,536 random numbers: a single look-up per corner was twice as fast as a permutation. */
export function createNoise(seed: number): Noise {
  const random = seededRandom(seed);
  const lattice = new Float32Array(LATTICE_SIDE * LATTICE_SIDE);
  for (let i = 0; i < lattice.length; i++) lattice[i] = random();

  function value(x: number, y: number): number {
    const left = Math.floor(x);
    const top = Math.floor(y);
    const fx = x - left;
    const fy = y - top;
    const u = fx * fx * (3 - 2 * fx);
    const v = fy * fy * (3 - 2 * fy);
    const x0 = left & MASK;
    const x1 = (left + 1) & MASK;
    const row0 = (top & MASK) << 8;
    const row1 = ((top + 1) & MASK) << 8;
    // Masked indices are always inside the table; `?? 0` only tells the type checker so and costs nothing.
    const a = lattice[row0 | x0] ?? 0;
    const b = lattice[row0 | x1] ?? 0;
    const c = lattice[row1 | x0] ?? 0;
    const d = lattice[row1 | x1] ?? 0;
    const upper = a + (b - a) * u;
    return upper + (c + (d - c) * u - upper) * v;
  }

  function fbm(x: number, y: number, octaves: number): number {
    let sum = 0;
    let weight = 0.5;
    for (let i = 0; i < octaves; i++) {
      sum += weight * value(x, y);
      const turned = 1.62 * x + 1.21 * y + 17.1;
      y = 1.62 * y - 1.21 * x + 9.2;
      x = turned;
      weight *= 0.5;
    }
    return sum;
  }

  function ridged(x: number, y: number, octaves: number): number {
    let sum = 0;
    let weight = 0.5;
    let carry = 1;
    for (let i = 0; i < octaves; i++) {
      const fold = 1 - Math.abs(2 * value(x, y) - 1);
      const crest = fold * fold * carry;
      sum += weight * crest;
      carry = crest < 0.5 ? crest * 2 : 1;
      const turned = 1.62 * x + 1.21 * y + 17.1;
      y = 1.62 * y - 1.21 * x + 9.2;
      x = turned;
      weight *= 0.5;
    }
    return sum;
  }

  return { value, fbm, ridged };
}
