import { mix } from './scalar.ts';

/** Where the eye stands. All lengths are in the terrain's own unit. */
export interface View {
  /** The horizon's height in the picture, 0 top to 1 bottom. */
  horizon: number;
  eyeHeight: number;
  /** 1 sees 53 degrees of height; more is a longer lens. */
  focal: number;
  near: number;
  far: number;
}

/** A point of ground seen through the current column. */
export interface Ground {
  x: number;
  y: number;
  z: number;
  /** Rise towards the right and into the picture. */
  slopeX: number;
  slopeZ: number;
}

export interface Terrain {
  readonly ground: Ground;
  /** Looks along the column at `px` picture heights from the middle. */
  column(px: number): void;
  /** True when height `v` of the column shows ground, which is then in `ground`; false for sky. */
  hit(v: number): boolean;
}

/** Steps away from the eye; each is 1 % or so longer than the one before, so that errors stay below a pixel. */
const STEPS = 380;
const CREST_STEPS = 6;
/** Slopes are taken across this share of the distance, less than a pixel, and this much nearer than the point. */
const SLOPE_REACH = 0.0008;
const SLOPE_NEARER = 0.003;

/** A landscape given by its height at (x, z), marched once a column from near to far. */
export function createTerrain(view: View, heightAt: (x: number, z: number) => number): Terrain {
  const growth = (view.far / view.near) ** (1 / STEPS);
  // What the column shows, from the bottom up: height in the picture, distance, and whether it joins the row below.
  const tops = new Float64Array(STEPS + 1);
  const depths = new Float64Array(STEPS + 1);
  const joins = new Uint8Array(STEPS + 1);
  const ground: Ground = { x: 0, y: 0, z: 0, slopeX: 0, slopeZ: 0 };
  let count = 0;
  let ray = 0;

  const project = (z: number) => view.horizon + (view.focal * (view.eyeHeight - heightAt(ray * z, z))) / z;

  function column(px: number): void {
    ray = px / view.focal;
    count = 0;
    let top = Infinity;
    let z = view.near;
    let joined = false;
    for (let i = 0; i <= STEPS; i++, z *= growth) {
      const v = project(z);
      if (v < top) {
        joins[count] = joined ? 1 : 0;
        depths[count] = z;
        tops[count++] = v;
        top = v;
        joined = true;
      } else {
        if (joined) top = sharpenCrest(z);
        joined = false;
      }
    }
  }

  /** The last row before a drop missed the crest by part of a step: moves it there, or silhouettes would have teeth. */
  function sharpenCrest(hiddenZ: number): number {
    let best = tops[count - 1] ?? 0;
    let z = depths[count - 1] ?? 0;
    let reach = (hiddenZ - z) / 2;
    for (let i = 0; i < CREST_STEPS; i++, reach /= 2) {
      const start = z;
      for (const tried of [start + reach, start - reach]) {
        const v = project(tried);
        if (v >= best) continue;
        z = tried;
        best = v;
      }
    }
    depths[count - 1] = z;
    tops[count - 1] = best;
    return best;
  }

  function hit(v: number): boolean {
    if (count === 0 || v < (tops[count - 1] ?? 0)) return false;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((tops[middle] ?? 0) <= v) high = middle;
      else low = middle + 1;
    }
    const from = tops[low] ?? 0;
    const share = joins[low] === 1 ? (v - from) / ((tops[low - 1] ?? 1) - from + 1e-9) : 0;
    const far = depths[low] ?? 0;
    const z = mix(far, depths[low - 1] ?? far, share);
    ground.x = ray * z;
    ground.y = view.eyeHeight - ((v - view.horizon) * z) / view.focal;
    ground.z = z;
    // Slopes kept per row and interpolated were cheaper, but drew a saw along every crest; and a slope taken on
    // the crest itself looks over to the far side, so it is taken a little on this side.
    const reach = z * SLOPE_REACH;
    const near = z * (1 - SLOPE_NEARER);
    const nearX = ray * near;
    const here = heightAt(nearX, near);
    ground.slopeX = (heightAt(nearX + reach, near) - here) / reach;
    ground.slopeZ = (here - heightAt(nearX, near - reach)) / reach;
    return true;
  }

  return { ground, column, hit };
}
