import { type Ink, blend, dim, palette, ramp, shine } from '../ink.ts';
import { createNoise } from '../noise.ts';
import { clamp01, length2, mix, smooth } from '../scalar.ts';
import type { Frame, Scene } from '../scene.ts';
import { pick, seededRandom } from '../seeded.ts';

const LOOKS = [
  { petal: '#4a0f3f #a8246b #f0507a #ff9a8a #ffd9c4', back: '#12081c #2a1238 #4a1f4a', spark: '#ff9ab8' },
  { petal: '#0d3b4a #14788a #4cc0b0 #a8e6c0 #f7f6d8', back: '#04141c #0a2c38 #12484a', spark: '#8fe8d0' },
  { petal: '#5a1508 #b8380f #f27a1c #ffb84a #fff0b8', back: '#100c14 #24182a #3a2a2e', spark: '#ffc070' },
  { petal: '#241a5c #4a3fc0 #8f84f5 #d4b8f7 #fff0fa', back: '#08081c #151540 #24285c', spark: '#b0a8ff' },
] as const;

const RINGS = 11;
const BOKEH = 14;

interface Ring {
  radius: number;
  petals: number;
  turn: number;
  /** A number of its own for each petal, 0 to 1; two rows, the one behind fills the gaps. */
  own: Float32Array;
  /** 1 innermost to 0 outermost. */
  depth: number;
}

/** One flower from close by, petal over petal, before a soft garden. */
export function paintBloom({ seed, aspect }: Frame): Scene {
  const noise = createNoise(seed);
  const random = seededRandom(seed);
  const look = pick(LOOKS, random());
  const petal = palette(look.petal);
  const back = palette(look.back);
  const [spark = { r: 1, g: 1, b: 1 }] = palette(look.spark);
  const short = Math.min(1, aspect);
  const middleU = 0.42 + random() * 0.16;
  const middleV = 0.46 + random() * 0.1;
  const size = short * (0.5 + random() * 0.08);
  const pointed = 0.42 + random() * 0.4;
  const first = 6 + Math.floor(random() * 3);
  const rings: Ring[] = Array.from({ length: RINGS }, (_, i) => {
    const out = i / (RINGS - 1);
    const petals = first + Math.round(out * 10);
    const own = Float32Array.from({ length: petals * 2 }, () => random());
    return { radius: size * (0.1 + 0.9 * out ** 1.15), petals, own, turn: i * 2.399 + random(), depth: 1 - out };
  });
  const lights = Array.from({ length: BOKEH }, () => ({
    x: random() * aspect,
    y: random(),
    radius: 0.03 + random() * 0.1,
    power: 0.05 + random() * 0.16,
  }));
  let x = 0;
  let u = 0;

  function paintBack(v: number, ink: Ink): void {
    ramp(ink, back, 0.25 + 0.9 * (noise.fbm(u * aspect * 1.4 + 4, v * 1.4, 3) - 0.3));
    for (const light of lights) {
      const distance = length2(u * aspect - light.x, v - light.y);
      const disc = smooth(light.radius, light.radius * 0.86, distance);
      if (disc > 0) shine(ink, spark, disc * light.power * (0.7 + 0.5 * (distance / light.radius) ** 3));
    }
  }

  /** One petal of a ring at polar place (angle, r): writes its colour and returns 0, or returns the gap to it. */
  function paintPetal(ring: Ring, half: number, angle: number, r: number, shade: number, ink: Ink): number {
    const place = (angle / (2 * Math.PI)) * ring.petals + ring.turn + half;
    const index = Math.round(place);
    const t = (place - index) * 2;
    const own = ring.own[(((index % ring.petals) + ring.petals) % ring.petals) * 2 + (half > 0 ? 1 : 0)] ?? 0;
    const reach = ring.radius * (0.9 + 0.16 * own);
    const edge = reach * (1 - t * t) ** pointed;
    if (r > edge) return r - edge;
    const along = r / reach;
    const vein =
      noise.value(t * 9 + index * 5, along * 2.2 + ring.depth * 20) * 0.6 +
      noise.value(t * 26 + index, along * 3) * 0.4;
    // Petals are cupped: one flank of each faces the light, which comes from the upper left.
    const axis = angle - (t / ring.petals) * Math.PI;
    const flank = Math.sin(axis + 0.8) * -t * 0.5;
    const facing = 0.5 - 0.3 * Math.cos(axis - 0.8) * (along - 0.35);
    const light = clamp01(0.34 + facing * 0.62 + flank * 0.55 + (vein - 0.5) * 0.2);
    const tip = smooth(0.35, 1, along);
    ramp(
      ink,
      petal,
      clamp01(
        0.14 + 0.5 * tip + 0.06 * ring.depth + 0.34 * (light - 0.5) + (own - 0.5) * 0.12 + (half === 0 ? 0.05 : 0),
      ),
    );
    dim(ink, (0.42 + 0.72 * light) * mix(0.45, 1, smooth(0, 0.75, along + ring.depth * 0.3)) * shade);
    const rim = smooth(0.03, 0, (edge - r) / ring.radius);
    blend(ink, petal[petal.length - 1] ?? spark, rim * 0.22 * shade);
    return 0;
  }

  function point(v: number, ink: Ink): void {
    const y = v - middleV;
    const r = length2(x, y);
    if (r > size * 1.1) {
      paintBack(v, ink);
      dim(ink, 1 - 0.45 * Math.exp(-(r - size) * 14));
      return;
    }
    const angle = Math.atan2(y, x) + (noise.value(x * 6 + 40, y * 6 + 40) - 0.5) * 0.09;
    let shade = 1;
    for (const ring of rings) {
      if (r > ring.radius * 1.06 + size * 0.16) continue;
      for (let half = 0; half <= 0.5; half += 0.5) {
        const gap = paintPetal(ring, half, angle, r, shade, ink);
        if (gap === 0) return;
        // What lies under a petal's edge lies in its shadow.
        const close = Math.max(0, 1 - (gap / size) * 10);
        shade *= 1 - 0.5 * close * close;
      }
    }
    paintBack(v, ink);
    dim(ink, 0.55 + 0.45 * shade * shade);
  }

  return {
    column(at) {
      u = at;
      x = (u - middleU) * aspect;
    },
    point,
  };
}
