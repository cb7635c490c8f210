import { type Ink, type Palette, blend, colour, dim, put, ramp, shine } from './ink.ts';
import { clamp01, mix, smooth } from './scalar.ts';

/** A sports car seen from behind. Units: half its width is 1; it stands on height 0 and its roof ends at ROOF. */
export interface SportsCar {
  /** Writes the car over the ink at (x, y); points beside it stay, but for its shadow and the glow of its lamps. */
  paint(x: number, y: number, ink: Ink): void;
}

export const CAR_REACH_X = 1.5;
export const CAR_REACH_TOP = 1.5;
export const CAR_REACH_BOTTOM = -0.2;

const ROOF = 1.2;
const LACQUERS: readonly (readonly [RegExp, string])[] = [
  [/\bred\b/, '#c01818'],
  [/\bblue\b/, '#1f4fb8'],
  [/\bblack\b/, '#16171a'],
  [/\byellow\b/, '#f0b010'],
  [/\bgreen\b/, '#1c6b3c'],
  [/\borange\b/, '#e8641a'],
];
const SILVER = '#c9ccd2';

/** True when the prompt asks for a car that this one may stand for. */
export function wantsSportsCar(prompt: string): boolean {
  const text = prompt.toLowerCase();
  return (
    /\b(sports?[- ]?cars?|super ?cars?|car|cars|coupe)\b/.test(text) &&
    !/\b(vintage|classic|old|toy|truck|taxi|race|no cars?)\b/.test(text)
  );
}

/** The half width of the lacquered body at a height, by its corners from the sill to the roof. */
const OUTLINE = [
  [0.13, 0.8],
  [0.2, 0.93],
  [0.34, 0.985],
  [0.5, 1],
  [0.62, 0.965],
  [0.7, 0.89],
  [0.755, 0.73],
  [0.8, 0.665],
  [0.92, 0.6],
  [1.04, 0.525],
  [1.12, 0.45],
  [1.17, 0.34],
  [ROOF, 0.06],
] as const;

function halfWidthAt(y: number): number {
  for (let i = 1; i < OUTLINE.length; i++) {
    const [y1, w1] = OUTLINE[i] ?? [0, 0];
    const [y0, w0] = OUTLINE[i - 1] ?? [0, 0];
    if (y <= y1) return y < y0 ? 0 : mix(w0, w1, (y - y0) / (y1 - y0));
  }
  return 0;
}

/** Paints with the lacquer the prompt names, silver if none, mirroring the given sky; the sun stands to the left. */
export function createSportsCar(prompt: string, sky: Palette, sun: Ink): SportsCar {
  const text = prompt.toLowerCase();
  const lacquer = colour(LACQUERS.find(([word]) => word.test(text))?.[1] ?? SILVER);
  const red = colour('#ff2a1c');
  const black: Ink = { r: 0.008, g: 0.008, b: 0.01 };
  const rubber: Ink = { r: 0.014, g: 0.014, b: 0.016 };
  const chrome: Ink = { r: 0.35, g: 0.33, b: 0.33 };
  const plate: Ink = { r: 0.5, g: 0.48, b: 0.45 };
  const mirrored: Ink = { r: 0, g: 0, b: 0 };

  /** Lacquer: mirrors zenith on flat parts, the bright horizon on steep ones and the dark road low down. */
  function paintLacquer(x: number, y: number, half: number, ink: Ink): void {
    const across = x / Math.max(half, 0.1);
    const shoulder = smooth(0.6, 0.74, y) * smooth(0.8, 0.74, y);
    const tilt = clamp01(mix(0.86 - (y - 0.1) * 0.55, 0.15, shoulder) - 0.3 * smooth(1, ROOF, y));
    ramp(mirrored, sky, tilt);
    const road = smooth(0.5, 0.2, y);
    // Metal flakes scatter: what they mirror is paler than the sky.
    const grey = (mirrored.r + mirrored.g + mirrored.b) / 3;
    mirrored.r = mix(mirrored.r, grey, 0.6);
    mirrored.g = mix(mirrored.g, grey, 0.6);
    mirrored.b = mix(mirrored.b, grey * 1.06, 0.6);
    dim(mirrored, mix(0.7, 0.12, road));
    put(ink, lacquer);
    dim(ink, mix(0.3, 0.06, road));
    ink.r = ink.r * 0.7 + mirrored.r * mix(0.25, 0.8, lacquer.r);
    ink.g = ink.g * 0.7 + mirrored.g * mix(0.25, 0.8, lacquer.g);
    ink.b = ink.b * 0.7 + mirrored.b * mix(0.25, 0.8, lacquer.b);
    dim(ink, 1 - 0.5 * across ** 4);
    shine(ink, sun, 0.55 * smooth(-0.88, -0.99, across) * smooth(0.2, 0.5, y));
    // Creases pressed into the sheet metal: a light edge above a dark one.
    shine(ink, sun, 0.1 * Math.exp(-(((y - 0.755) / 0.008) ** 2)));
    dim(ink, 1 - 0.4 * Math.exp(-(((y - 0.5 - 0.03 * across * across) / 0.01) ** 2)));
  }

  function paintWindow(x: number, y: number, ink: Ink): void {
    const half = mix(0.57, 0.41, (y - 0.79) / 0.31) - 0.04 * smooth(1.04, 1.1, y) - 0.03 * smooth(0.83, 0.79, y);
    if (y < 0.79 || y > 1.1 || Math.abs(x) > half) return;
    ramp(mirrored, sky, clamp01(1.5 - (y - 0.6) * 2.2));
    put(ink, black);
    blend(ink, mirrored, 0.1 + 0.22 * smooth(0.1, -0.5, x + (y - 0.9) * 0.8));
    if (Math.abs(y - 1.085) < 0.006 && Math.abs(x) < 0.09) put(ink, red);
  }

  function paintTail(x: number, y: number, ink: Ink): void {
    const ax = Math.abs(x);
    // The dark band with the lamp line in it.
    const bow = 0.585 - 0.02 * x * x;
    if (ax < 0.93 && Math.abs(y - bow) < 0.045) put(ink, black);
    if (ax < 0.91 && Math.abs(y - bow) < mix(0.009, 0.026, smooth(0.5, 0.75, ax))) {
      put(ink, red);
      dim(ink, mix(1.1, 2.6, smooth(0.45, 0.8, ax)));
    }
    if (ax < 0.2 && y > 0.36 && y < 0.46) put(ink, ax < 0.185 && y > 0.372 && y < 0.448 ? plate : black);
    // Diffuser with fins, and two tail pipes on each side.
    if (ax < 0.64 - (0.3 - y) * 0.35 && y > 0.1 && y < 0.285) {
      put(ink, black);
      if (Math.abs(((ax * 8 + 0.5) % 1) - 0.5) < 0.09 && y < 0.22) dim(ink, 4);
    }
    for (const pipe of [0.36, 0.475]) {
      const ring = Math.sqrt((ax - pipe) ** 2 + (y - 0.222) ** 2);
      if (ring < 0.052) put(ink, ring > 0.038 ? chrome : black);
    }
    if (ax > 0.74 && ax < 0.9 && y > 0.27 && y < 0.36 - (ax - 0.74) * 0.2) put(ink, black);
  }

  function paintWheels(x: number, y: number, ink: Ink): void {
    const dx = Math.max(Math.abs(Math.abs(x) - 0.785) - 0.115, 0);
    const dy = Math.max(Math.abs(y - 0.17) - 0.115, 0);
    if (dx * dx + dy * dy > 0.003) return;
    put(ink, rubber);
    dim(ink, 1 + 1.2 * smooth(0.06, 0, Math.abs(Math.abs(x) - 0.785)));
  }

  function paintMirrors(x: number, y: number, half: number, ink: Ink): void {
    const dx = (Math.abs(x) - 0.745) / 0.1;
    const dy = (y - 0.825) / 0.042;
    if (dx * dx + dy * dy > 1) return;
    paintLacquer(0.3 * Math.sign(x), 0.66, half + 0.5, ink);
    dim(ink, 0.8);
  }

  function paint(x: number, y: number, ink: Ink): void {
    const under = (x * x) / 1.35 + ((y + 0.02) / 0.1) ** 2;
    dim(ink, 1 - 0.9 * smooth(1.3, 0.35, under));
    // Below the sill one looks into the dark under the floor.
    if (Math.abs(x) < 0.74 && y > 0.01 && y < 0.2) dim(ink, mix(0.5, 0.06, smooth(0.01, 0.06, y)));
    paintWheels(x, y, ink);
    const half = halfWidthAt(y);
    if (Math.abs(x) < half) {
      paintLacquer(x, y, half, ink);
      paintTail(x, y, ink);
      paintWindow(x, y, ink);
    } else paintMirrors(x, y, 0.6, ink);
    // The lamps' glow lies over car and air alike, and reddens the road behind.
    const side = (Math.abs(x) - 0.8) ** 2 + (y - 0.575) ** 2;
    shine(ink, red, 0.05 / (1 + side * 60) - 0.0008 + 0.03 * Math.exp(-((y + 0.08) ** 2) * 160 - x * x * 1.5));
  }

  return { paint };
}
