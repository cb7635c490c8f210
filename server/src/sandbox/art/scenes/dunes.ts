import { type Ink, blend, colour, palette, put, ramp } from '../ink.ts';
import { createNoise } from '../noise.ts';
import { clamp01, mix, slopeLength, smooth } from '../scalar.ts';
import type { Frame, Scene } from '../scene.ts';
import { pick, seededRandom } from '../seeded.ts';
import { createSky } from '../sky.ts';
import { createTerrain } from '../terrain.ts';

const LOOKS = [
  { sky: '#4f8bb0 #93bccb #e8d9c2 #fbe3c4', sand: '#54291c #a85c33 #e39a56 #ffd79c', sun: '#ffe3b0' },
  { sky: '#c97f5c #ecab7a #fbd3a0 #ffe6bf', sand: '#5a2a1e #b0613a #eba765 #ffdfa6', sun: '#ffdb9a' },
  { sky: '#4a4f86 #9a7ba3 #e8a898 #ffd0a6', sand: '#3c2440 #8f4a55 #dd8566 #ffc596', sun: '#ffcf9f' },
] as const;

const HORIZON = 0.36;
/** Steepness of the wind side and of the slip face, as shares of one dune's length. */
const WIND_SHARE = 0.72;

/** Sand dunes in low side light. */
export function paintDunes({ seed, aspect }: Frame): Scene {
  const noise = createNoise(seed);
  const random = seededRandom(seed);
  const look = pick(LOOKS, random());
  const sunSide = random() < 0.5 ? -1 : 1;
  const sand = palette(look.sand);
  const sky = createSky(
    {
      aspect,
      colours: palette(look.sky),
      horizon: HORIZON + 0.03,
      sunU: 0.5 + sunSide * (0.2 + random() * 0.12),
      sunV: 0.13 + random() * 0.06,
      sunSize: 0.026,
      sunColour: colour(look.sun),
      cloudShade: colour(look.sun),
      cloudLight: colour(look.sun),
      clouds: 0,
    },
    noise,
  );

  function heightAt(x: number, z: number): number {
    const warp = noise.fbm(x * 0.16 + 3, z * 0.16, 2) * 2.8;
    const along = z * 0.1 - x * 0.27 * sunSide + warp;
    const cell = Math.floor(along);
    const share = along - cell;
    const size = (0.5 + 1.1 * noise.value(x * 0.11 + 7, z * 0.11)) * smooth(70, 20, z);
    const rise =
      share < WIND_SHARE ? smooth(0, WIND_SHARE * 1.25, share) * 1.12 : ((1 - share) / (1 - WIND_SHARE)) ** 1.2;
    return size * Math.min(1, rise) * 1.15 + noise.value(x * 0.05, z * 0.05) * 1.6;
  }
  const terrain = createTerrain({ horizon: HORIZON, eyeHeight: 3.5, focal: 1.1, near: 1.1, far: 80 }, heightAt);
  const { ground } = terrain;
  const air: Ink = { r: 0, g: 0, b: 0 };
  const glare = colour(look.sun);
  let u = 0;

  function paintSand(ink: Ink): void {
    const length = slopeLength(ground.slopeX, ground.slopeZ);
    const wander = noise.fbm(ground.x * 0.8, ground.z * 0.8, 3);
    const ripples = Math.sin((ground.x * 0.5 * sunSide + ground.z) * 26 + wander * 34) * smooth(15, 3, ground.z);
    const facing = (-ground.slopeX * sunSide * 0.9 + 0.12 * ground.slopeZ + 0.2 + ripples * 0.045) / length;
    const light = smooth(-0.16, 0.74, facing);
    const grit = noise.value(ground.x * 90, ground.z * 60) * 0.05 * smooth(9, 3, ground.z);
    ramp(ink, sand, clamp01(0.04 + light * 0.84 + (wander - 0.45) * 0.16 + grit));
    blend(ink, glare, 0.16 * smooth(0.75, 1, light));
    blend(ink, air, clamp01(1 - Math.exp(-(ground.z - 3) * 0.03)) * mix(0.6, 1, light));
  }

  return {
    column(at) {
      u = at;
      terrain.column((u - 0.5) * aspect);
      sky.paintPlain(u, HORIZON, air);
    },
    point(v, ink) {
      if (terrain.hit(v)) paintSand(ink);
      else if (v < HORIZON + 0.03) sky.paint(u, v, ink);
      else put(ink, glare);
    },
  };
}
