import { type Canvas, cover } from './canvas.ts';
import { GLYPHS, type Glyph } from './glyphs.ts';
import { clamp01 } from './scalar.ts';

/** Units from the top of a riser to the end of a tail, and between two letters. */
const LETTER_HEIGHT = 9;
const LETTER_GAP = 1.75;
const CURVE_STEPS = 18;
/** A text longer than this is cut: nothing that we print is longer. */
const LETTERS_MAX = 80;
const UNKNOWN: Glyph = { width: 2, path: 'M 0 4.6 L 2 4.6' };

/** A straight stroke: from (x0, y0) to (x1, y1). */
interface Stroke {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** The width of a text in units; multiply by the unit's size in pixels. Letters are lower case. */
export function measureText(text: string): number {
  const widths = glyphsOf(text).map((glyph) => glyph.width + LETTER_GAP);
  return Math.max(0, widths.reduce((sum, width) => sum + width, 0) - LETTER_GAP);
}

/** Writes a text with round, smooth strokes; (left, top) is where a riser of the first letter begins. */
export function drawText(
  canvas: Canvas,
  text: string,
  options: { left: number; top: number; unit: number; stroke: number; tint: readonly [number, number, number] },
): void {
  let left = options.left;
  for (const glyph of glyphsOf(text)) {
    drawGlyph(canvas, glyph, { ...options, left });
    left += (glyph.width + LETTER_GAP) * options.unit;
  }
}

function glyphsOf(text: string): Glyph[] {
  return Array.from(text.toLowerCase().slice(0, LETTERS_MAX), (letter) => GLYPHS[letter] ?? UNKNOWN);
}

function drawGlyph(
  canvas: Canvas,
  glyph: Glyph,
  options: { left: number; top: number; unit: number; stroke: number; tint: readonly [number, number, number] },
): void {
  const { left, top, unit, tint } = options;
  const half = options.stroke / 2;
  const strokes = readPath(glyph.path);
  const reach = half + 1;
  for (let y = Math.floor(top - reach); y <= top + LETTER_HEIGHT * unit + reach; y++) {
    for (let x = Math.floor(left - unit - reach); x <= left + glyph.width * unit + reach; x++) {
      const px = (x + 0.5 - left) / unit;
      const py = (y + 0.5 - top) / unit;
      let nearest = Infinity;
      for (const stroke of strokes) nearest = Math.min(nearest, distanceTo(stroke, px, py));
      cover(canvas, x, y, tint, clamp01(half + 0.5 - nearest * unit));
    }
  }
}

function distanceTo(stroke: Stroke, x: number, y: number): number {
  const dx = stroke.x1 - stroke.x0;
  const dy = stroke.y1 - stroke.y0;
  const along = clamp01(((x - stroke.x0) * dx + (y - stroke.y0) * dy) / (dx * dx + dy * dy || 1));
  return Math.sqrt((x - stroke.x0 - along * dx) ** 2 + (y - stroke.y0 - along * dy) ** 2);
}

/** Reads a glyph's path into straight strokes. */
function readPath(path: string): Stroke[] {
  const strokes: Stroke[] = [];
  let x = 0;
  let y = 0;
  const lineTo = (toX: number, toY: number) => {
    strokes.push({ x0: x, y0: y, x1: toX, y1: toY });
    [x, y] = [toX, toY];
  };
  for (const [, command, rest = ''] of path.matchAll(/([MLQE])([^MLQE]*)/g)) {
    const [a = 0, b = 0, c = 0, d = 0, from = 0, to = 0] = rest.trim().split(/\s+/).map(Number);
    if (command === 'M') [x, y] = [a, b];
    else if (command === 'L') lineTo(a, b);
    else {
      const [startX, startY] = [x, y];
      for (let i = 0; i <= CURVE_STEPS; i++) {
        const t = i / CURVE_STEPS;
        const angle = ((from + (to - from) * t) * Math.PI) / 180;
        const [nextX, nextY] =
          command === 'E'
            ? [a + c * Math.cos(angle), b + d * Math.sin(angle)]
            : [bend(startX, a, c, t), bend(startY, b, d, t)];
        if (i === 0) [x, y] = [nextX, nextY];
        else lineTo(nextX, nextY);
      }
    }
  }
  return strokes;
}

function bend(from: number, control: number, to: number, t: number): number {
  return (1 - t) * (1 - t) * from + 2 * t * (1 - t) * control + t * t * to;
}
