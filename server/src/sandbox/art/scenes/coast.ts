import { type Ink, blend, colour, dim, palette, put, shine } from '../ink.ts';
import { createNoise } from '../noise.ts';
import { clamp01, mix, slopeLength, smooth } from '../scalar.ts';
import type { Frame, Scene } from '../scene.ts';
import { pick, seededRandom } from '../seeded.ts';
import { createSky, haze } from '../sky.ts';
import { CAR_REACH_BOTTOM, CAR_REACH_TOP, CAR_REACH_X, createSportsCar, wantsSportsCar } from '../sports-car.ts';
import { createTerrain } from '../terrain.ts';

const LOOKS = [
  {
    sky: '#27335c #6d5a8c #d9776a #ffb26b #ffdfa3',
    sun: '#ffb765',
    shade: '#6b4a6e',
    light: '#ff9a6b',
    rock: '#8a6a58',
  },
  {
    sky: '#1d3557 #4d6a96 #b98a9c #f3a988 #ffd9ae',
    sun: '#ffa876',
    shade: '#58536f',
    light: '#ffab8a',
    rock: '#857365',
  },
  {
    sky: '#33264f #80487a #e0645c #ff9a55 #ffd08a',
    sun: '#ff9d4d',
    shade: '#5a3356',
    light: '#ff7f5a',
    rock: '#84605a',
  },
] as const;

const ROAD_HALF = 0.62;
const ROAD_HEIGHT = 1.15;
const HORIZON = 0.46;
const FOCAL = 1.05;
const FAR = 90;
const PALE: Ink = { r: 0.7, g: 0.55, b: 0.5 };

/** A road on a cliff above the evening sea. */
export function paintCoast({ seed, aspect, prompt }: Frame): Scene {
  const noise = createNoise(seed);
  const random = seededRandom(seed);
  const look = pick(LOOKS, random());
  // In tall pictures the cliff comes close: the eye turns a little to the sea, and the sun stands higher.
  const tall = Math.max(0, 1.3 - aspect);
  const pan = -0.14 * tall;
  const sunU = 0.2 + random() * 0.2 - 0.12 * tall;
  const sunV = HORIZON - 0.075 - 0.14 * tall;
  const bend = 0.85 + random() * 0.5;
  const phase = 2.2 + random() * 1.2;
  const sky = createSky(
    {
      aspect,
      colours: palette(look.sky),
      horizon: HORIZON,
      sunU,
      sunV,
      sunSize: 0.034,
      sunColour: colour(look.sun),
      cloudShade: colour(look.shade),
      cloudLight: colour(look.light),
      clouds: 0.35 + random() * 0.3,
    },
    noise,
  );
  const hasCar = wantsSportsCar(prompt);
  // A car is the subject: the eye goes down to it, and the road moves over to bring its lane to the middle.
  const eye = hasCar ? 0.38 : 0.62;
  const roadStart = hasCar ? -0.16 : 0.15;
  const roadMiddle = tabulate(FAR, (z) => {
    const winding = Math.sin(z * 0.34 + phase) - Math.sin(phase);
    return roadStart + bend * winding * smooth(0, 8, z) * (1 + z * 0.045);
  });

  function heightAt(x: number, z: number): number {
    const s = x - roadMiddle(z);
    if (s < -0.9) {
      const drop = ROAD_HEIGHT - (-s - 0.9) * 1.9 + (noise.fbm(x * 1.6, z * 1.3, 4) - 0.42) * 1.3;
      return Math.max(0, Math.min(ROAD_HEIGHT, drop));
    }
    if (s < -0.7) return ROAD_HEIGHT + 0.1 * smooth(-0.7, -0.78, s) * smooth(-0.9, -0.86, s);
    if (s < 0.86) return ROAD_HEIGHT;
    const up = s - 0.86;
    const crag = noise.ridged(x * 0.5, z * 0.42, 4);
    return ROAD_HEIGHT + Math.min((up * up * 1.8) / (up + 0.4), 1.1 + up * 0.18) * (0.35 + 1.5 * crag);
  }
  const terrain = createTerrain(
    { horizon: HORIZON, eyeHeight: ROAD_HEIGHT + eye, focal: FOCAL, near: 0.55, far: FAR },
    heightAt,
  );
  const { ground } = terrain;
  const air: Ink = { r: 0, g: 0, b: 0 };
  const sunColour = colour(look.sun);
  // On land the light is paler than the sun itself, or every hill turns to rust.
  const landLight = colour(look.sun);
  blend(landLight, PALE, 0.45);
  const rock = colour(look.rock);
  const grass = colour('#525a3c');
  const deep = colour('#16283f');
  const asphalt = colour('#41434f');
  const paintWhite = colour('#e9ddcd');
  const paintYellow = colour('#f2b544');
  const stone = colour('#8a7468');
  const car = createSportsCar(prompt, palette(look.sky), sunColour);
  const carZ = 1.02 * Math.max(1, 0.95 / aspect);
  const carSize = (0.175 * FOCAL) / carZ;
  const carX = ((roadMiddle(carZ) + 0.27) * FOCAL) / carZ - pan;
  const carV = HORIZON + (FOCAL * eye) / carZ;
  let u = 0;

  function paintSea(v: number, ink: Ink): void {
    const down = (v - HORIZON) / (1 - HORIZON);
    const z = 1 / (down + 0.012);
    const x = (u - 0.5) * aspect * z;
    const wave = noise.fbm(x * 0.9 + 3, z * 2.1, 3) - 0.44;
    const fine = noise.fbm(x * 7, z * 15, 3) - 0.44;
    sky.paintPlain(u, HORIZON - (v - HORIZON) * 0.75 - 0.02 + (wave * 0.12 + fine * 0.1) * (0.3 + down), ink);
    dim(ink, 0.72 - 0.2 * down);
    blend(ink, deep, clamp01(0.12 + down * 0.75 + wave * 0.9) * 0.8);
    const off = (u - sunU) * aspect;
    const path = Math.exp((-off * off) / (0.002 + down * 0.06));
    shine(ink, sunColour, path * (smooth(-0.02, 0.16, fine + wave * 0.4) * 2.6 + 0.2));
    blend(ink, air, Math.exp(-down * 26) * 0.6);
  }

  function paintRoad(s: number, ink: Ink): void {
    const grit = noise.value(ground.x * 60, ground.z * 24) * 0.12 + noise.fbm(ground.x * 3, ground.z * 0.6, 3) * 0.3;
    put(ink, asphalt);
    dim(ink, 0.42 + grit);
    const wear = 0.78 + 0.3 * noise.value(ground.x * 30, ground.z * 9);
    if (Math.abs(s) < 0.017 && (ground.z * 1.1) % 1 < 0.55) blend(ink, paintYellow, wear);
    if (Math.abs(Math.abs(s) - 0.53) < 0.014) blend(ink, paintWhite, wear * 0.9);
    // Low sun makes old asphalt gleam where it lies before us.
    const off = (u - sunU) * aspect;
    shine(ink, sunColour, 0.055 * Math.exp(-off * off * 2.2) * (0.6 + grit * 2));
  }

  function paintLand(s: number, ink: Ink): void {
    const coarse = noise.fbm(ground.x * 4.2, ground.z * 3.4 + ground.y * 5, 3);
    const texture = coarse * 0.55 + 0.5 * noise.fbm(ground.x * 21, ground.z * 17 + ground.y * 24, 4);
    const strata = noise.value(ground.x * 1.3, ground.y * 16 + texture * 5);
    put(ink, rock);
    blend(ink, grass, smooth(0.4, 0.58, texture + 0.12 - Math.abs(ground.slopeX) * 0.09));
    if (s < 0 && s > -0.9) put(ink, stone);
    const length = slopeLength(ground.slopeX, ground.slopeZ);
    const facing = (ground.slopeX * 0.75 + ground.slopeZ * -0.5 + 0.12) / length;
    const lit = smooth(-0.1, 1, facing + (texture - 0.45) * 0.9) * 1.15;
    const rough = (0.5 + 0.75 * texture) * (0.8 + 0.35 * strata);
    ink.r *= rough * (0.16 + landLight.r * lit);
    ink.g *= rough * (0.17 + landLight.g * lit);
    ink.b *= rough * (0.26 + landLight.b * lit);
  }

  function paintLandscape(v: number, ink: Ink): void {
    if (!terrain.hit(v)) {
      if (v < HORIZON) sky.paint(u, v, ink);
      else paintSea(v, ink);
      return;
    }
    if (ground.y < 0.004) return paintSea(v, ink);
    const s = ground.x - roadMiddle(ground.z);
    if (Math.abs(s) < ROAD_HALF) paintRoad(s, ink);
    else paintLand(s, ink);
    haze(ink, air, ground.z, 0.022);
  }

  return {
    column(at) {
      u = at;
      terrain.column((u - 0.5) * aspect + pan);
      sky.paintPlain(u, HORIZON, air);
    },
    point(v, ink) {
      paintLandscape(v, ink);
      const x = ((u - 0.5) * aspect - carX) / carSize;
      const y = (carV - v) / carSize;
      const isNear = Math.abs(x) < CAR_REACH_X && y < CAR_REACH_TOP && y > CAR_REACH_BOTTOM;
      if (hasCar && isNear) car.paint(x, y, ink);
    },
  };
}

/** A curve from 0 to `end` as a table: the road is asked for often, and its sines took a fifth of the time. */
function tabulate(end: number, curve: (at: number) => number): (at: number) => number {
  const perUnit = 64;
  const table = Float64Array.from({ length: (end + 2) * perUnit }, (_, i) => curve(i / perUnit));
  return (at) => {
    const place = at * perUnit;
    const index = Math.min(table.length - 2, place | 0);
    return mix(table[index] ?? 0, table[index + 1] ?? 0, place - index);
  };
}
