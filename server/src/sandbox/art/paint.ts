import { chooseScene, type SceneName, sceneMakers } from './choose-scene.ts';
import type { Ink } from './ink.ts';
import type { Scene } from './scene.ts';
import { hashText } from './seeded.ts';
import { addGrain, createTone } from './tone.ts';

export interface PaintRequest {
  prompt: string;
  seed: number;
  width: number;
  height: number;
  /** Less processed: flatter, muted, finer grain. */
  raw: boolean;
}

export interface Painting {
  width: number;
  height: number;
  scene: SceneName;
  /** Three bytes a pixel, row by row. */
  rgb: Uint8Array;
}

/** Paints a picture: the same request gives the same bytes. It takes 0.4 to 1.2 µs a pixel, by scene, on one core. */
export function paintPicture(request: PaintRequest): Painting {
  const painting = paintWithoutGrain(request);
  addGrain(painting.rgb, request);
  return painting;
}

/** The same picture before its grain, for callers that enlarge it first: grain must stay one pixel fine. */
export function paintWithoutGrain(request: PaintRequest): Painting {
  const { prompt, width, height } = request;
  const name = chooseScene(prompt, request.seed);
  const seed = (Math.imul(request.seed, 0x27d4eb2f) ^ hashText(prompt)) >>> 0;
  const scene = sceneMakers[name]({ seed, aspect: width / height, prompt });
  const rgb = new Uint8Array(width * height * 3);
  const render = createRenderer({ scene, width, height, raw: request.raw });
  render.every(rgb);
  render.edges(rgb, findEdges(rgb, width, height));
  return { width, height, scene: name, rgb };
}

/** Places inside a pixel that edges are looked at from: a turned square, so that no two share a column or row. */
const EDGE_SAMPLES = [
  [-0.375, -0.125],
  [-0.125, 0.375],
  [0.125, -0.375],
  [0.375, 0.125],
] as const;

function createRenderer(options: { scene: Scene; width: number; height: number; raw: boolean }) {
  const { scene, width, height } = options;
  const tone = createTone(options.raw);
  const ink: Ink = { r: 0, g: 0, b: 0 };
  const seen = new Float32Array(3);

  function look(u: number, v: number): void {
    scene.point(v, ink);
    tone.develop(ink, tone.corner(u, v), seen, 0);
  }

  function every(rgb: Uint8Array): void {
    for (let x = 0; x < width; x++) {
      const u = (x + 0.5) / width;
      scene.column(u);
      for (let y = 0, at = x * 3; y < height; y++, at += width * 3) {
        look(u, (y + 0.5) / height);
        rgb[at] = (seen[0] ?? 0) + 0.5;
        rgb[at + 1] = (seen[1] ?? 0) + 0.5;
        rgb[at + 2] = (seen[2] ?? 0) + 0.5;
      }
    }
  }

  /** Paints the marked pixels again from four places each: smooth edges at a tenth of the price of all. */
  function edges(rgb: Uint8Array, marks: Uint8Array): void {
    const sums = new Float32Array(height * 3);
    for (let x = 0; x < width; x++) {
      sums.fill(0);
      for (const [dx, dy] of EDGE_SAMPLES) {
        const u = (x + 0.5 + dx) / width;
        scene.column(u);
        for (let y = 0; y < height; y++) {
          if (marks[y * width + x] !== 1) continue;
          look(u, (y + 0.5 + dy) / height);
          for (let i = 0; i < 3; i++) sums[y * 3 + i] = (sums[y * 3 + i] ?? 0) + (seen[i] ?? 0);
        }
      }
      for (let y = 0; y < height; y++) {
        if (marks[y * width + x] !== 1) continue;
        const at = (y * width + x) * 3;
        for (let i = 0; i < 3; i++) rgb[at + i] = (sums[y * 3 + i] ?? 0) / EDGE_SAMPLES.length + 0.5;
      }
    }
  }

  return { every, edges };
}

/** How much two neighbours may differ (sum of channels, of 765) before both count as an edge. */
const EDGE_CONTRAST = 48;

function findEdges(rgb: Uint8Array, width: number, height: number): Uint8Array {
  const marks = new Uint8Array(width * height);
  const differs = (a: number, b: number) => {
    let sum = 0;
    for (let i = 0; i < 3; i++) sum += Math.abs((rgb[a * 3 + i] ?? 0) - (rgb[b * 3 + i] ?? 0));
    return sum > EDGE_CONTRAST;
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const here = y * width + x;
      if (x + 1 < width && differs(here, here + 1)) marks[here] = marks[here + 1] = 1;
      if (y + 1 < height && differs(here, here + width)) marks[here] = marks[here + width] = 1;
    }
  }
  return marks;
}
