import { type Box, type Canvas, cover, roundBoxDistance } from './canvas.ts';
import { clamp01 } from './scalar.ts';

/** No more input pictures than this are shown. */
export const TILES_MAX = 10;

const FRAME = [248, 246, 241] as const;
const SHADOW = [8, 9, 14] as const;
const TILE_MIN = 8;

/** Places for `count` square tiles in a row along the lower edge: right of the badge or, where too narrow, above it. */
export function tileBoxes(size: { width: number; height: number }, badge: Box, count: number): Box[] {
  if (count === 0) return [];
  const margin = badge.left;
  const gap = Math.max(2, Math.round(margin * 0.4));
  const wanted = Math.round(Math.min(size.width, size.height) * 0.15);
  const fit = (room: number) => Math.min(wanted, Math.floor((room - (count - 1) * gap) / count));
  const beside = fit(size.width - 2 * margin - badge.width - gap * 2);
  const isBeside = beside >= wanted * 0.8;
  const side = Math.max(TILE_MIN, isBeside ? beside : fit(size.width - 2 * margin));
  const top = isBeside ? size.height - margin - side : badge.top - gap - side;
  const first = isBeside ? size.width - margin - count * side - (count - 1) * gap : margin;
  return Array.from({ length: count }, (_, i) => ({ left: first + i * (side + gap), top, width: side, height: side }));
}

/** Draws one tile, a picture of exactly the box's size, with a light frame and a soft shadow. */
export function drawTile(canvas: Canvas, tile: Uint8Array, box: Box): void {
  const frame = Math.max(1, box.width * 0.035);
  const radius = box.width * 0.09;
  const soft = Math.max(2, box.width * 0.08);
  for (let y = Math.floor(box.top - soft); y < box.top + box.height + soft; y++) {
    for (let x = Math.floor(box.left - soft); x < box.left + box.width + soft; x++) {
      const distance = roundBoxDistance(x + 0.5, y + 0.5, box, radius);
      cover(canvas, x, y, SHADOW, 0.35 * clamp01(1 - distance / soft) ** 2);
      cover(canvas, x, y, FRAME, clamp01(0.5 - distance));
      const at = ((y - box.top) * box.width + x - box.left) * 3;
      const inside = clamp01(0.5 - distance - frame);
      if (inside > 0) cover(canvas, x, y, [tile[at] ?? 0, tile[at + 1] ?? 0, tile[at + 2] ?? 0], inside);
    }
  }
}
