/** From `a` (t = 0) to `b` (t = 1) in a straight line. */
export function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

/** Cuts to 0..1. */
export function clamp01(x: number): number {
  return x < 0 ? 0 : x > 1 ? 1 : x;
}

/** 0 below `from`, 1 above `to`, smooth between; works downwards too. */
export function smooth(from: number, to: number, x: number): number {
  const t = clamp01((x - from) / (to - from));
  return t * t * (3 - 2 * t);
}

/** The length of (x, y). `Math.hypot` guards against overflow and was ten times as slow in these inner loops. */
export function length2(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

/** The length of (x, y, 1): what makes a slope a unit normal. */
export function slopeLength(x: number, y: number): number {
  return Math.sqrt(x * x + y * y + 1);
}
