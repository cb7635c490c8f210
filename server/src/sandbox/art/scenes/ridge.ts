import { createConifers } from '../conifers.ts';
import { type Ink, blend, colour, palette, put } from '../ink.ts';
import { createNoise } from '../noise.ts';
import { clamp01, mix, smooth } from '../scalar.ts';
import type { Frame, Scene } from '../scene.ts';
import { pick, seededRandom } from '../seeded.ts';
import { createSky } from '../sky.ts';

const LOOKS = [
  { sky: '#2b3a67 #6f6c9f #d99a86 #ffc98f #ffe7bd', sun: '#ffc27a', rock: '#3a3152', lit: '#ffb98a', mist: '#f2b892' },
  { sky: '#17324f #4477a2 #a9b3c4 #f5c3a6 #ffe3c0', sun: '#ffc79a', rock: '#213a54', lit: '#ffd0a8', mist: '#d9c6c2' },
  { sky: '#221d40 #63406f #c96468 #ffa766 #ffd99a', sun: '#ffa35c', rock: '#33234a', lit: '#ff9a6e', mist: '#e08c74' },
] as const;

const LAYERS = 6;
const HORIZON = 0.56;
const SNOW: Ink = { r: 0.8, g: 0.82, b: 0.88 };

/** Mountain ranges behind each other with mist in the valleys and firs in front. */
export function paintRidge({ seed, aspect }: Frame): Scene {
  const noise = createNoise(seed);
  const random = seededRandom(seed);
  const look = pick(LOOKS, random());
  const sunU = 0.24 + random() * 0.5;
  const sky = createSky(
    {
      aspect,
      colours: palette(look.sky),
      horizon: HORIZON,
      sunU,
      sunV: 0.2 + random() * 0.06,
      sunSize: 0.03,
      sunColour: colour(look.sun),
      cloudShade: colour(look.mist),
      cloudLight: colour(look.lit),
      clouds: 0.2 + random() * 0.3,
    },
    noise,
  );
  const layers = Array.from({ length: LAYERS }, (_, i) => {
    const near = i / (LAYERS - 1);
    return {
      near,
      base: 0.47 + 0.44 * near ** 1.15,
      rise: mix(0.4, 0.2, near),
      // Near hills are seen larger, so their features are wider.
      scale: mix(1.5, 0.8, near) * (0.85 + random() * 0.3),
      row: 13.7 * i + random() * 40,
      top: 1,
    };
  });
  const firs = createConifers(noise, { aspect, perWidth: 24, base: 0.975, size: 0.2, sway: 0.09 });
  const mist = colour(look.mist);
  const rock = colour(look.rock);
  const lit = colour(look.lit);
  const fir: Ink = { r: rock.r * 0.16, g: rock.g * 0.2, b: rock.b * 0.16 };
  const air: Ink = { r: 0, g: 0, b: 0 };
  let u = 0;
  let x = 0;

  function paintRange(layer: (typeof layers)[number], v: number, ink: Ink): void {
    const down = v - layer.top;
    const fx = x * layer.scale * 3.2 + layer.row;
    const fy = down * 7 + layer.row;
    // Under the sun the light comes from straight ahead; a step from left to right there would show as a seam.
    const towardsSun = 0.09 * mix(-1, 1, smooth(-0.2, 0.2, sunU - u)) + 0.001;
    const relief = noise.ridged(fx, fy, 4);
    const slope = noise.ridged(fx + towardsSun, fy, 4) - relief;
    const grain = noise.fbm(x * 22 + layer.row, v * 30, 3);
    const light = smooth(-0.16, 0.2, -slope + (grain - 0.44) * 0.16) * smooth(0.5, 0, down * (0.6 + layer.near));
    put(ink, rock);
    const snow = smooth(0.11, 0.02, down + (relief - 0.4) * 0.16) * smooth(0.55, 0.1, layer.near);
    blend(ink, SNOW, snow * 0.85);
    const rough = mix(0.85, 1.1, grain);
    ink.r *= rough * (0.5 + 1.25 * lit.r * light);
    ink.g *= rough * (0.5 + 1.25 * lit.g * light);
    ink.b *= rough * (0.6 + 1.15 * lit.b * light);
    sky.paintPlain(u, mix(0.34, 0.46, layer.near), air);
    blend(ink, air, mix(0.74, 0.02, layer.near ** 0.62));
    const drift = noise.fbm(x * 1.6 + layer.row, v * 5, 3);
    const pool = smooth(0.03, 0.3, down + (drift - 0.45) * 0.2) * (1 - 0.55 * layer.near);
    blend(ink, mist, clamp01(pool * 0.95));
  }

  return {
    column(at) {
      u = at;
      x = u * aspect;
      firs.column(u);
      for (const layer of layers) {
        const line = noise.ridged(x * layer.scale + layer.row, layer.row * 1.3, 7);
        layer.top = layer.base - layer.rise * (line - 0.18) - 0.03 * noise.value(x * 0.8 + layer.row, 2.5);
      }
    },
    point(v, ink) {
      if (firs.inside(v) > 0) {
        put(ink, fir);
        return;
      }
      for (let i = LAYERS - 1; i >= 0; i--) {
        const layer = layers[i];
        if (layer !== undefined && v > layer.top) return paintRange(layer, v, ink);
      }
      sky.paint(u, Math.min(v, HORIZON), ink);
    },
  };
}
