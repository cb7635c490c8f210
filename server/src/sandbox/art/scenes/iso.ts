import { type Ink, blend, colour, dim, palette, put, shine } from '../ink.ts';
import { createNoise } from '../noise.ts';
import { length2, smooth } from '../scalar.ts';
import type { Frame, Scene } from '../scene.ts';
import { pick, seededRandom } from '../seeded.ts';

const LOOKS = [
  {
    walls: '#f3c9a5 #e58f6c #c9d8c5 #86afa3 #f7ead6 #6b5560',
    ground: '#fff1e2 #f0c4a2',
    lawn: '#9fb57a',
    tree: '#5f8f5c',
  },
  {
    walls: '#f0d9b5 #d98563 #9fc0c9 #5f8aa6 #fbf0dd #4d5268',
    ground: '#f3f4ef #d3cbbd',
    lawn: '#a3bb86',
    tree: '#4f8870',
  },
  {
    walls: '#f7c8cf #d9809a #b8b7e0 #7d80c4 #fbeef2 #56497a',
    ground: '#f6f0ff #cfc2e6',
    lawn: '#a5c3a0',
    tree: '#5a9a8a',
  },
] as const;

const SIDE = 11;
/** Nothing stands higher than this, so rays start here. */
const HEIGHT_MAX = 4.6;
/** Every fourth row and column is a street. */
const BLOCK = 4;
const SLAB = 0.4;
const SUN = { i: -0.55, j: 0.28, h: 0.8 } as const;

interface Block {
  i0: number;
  i1: number;
  j0: number;
  j1: number;
  h0: number;
  h1: number;
  paint: Ink;
  kind: 'house' | 'roof' | 'tree';
  mark: number;
}

const DASHES: Ink = { r: 0.9, g: 0.88, b: 0.82 };

/** A small town on a plate, seen from above at an equal angle to all three axes. */
export function paintIso({ seed, aspect }: Frame): Scene {
  const noise = createNoise(seed);
  const random = seededRandom(seed);
  const look = pick(LOOKS, random());
  const lots = buildTown(random, palette(look.walls), colour(look.tree));
  const [above, below] = palette(look.ground);
  const lawn = colour(look.lawn);
  const paving = colour('#e9dfd2');
  const street = colour('#6e6a74');
  const lamp = colour('#ffcf86');
  const scale = Math.max(SIDE * 1.3, (SIDE * 1.84) / aspect);
  let right = 0;
  // What the last ray met.
  const hit: { block: Block | null; h: number; face: 'top' | 'left' | 'right' } = { block: null, h: 0, face: 'top' };

  /** The ray through the pixel is i = y + h + right, j = y + h - right; it comes from above, so h falls. */
  function trace(y: number): Block | null {
    hit.block = null;
    let i = Math.floor(y + HEIGHT_MAX + right);
    let j = Math.floor(y + HEIGHT_MAX - right);
    for (let steps = 0; steps < 4 * SIDE; steps++) {
      const leave = Math.max(i - y - right, j - y + right);
      if (i < SIDE && j < SIDE && i >= 0 && j >= 0) {
        for (const block of lots[i * SIDE + j] ?? []) tryBlock(block, y);
        if (hit.block !== null) return hit.block;
      }
      if (leave < 0) break;
      if (i - y - right > j - y + right) i--;
      else j--;
    }
    return null;
  }

  function tryBlock(block: Block, y: number): void {
    const byI = block.i1 - y - right;
    const byJ = block.j1 - y + right;
    const enter = Math.min(byI, byJ, block.h1);
    const exit = Math.max(block.i0 - y - right, block.j0 - y + right, block.h0);
    if (enter <= exit || (hit.block !== null && enter <= hit.h)) return;
    hit.block = block;
    hit.h = enter;
    hit.face = enter === block.h1 ? 'top' : enter === byI ? 'right' : 'left';
  }

  /** How much of the sun is hidden from a point: 1 in full shade. */
  function shade(i: number, j: number, height: number): number {
    for (let step = 1; step < 26; step++) {
      const t = step * 0.17;
      const up = height + SUN.h * t;
      if (up > HEIGHT_MAX) return 0;
      const ci = Math.floor(i + SUN.i * t);
      const cj = Math.floor(j + SUN.j * t);
      if (ci < 0 || cj < 0 || ci >= SIDE || cj >= SIDE) return 0;
      for (const block of lots[ci * SIDE + cj] ?? []) if (isCrossed(block, i, j, height)) return 1;
    }
    return 0;
  }

  function isCrossed(block: Block, i: number, j: number, height: number): boolean {
    // SUN.i is negative and SUN.j positive: the entering faces are i1 and j0.
    const enter = Math.max((block.i1 - i) / SUN.i, (block.j0 - j) / SUN.j, (block.h0 - height) / SUN.h, 0.004);
    const leave = Math.min((block.i0 - i) / SUN.i, (block.j1 - j) / SUN.j, (block.h1 - height) / SUN.h);
    return enter < leave;
  }

  function paintGround(y: number, ink: Ink): void {
    const i = y + right;
    const j = y - right;
    if (i < 0 || j < 0 || i > SIDE || j > SIDE) return paintBackdrop(y, ink);
    const inI = i % BLOCK;
    const inJ = j % BLOCK;
    const alongI = inI > BLOCK - 1;
    const alongJ = inJ > BLOCK - 1;
    if (alongI || alongJ) {
      put(ink, street);
      const across = alongI ? inI - BLOCK + 0.5 : inJ - BLOCK + 0.5;
      const along = alongI ? j : i;
      if (alongI !== alongJ && Math.abs(across) < 0.025 && (along * 2.5) % 1 < 0.5) put(ink, DASHES);
      if (alongI !== alongJ && Math.abs(across) > 0.43) put(ink, paving);
    } else {
      put(ink, isPark(i, j) ? lawn : paving);
      dim(ink, 0.95 + 0.1 * noise.value(i * 9, j * 9));
    }
    dim(ink, 1.02 - 0.45 * shade(i, j, 0.001));
  }

  function isPark(i: number, j: number): boolean {
    return (lots[Math.floor(i) * SIDE + Math.floor(j)] ?? []).some((block) => block.kind === 'tree');
  }

  function paintBackdrop(y: number, ink: Ink): void {
    // The plate's two visible edges hang below its front corner lines.
    const byI = SIDE - y - right;
    const byJ = SIDE - y + right;
    const drop = Math.min(byI, byJ);
    const isOnPlate = drop < 0 && drop > -SLAB && y + drop + right >= 0 && y + drop - right >= 0;
    if (isOnPlate) {
      put(ink, paving);
      dim(ink, byI < byJ ? 0.62 : 0.8);
      return;
    }
    const dy = (y - SIDE / 2 - 1.1) / SIDE;
    const dx = right / SIDE;
    put(ink, above ?? paving);
    blend(ink, below ?? paving, smooth(-1, 1, dy));
    dim(ink, 1 - 0.3 * Math.exp(-(dx * dx * 5 + dy * dy * 7)));
  }

  function paintBlock(block: Block, y: number, ink: Ink): void {
    const { h, face } = hit;
    const i = y + h + right;
    const j = y + h - right;
    put(ink, block.paint);
    const dark = face === 'right' ? 1 : shade(i, j, h + 0.002);
    if (face === 'top') dim(ink, 1.08 - 0.42 * dark);
    else if (face === 'left') dim(ink, 0.84 - 0.3 * dark);
    else dim(ink, 0.47);
    if (block.kind === 'tree') dim(ink, 0.9 + 0.25 * noise.value(i * 14 + h * 9, j * 14));
    if (face !== 'top') dim(ink, 0.86 + 0.14 * smooth(0, 0.7, h));
    else if (block.kind !== 'tree') paintRoof(block, i, j, ink);
    if (face !== 'top' && block.kind === 'house')
      paintWindows(block, face === 'right' ? j - block.j0 : i - block.i0, ink);
  }

  function paintRoof(block: Block, i: number, j: number, ink: Ink): void {
    const rim = Math.min(i - block.i0, block.i1 - i, j - block.j0, block.j1 - j);
    if (rim < 0.045) dim(ink, 1.1);
    else if (rim < 0.075) dim(ink, 0.82);
  }

  function paintWindows(block: Block, along: number, ink: Ink): void {
    const { h, face } = hit;
    const storeys = (block.h1 - h) * 2.9;
    const bays = along * 4.6;
    const inX = Math.abs(bays - Math.floor(bays) - 0.5);
    const inY = Math.abs(storeys - Math.floor(storeys) - 0.55);
    if (inX > 0.27 || inY > 0.27 || h - block.h0 < 0.1 || bays < 0.35) return;
    const lit = noise.value(Math.floor(bays) * 5.3 + block.mark, Math.floor(storeys) * 3.9 + (face === 'left' ? 7 : 0));
    if (lit > 0.56) {
      put(ink, lamp);
      shine(ink, lamp, 0.25 * (lit - 0.5));
    } else dim(ink, 0.55 + 0.25 * lit);
  }

  return {
    column(u) {
      right = ((u - 0.5) * aspect * scale) / (2 * Math.cos(Math.PI / 6));
    },
    point(v, ink) {
      const y = (v - 0.5) * scale + SIDE / 2 - 0.75;
      const block = trace(y);
      if (block === null) paintGround(y, ink);
      else paintBlock(block, y, ink);
    },
  };
}

/** What stands on each cell of the plate. */
function buildTown(random: () => number, walls: readonly Ink[], leaf: Ink): Block[][] {
  return Array.from({ length: SIDE * SIDE }, (_, cell) => {
    const i = Math.floor(cell / SIDE);
    const j = cell % SIDE;
    if (i % BLOCK === BLOCK - 1 || j % BLOCK === BLOCK - 1)
      return random() < 0.13 ? [parkCar(random, i, j, walls)] : [];
    if (random() < 0.2) return plantTrees(random, i, j, leaf);
    return buildHouse(random, i, j, walls);
  });
}

function buildHouse(random: () => number, i: number, j: number, walls: readonly Ink[]): Block[] {
  const middle = length2(i - SIDE / 2, j - SIDE / 2) / SIDE;
  const storeys = 1 + Math.floor(random() ** 1.6 * 9 * (1.1 - middle));
  const h1 = 0.12 + storeys * 0.345;
  const paint = walls[Math.floor(random() * walls.length)] ?? leafless;
  const gap = 0.06 + random() * 0.06;
  const house: Block = {
    i0: i + gap,
    i1: i + 1 - gap,
    j0: j + gap,
    j1: j + 1 - gap,
    h0: 0,
    h1,
    paint,
    kind: 'house',
    mark: random() * 90,
  };
  const blocks = [house];
  if (storeys > 3 && random() < 0.7) {
    const top = h1 + 0.345 * Math.ceil(random() * 3);
    blocks.push({
      ...house,
      i0: i + 0.24,
      i1: i + 0.76,
      j0: j + 0.24,
      j1: j + 0.76,
      h0: h1,
      h1: Math.min(top, HEIGHT_MAX - 0.1),
      mark: random() * 90,
    });
  } else if (random() < 0.65) {
    const at = 0.25 + random() * 0.25;
    blocks.push({
      ...house,
      i0: i + at,
      i1: i + at + 0.26,
      j0: j + 0.3,
      j1: j + 0.52,
      h0: h1,
      h1: h1 + 0.16,
      kind: 'roof',
    });
  }
  return blocks;
}

const leafless: Ink = { r: 0.8, g: 0.8, b: 0.8 };

function plantTrees(random: () => number, i: number, j: number, leaf: Ink): Block[] {
  return [0.28, 0.72].flatMap((at, row) => {
    const ci = i + at + (random() - 0.5) * 0.12;
    const cj = j + (row === 0 ? 0.62 : 0.34) + (random() - 0.5) * 0.2;
    const tall = 0.42 + random() * 0.4;
    const crown = (half: number, h0: number, h1: number): Block => ({
      i0: ci - half,
      i1: ci + half,
      j0: cj - half,
      j1: cj + half,
      h0,
      h1,
      paint: leaf,
      kind: 'tree',
      mark: 0,
    });
    return [
      crown(0.03, 0, 0.2),
      crown(0.19, 0.18, tall * 0.75),
      crown(0.13, tall * 0.75, tall),
      crown(0.07, tall, tall + 0.12),
    ];
  });
}

function parkCar(random: () => number, i: number, j: number, walls: readonly Ink[]): Block {
  const alongI = j % BLOCK === BLOCK - 1;
  const lane = random() < 0.5 ? 0.28 : 0.72;
  const [ci, cj] = alongI ? [i + 0.5, j + lane] : [i + lane, j + 0.5];
  const [di, dj] = alongI ? [0.17, 0.08] : [0.08, 0.17];
  const paint = walls[Math.floor(random() * walls.length)] ?? leafless;
  return { i0: ci - di, i1: ci + di, j0: cj - dj, j1: cj + dj, h0: 0.02, h1: 0.14, paint, kind: 'roof', mark: 0 };
}
