/** A finished picture in memory: three bytes a pixel, row by row. */
export interface Canvas {
  width: number;
  height: number;
  rgb: Uint8Array;
}

/** A rectangle in whole pixels. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Lays a colour (0..255 each) over one pixel: 0 leaves it, 1 covers it. Outside the canvas nothing happens. */
export function cover(
  canvas: Canvas,
  x: number,
  y: number,
  tint: readonly [number, number, number],
  amount: number,
): void {
  if (amount <= 0 || x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) return;
  const at = (y * canvas.width + x) * 3;
  for (let i = 0; i < 3; i++) {
    const old = canvas.rgb[at + i] ?? 0;
    canvas.rgb[at + i] = old + ((tint[i] ?? 0) - old) * Math.min(1, amount) + 0.5;
  }
}

/** How far a point is outside a box with round corners, in pixels; negative inside. */
export function roundBoxDistance(x: number, y: number, box: Box, radius: number): number {
  const dx = Math.abs(x - box.left - box.width / 2) - box.width / 2 + radius;
  const dy = Math.abs(y - box.top - box.height / 2) - box.height / 2 + radius;
  const outside = Math.sqrt(Math.max(dx, 0) ** 2 + Math.max(dy, 0) ** 2);
  return outside + Math.min(Math.max(dx, dy), 0) - radius;
}
