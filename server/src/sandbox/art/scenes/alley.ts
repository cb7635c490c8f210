import { type Ink, blend, colour, dim, palette, shine } from '../ink.ts';
import { createNoise } from '../noise.ts';
import { clamp01, smooth } from '../scalar.ts';
import type { Frame, Scene } from '../scene.ts';
import { pick, seededRandom } from '../seeded.ts';

const LOOKS = [
  { neon: '#ff2e88 #22d3ee #a855f7 #ffb020', fog: '#2a1c58', end: '#c04fa0' },
  { neon: '#ff5d3b #3bd6ff #ff3bd0 #ffd23b', fog: '#12304f', end: '#2f9fc0' },
  { neon: '#ff3b5c #37ffd0 #5b7bff #ff9a3b', fog: '#1c2350', end: '#e0605c' },
] as const;

const SIGNS = 46;
/** Half the width of the alley and the height of the eye, in the unit of the walls. */
const WALL = 0.62;
const EYE = 0.36;
const FLOOR_SHINE = 0.94;

interface Sign {
  side: number;
  z: number;
  y: number;
  halfHeight: number;
  halfWidth: number;
  light: Ink;
  /** Pattern of its strokes. */
  face: number;
  /** How far the present column is beside the sign, squared; 0 on it. */
  beside: number;
  /** Where on the sign the present column is, 0 to 1. */
  across: number;
}

/** A narrow street between neon signs, wet from rain. */
export function paintAlley({ seed, aspect }: Frame): Scene {
  const noise = createNoise(seed);
  const random = seededRandom(seed);
  const look = pick(LOOKS, random());
  const signs = hangSigns(random, palette(look.neon));
  const fog = colour(look.fog);
  const end = colour(look.end);
  const lamp = colour('#ffb56b');
  const zoom = 0.62 * Math.max(1, 1.25 / Math.max(aspect, 0.4));
  const lean = (random() - 0.5) * 0.16;
  const horizon = 0.53;
  let near: Sign[] = [];
  let px = 0;
  let wallZ = 0;
  let side = 1;

  function column(u: number): void {
    px = (u - 0.5 - lean * 0.4) * aspect * zoom;
    side = px < 0 ? -1 : 1;
    wallZ = WALL / (Math.abs(px) + 1e-4);
    near = signs.filter((sign) => sign.side === side && Math.abs(wallZ - sign.z) < sign.halfWidth + 1.1);
    for (const sign of near) {
      const gap = Math.max(0, Math.abs(wallZ - sign.z) - sign.halfWidth);
      sign.beside = gap * gap * 0.5;
      sign.across = (wallZ - sign.z) / (2 * sign.halfWidth) + 0.5;
    }
  }

  function paintWall(y: number, ink: Ink): void {
    const grime = noise.fbm(wallZ * 3.1, y * 5 + side * 40, 3);
    const brick = (y * 26) % 1;
    const course = smooth(0.12, 0.02, Math.abs(brick)) * smooth(4, 1.2, wallZ);
    ink.r = ink.g = ink.b = (0.008 + 0.022 * grime) * (1 - 0.4 * course);
    ink.b *= 1.7;
    paintWindows(y, ink);
    for (const sign of near) {
      const above = Math.abs(y - sign.y) - sign.halfHeight;
      if (sign.beside === 0 && above < 0) return paintSignFace(sign, y, ink);
      const gap = above > 0 ? above * above : 0;
      const glow = 1 / (1 + (sign.beside + gap) * 90) - 0.03;
      if (glow > 0) shine(ink, sign.light, glow * 0.22);
    }
  }

  function paintWindows(y: number, ink: Ink): void {
    const row = Math.floor(y * 5.2);
    const bay = Math.floor(wallZ * 3.4);
    const lit = noise.value(bay * 7.7 + side * 31, row * 5.9);
    if (lit < 0.62) return;
    const inX = Math.abs(wallZ * 3.4 - bay - 0.5);
    const inY = Math.abs(y * 5.2 - row - 0.5);
    const pane = smooth(0.33, 0.31, inX) * smooth(0.36, 0.34, inY) * (inX < 0.02 || inY < 0.025 ? 0.3 : 1);
    shine(
      ink,
      lamp,
      pane * (lit - 0.55) * 1.8 * (0.5 + 0.8 * noise.value(bay * 3 + inX * 5, row * 3 + y * 9) * (0.4 + inY)),
    );
  }

  /** A lit box with a frame and strokes like writing, in no alphabet. */
  function paintSignFace(sign: Sign, y: number, ink: Ink): void {
    const down = (y - sign.y) / (2 * sign.halfHeight) + 0.5;
    const rim = Math.min(sign.across, 1 - sign.across, (Math.min(down, 1 - down) * sign.halfHeight) / sign.halfWidth);
    const cells = Math.max(1, Math.round((sign.halfHeight / sign.halfWidth) * 1.6));
    const gx = clamp01((sign.across - 0.14) / 0.72) * 3;
    const gy = down * cells * 3.6;
    const isGlyph = rim > 0.1 && isStroke(gx, gy % 3.6, sign.face + Math.floor(gy / 3.6) * 7.3) ? 1 : 0;
    const isFrame = rim < 0.055 ? 1 : 0;
    const bright = sign.face % 1 < 0.4 ? 2.3 - 1.9 * isGlyph : 0.16 + 3 * Math.max(isGlyph, isFrame);
    shine(ink, sign.light, bright);
    ink.r += bright * 0.07;
    ink.g += bright * 0.07;
    ink.b += bright * 0.07;
  }

  /** Three bars across and three down in a cell of 3 by 3.6, some of them missing. */
  function isStroke(x: number, y: number, letter: number): boolean {
    if (x <= 0 || x >= 3 || y >= 3) return false;
    const row = Math.floor(y);
    const bar = Math.floor(x);
    const isAcross = Math.abs(y - row - 0.5) < 0.2 && noise.value(letter, row * 3.3 + bar * 0.21) > 0.4;
    return isAcross || (Math.abs(x - bar - 0.5) < 0.17 && noise.value(letter + 5.5, bar * 4.7 + row * 0.3) > 0.46);
  }

  function paintAir(py: number, ink: Ink): void {
    ink.r = fog.r;
    ink.g = fog.g;
    ink.b = fog.b;
    blend(ink, end, Math.exp(-(px * px) * 130 - py * py * 16));
    shine(ink, end, 1.4 * Math.exp(-(px * px) * 420 - py * py * 60));
    dim(ink, 0.55 - 0.43 * smooth(0.02, -0.35, py));
  }

  /** The street without its floor: a wall with fog before it, or the open end. */
  function paintUpright(py: number, ink: Ink, keep: Ink): void {
    paintAir(py, keep);
    paintWall(py * wallZ, ink);
    blend(ink, keep, 1 - Math.exp(-wallZ * 0.16));
  }

  const air: Ink = { r: 0, g: 0, b: 0 };

  function paintFloor(py: number, ink: Ink): void {
    const z = EYE / py;
    const x = px * z;
    const puddle = smooth(0.34, 0.56, noise.fbm(x * 4 + 9, z * 1.7, 4));
    const wobble = (noise.fbm(x * 9, z * 6, 3) - 0.44) * (0.06 + 0.1 * (1 - puddle)) * (0.4 + 0.4 * z);
    const here = px;
    column(clamp01((px + wobble * 0.3) / (aspect * zoom) + 0.5 + lean * 0.4));
    paintUpright(-py * FLOOR_SHINE + wobble, ink, air);
    const gleam = 0.2 + 0.55 * puddle;
    const stones = 0.8 + 0.3 * noise.value(x * 16, z * 11);
    dim(ink, gleam * stones);
    px = here;
    paintAir(py, air);
    blend(ink, air, clamp01(1 - Math.exp(-z * 0.13)) * 0.75);
  }

  let home = 0;
  return {
    column(u) {
      home = u;
      column(u);
    },
    point(v, ink) {
      const py = (v - horizon) * zoom;
      if (py * wallZ < EYE) return paintUpright(py, ink, air);
      paintFloor(py, ink);
      column(home);
    },
  };
}

function hangSigns(random: () => number, neon: readonly Ink[]): Sign[] {
  return Array.from({ length: SIGNS }, (_, i) => {
    const isTall = random() < 0.6;
    const size = 0.05 + random() * 0.08;
    return {
      side: i % 2 === 0 ? -1 : 1,
      z: 0.85 + (i / SIGNS) ** 1.4 * 8 + random() * 0.3,
      y: -0.75 + random() * 0.85,
      halfHeight: isTall ? size * (1.6 + random() * 1.6) : size,
      halfWidth: isTall ? size : size * (1.5 + random()),
      light: neon[Math.floor(random() * neon.length)] ?? { r: 1, g: 1, b: 1 },
      face: random() * 50,
      beside: 0,
      across: 0,
    };
  });
}
