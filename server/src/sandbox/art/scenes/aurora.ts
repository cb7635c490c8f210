import { type Ink, blend, colour, dim, palette, put, ramp, shine } from '../ink.ts';
import { createConifers } from '../conifers.ts';
import { createNoise } from '../noise.ts';
import { clamp01, mix, smooth } from '../scalar.ts';
import type { Frame, Scene } from '../scene.ts';
import { pick, seededRandom } from '../seeded.ts';

const LOOKS = [
  { night: '#050a1c #0a1a33 #123a4c #1d5a5e', low: '#4dffa6', high: '#7a5cff' },
  { night: '#080718 #141238 #22265e #34498a', low: '#5ff0d0', high: '#e05cff' },
  { night: '#04101c #082434 #0d4048 #1a6658', low: '#8cff7a', high: '#2fb8ff' },
] as const;

const SHORE = 0.82;
const CURTAINS = 3;

/** Northern lights over a lake with firs. */
export function paintAurora({ seed, aspect }: Frame): Scene {
  const noise = createNoise(seed);
  const random = seededRandom(seed);
  const look = pick(LOOKS, random());
  const night = palette(look.night);
  const low = colour(look.low);
  const high = colour(look.high);
  const lean = (random() - 0.5) * 0.5;
  const firs = createConifers(noise, { aspect, perWidth: 46, base: SHORE - 0.004, size: 0.13, sway: 0.025 });
  const curtains = Array.from({ length: CURTAINS }, (_, i) => ({
    base: 0.34 + i * 0.11 + random() * 0.05,
    row: i * 9.7,
    foot: 0,
    rays: 0,
    power: 0,
  }));
  const needle: Ink = { r: 0.004, g: 0.008, b: 0.013 };
  const star: Ink = { r: 0.9, g: 0.95, b: 1.1 };
  let x = 0;
  let hill = 0;

  function column(u: number): void {
    x = u * aspect;
    hill = SHORE - 0.045 - 0.15 * noise.ridged(x * 0.8 + 3, 8.5, 6);
    firs.column(u);
    for (const curtain of curtains) {
      const fold = noise.fbm(x * 0.62 + curtain.row, curtain.row, 3) - 0.45;
      const wave = noise.value(x * 3.6 + curtain.row, 3.3) - 0.5;
      curtain.foot = curtain.base + fold * 0.75 + wave * 0.06 + (u - 0.5) * lean;
      const rays = noise.value(x * 48 + curtain.row, 1.2) * 0.45 + noise.value(x * 15 + curtain.row, 5.1) * 0.75;
      curtain.rays = 0.18 + 1.05 * rays * rays;
      curtain.power = smooth(0.3, 0.72, noise.value(x * 1.5 + curtain.row * 3, 12.5)) + 0.06;
    }
  }

  function paintSky(v: number, ink: Ink): void {
    ramp(ink, night, v / SHORE);
    for (const { foot, rays, power } of curtains) {
      const up = foot - v;
      if (up < -0.05) continue;
      const body = up < 0 ? smooth(-0.035, 0, up) : Math.exp(-up * (5 + 4 * (1 - rays)));
      const glow = body * rays * power;
      const hue = clamp01(up * 3.6 - 0.08);
      ink.r += mix(low.r, high.r, hue) * glow * 0.9;
      ink.g += mix(low.g, high.g, hue) * glow * 0.9;
      ink.b += mix(low.b, high.b, hue) * glow * 0.9;
      shine(ink, star, 0.16 * glow * Math.exp(-Math.abs(up - 0.01) * 40));
    }
  }

  /** At most one star a cell, each with its own place, size and brightness. */
  function paintStar(v: number, ink: Ink): void {
    const cells = 62;
    const cx = Math.floor(x * cells);
    const cy = Math.floor(v * cells);
    const bright = noise.value(cx * 3.7 + 0.5, cy * 5.3 + 0.5);
    if (bright < 0.72) return;
    const dx = x * cells - cx - 0.2 - 0.6 * noise.value(cx * 7.1, cy * 2.9);
    const dy = v * cells - cy - 0.2 - 0.6 * noise.value(cx * 1.9, cy * 6.7);
    const size = 0.0045 + (bright - 0.72) * 0.03;
    shine(ink, star, Math.exp((-(dx * dx + dy * dy) / size) * 0.6) * (bright - 0.69) * 9 * (1 - v));
  }

  function paintAbove(v: number, ink: Ink, isMirrored: boolean): void {
    if (firs.inside(v) > 0) {
      put(ink, needle);
      return;
    }
    if (v > hill) {
      ramp(ink, night, 0.45);
      const texture = noise.fbm(x * 6, v * 11, 4);
      dim(ink, 0.25 + 0.45 * texture);
      shine(ink, low, 0.03 * texture);
      blend(ink, low, 0.06 * smooth(hill, SHORE, v));
      return;
    }
    paintSky(v, ink);
    if (!isMirrored) paintStar(v, ink);
  }

  return {
    column,
    point(v, ink) {
      if (v < SHORE) return paintAbove(v, ink, false);
      const depth = v - SHORE;
      const far = 1 / (depth + 0.03);
      const ripple = noise.fbm(x * 3 * far * 0.3, far * 5.5, 3) - 0.44;
      paintAbove(SHORE - depth * 1.9 - 0.004 + ripple * (0.03 + depth * 0.34), ink, true);
      dim(ink, 0.62 - depth);
      ink.b += 0.006;
      shine(ink, low, 0.02 * smooth(0.03, 0, depth));
    },
  };
}
