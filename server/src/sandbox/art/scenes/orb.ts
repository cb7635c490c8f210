import { type Ink, colour, palette } from '../ink.ts';
import { clamp01, length2, mix, smooth } from '../scalar.ts';
import type { Frame, Scene } from '../scene.ts';
import { pick, seededRandom } from '../seeded.ts';

const LOOKS = [
  { balls: '#f2542d #2456e6 #f7f3ea #f5b82e', room: '#efe2d0', wall: '#d9c3a8' },
  { balls: '#0d9488 #fbb117 #f5f3ee #e2574c', room: '#e4e6e0', wall: '#b9c4bd' },
  { balls: '#6d35e0 #f7705c #f3edf7 #33b3c9', room: '#e9dff0', wall: '#c3b0d6' },
] as const;

interface Ball {
  x: number;
  y: number;
  z: number;
  radius: number;
  paint: Ink;
}

const FLOOR = -0.52;
const BOUNCES = 3;
/** The direction of the light, of length one. */
const SUN = { x: -0.504, y: 0.733, z: -0.458 } as const;

/** Glossy spheres in a studio: a still life with soft shadows and mirrored windows. */
export function paintOrb({ seed, aspect }: Frame): Scene {
  const random = seededRandom(seed);
  const look = pick(LOOKS, random());
  const balls = placeBalls(random, palette(look.balls));
  const room = colour(look.room);
  const wall = colour(look.wall);
  const widen = Math.max(1, 1.2 / aspect);
  let dirX = 0;
  // The last hit: a ball, or the floor where it is null.
  const hit: { at: number; ball: Ball | null } = { at: 0, ball: null };

  function trace(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): boolean {
    hit.at = 1e9;
    hit.ball = null;
    for (const ball of balls) {
      const x = ox - ball.x;
      const y = oy - ball.y;
      const z = oz - ball.z;
      const b = x * dx + y * dy + z * dz;
      const inside = b * b - (x * x + y * y + z * z - ball.radius * ball.radius);
      if (inside <= 0) continue;
      const t = -b - Math.sqrt(inside);
      if (t > 1e-3 && t < hit.at) {
        hit.at = t;
        hit.ball = ball;
      }
    }
    const floor = (FLOOR - oy) / dy;
    if (floor > 1e-3 && floor < hit.at) {
      hit.at = floor;
      hit.ball = null;
    }
    return hit.at < 40;
  }

  /** How much of a broad lamp the point sees: the nearer a ball passes the ray, the darker. */
  function sunlight(x: number, y: number, z: number, self: Ball | null): number {
    let light = 1;
    for (const ball of balls) {
      if (ball === self) continue;
      const bx = ball.x - x;
      const by = ball.y - y;
      const bz = ball.z - z;
      const along = bx * SUN.x + by * SUN.y + bz * SUN.z;
      if (along <= 0) continue;
      const miss = Math.sqrt(Math.max(0, bx * bx + by * by + bz * bz - along * along)) - ball.radius;
      light = Math.min(light, smooth(-0.16, 0.16, miss / Math.max(along, 0.2)));
    }
    return light;
  }

  /** How much of the room the point sees past the balls. */
  function openness(x: number, y: number, z: number, nx: number, ny: number, nz: number, self: Ball | null): number {
    let open = 1;
    for (const ball of balls) {
      if (ball === self) continue;
      const bx = ball.x - x;
      const by = ball.y - y;
      const bz = ball.z - z;
      const d2 = bx * bx + by * by + bz * bz;
      const facing = (bx * nx + by * ny + bz * nz) / Math.sqrt(d2);
      open *= 1 - 0.85 * clamp01(facing * 0.5 + 0.5) * clamp01(facing + 0.4) * ((ball.radius * ball.radius) / d2);
    }
    if (self !== null) open *= mix(0.5, 1, smooth(-0.9, 0.3, ny + (y - FLOOR) * 0.5));
    return open;
  }

  /** The studio around: a wall that brightens upwards, one soft window and one strip light. */
  function paintRoom(dx: number, dy: number, dz: number, ink: Ink): void {
    const up = clamp01(dy * 0.9 + 0.35);
    const window = smooth(
      0.03,
      -0.03,
      Math.max(Math.abs(dx + 0.52) - 0.26, Math.abs(dy - 0.66) - 0.2) + (dz > 0.35 ? 1 : 0),
    );
    const bar = smooth(0.02, -0.02, Math.max(Math.abs(dx + 0.52) - 0.014, 0)) < 1 ? 1 : 0.35;
    const strip = smooth(
      0.04,
      -0.02,
      Math.max(Math.abs(dx - 0.8) - 0.05, Math.abs(dy - 0.3) - 0.42) + (dz > 0.4 ? 1 : 0),
    );
    const light = window * 2.6 * bar + strip * 0.9;
    ink.r = mix(wall.r, room.r, up) + light;
    ink.g = mix(wall.g, room.g, up) + light;
    ink.b = mix(wall.b, room.b, up) + light;
  }

  const part: Ink = { r: 0, g: 0, b: 0 };

  function paintHit(ball: Ball | null, x: number, y: number, z: number, nx: number, ny: number, nz: number): void {
    const facing = clamp01(nx * SUN.x + ny * SUN.y + nz * SUN.z);
    const light =
      0.34 * openness(x, y, z, nx, ny, nz, ball) + 0.72 * facing * (facing > 0 ? sunlight(x, y, z, ball) : 0);
    const paint = ball === null ? room : ball.paint;
    // What lies low on a ball is lit by the floor too.
    const bounce = ball === null ? 0 : 0.2 * clamp01(-ny) * smooth(0.9, 0.1, y - FLOOR);
    part.r = paint.r * (light + bounce * room.r);
    part.g = paint.g * (light + bounce * room.g);
    part.b = paint.b * (light + bounce * room.b);
    if (ball !== null) return;
    const far = smooth(2.2, 8, length2(x, z + 2.6));
    part.r = mix(part.r, wall.r * 0.98, far);
    part.g = mix(part.g, wall.g * 0.98, far);
    part.b = mix(part.b, wall.b * 0.98, far);
  }

  function point(v: number, ink: Ink): void {
    let dx = dirX;
    let dy = (0.5 - v) * widen - 0.215;
    let dz = 1.35;
    const length = Math.sqrt(dx * dx + dy * dy + dz * dz);
    dx /= length;
    dy /= length;
    dz /= length;
    let [ox, oy, oz, share] = [0, 0.32, -2.75, 1];
    ink.r = ink.g = ink.b = 0;
    for (let bounce = 0; bounce < BOUNCES; bounce++) {
      if (!trace(ox, oy, oz, dx, dy, dz)) {
        paintRoom(dx, dy, dz, part);
        if (bounce === 0) Object.assign(part, wall);
        add(ink, share);
        return;
      }
      const { at, ball } = hit;
      ox += dx * at;
      oy += dy * at;
      oz += dz * at;
      const nx = ball === null ? 0 : (ox - ball.x) / ball.radius;
      const ny = ball === null ? 1 : (oy - ball.y) / ball.radius;
      const nz = ball === null ? 0 : (oz - ball.z) / ball.radius;
      const facing = dx * nx + dy * ny + dz * nz;
      const rim = (1 + facing) ** 5;
      const mirror = ball === null ? 0.02 + 0.2 * rim : 0.055 + 0.75 * rim;
      paintHit(ball, ox, oy, oz, nx, ny, nz);
      add(ink, share * (1 - mirror));
      share *= mirror;
      if (share < 0.004) return;
      dx -= 2 * facing * nx;
      dy -= 2 * facing * ny;
      dz -= 2 * facing * nz;
    }
  }

  function add(ink: Ink, share: number): void {
    ink.r += part.r * share;
    ink.g += part.g * share;
    ink.b += part.b * share;
  }

  return {
    column(u) {
      dirX = (u - 0.5) * aspect * widen;
    },
    point,
  };
}

/** Places on the floor that never overlap; the seed swaps sides, sizes and colours. */
function placeBalls(random: () => number, paints: readonly Ink[]): Ball[] {
  const flip = random() < 0.5 ? -1 : 1;
  const turn = Math.floor(random() * paints.length);
  const places = [
    { x: -0.42, z: 0.42, radius: 0.5 },
    { x: 0.5, z: 0.3, radius: 0.34 },
    { x: 0.1, z: -0.42, radius: 0.19 },
    { x: 0.66, z: -0.4, radius: 0.11 },
  ];
  return places.map(({ x, z, radius }, i) => {
    const size = radius * (0.9 + random() * 0.2);
    return {
      x: flip * (x + (random() - 0.5) * 0.08),
      y: FLOOR + size,
      z: z + (random() - 0.5) * 0.08,
      radius: size,
      paint: paints[(i + turn) % paints.length] ?? { r: 1, g: 1, b: 1 },
    };
  });
}
