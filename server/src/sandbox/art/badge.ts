import { type Box, type Canvas, cover, roundBoxDistance } from './canvas.ts';
import { drawText, measureText } from './lettering.ts';
import { clamp01 } from './scalar.ts';

const PILL = [13, 15, 22] as const;
const TEXT = [245, 246, 248] as const;
const QUIET_TEXT = [186, 192, 204] as const;
const LAMP = [255, 186, 73] as const;

/** Sizes of the badge in text units; a unit is a ninth of a line with risers and tails. */
const PADDING_X = 6;
const PADDING_Y = 4;
const LAMP_WIDTH = 8;
const WORD_GAP = 6;
const LINE_HEIGHT = 12;
const CAP_HEIGHT = 7;
/** Smaller than this and strokes run into each other. */
const UNIT_MIN = 0.9;

interface Plan {
  box: Box;
  unit: number;
  isStacked: boolean;
}

/** Where the badge will lie in a picture of this size: others keep out of its way. */
export function badgeBox(size: { width: number; height: number }, words: { badge: string; seed: number }): Box {
  return planBadge(size, words).box;
}

/** Prints the dark pill at the lower left that says: a sandbox drew this, from this seed. */
export function drawBadge(canvas: Canvas, words: { badge: string; seed: number }): void {
  const { box, unit, isStacked } = planBadge(canvas, words);
  const radius = Math.min(box.height / 2, unit * 7.5);
  for (let y = box.top - 1; y <= box.top + box.height; y++) {
    for (let x = box.left - 1; x <= box.left + box.width; x++) {
      const distance = roundBoxDistance(x + 0.5, y + 0.5, box, radius);
      cover(canvas, x, y, PILL, 0.72 * clamp01(0.5 - distance));
    }
  }
  const stroke = Math.max(1.05, unit * 0.86);
  const top = box.top + PADDING_Y * unit;
  const left = box.left + PADDING_X * unit;
  drawLamp(canvas, { x: left + 2.4 * unit, y: top + (CAP_HEIGHT / 2 + 0.6) * unit, radius: 2.3 * unit });
  const textLeft = left + LAMP_WIDTH * unit;
  drawText(canvas, words.badge, { left: textLeft, top, unit, stroke, tint: TEXT });
  const seedLeft = isStacked ? textLeft : textLeft + (measureText(words.badge) + WORD_GAP) * unit;
  const seedTop = isStacked ? top + LINE_HEIGHT * unit : top;
  drawText(canvas, seedText(words.seed), { left: seedLeft, top: seedTop, unit, stroke, tint: QUIET_TEXT });
}

/** One line where it fits the width, else two; smaller only when two do not fit either. */
function planBadge(size: { width: number; height: number }, words: { badge: string; seed: number }): Plan {
  const short = Math.min(size.width, size.height);
  const margin = Math.max(4, Math.round(short * 0.022));
  const room = size.width - 2 * margin;
  const wanted = Math.max(1, short * 0.00205);
  const badge = measureText(words.badge);
  const seed = measureText(seedText(words.seed));
  const frame = 2 * PADDING_X + LAMP_WIDTH;
  const isStacked = (frame + badge + WORD_GAP + seed) * wanted > room;
  const units = frame + (isStacked ? Math.max(badge, seed) : badge + WORD_GAP + seed);
  const unit = Math.max(UNIT_MIN, Math.min(wanted, room / units));
  const height = Math.round((2 * PADDING_Y + CAP_HEIGHT + 1 + (isStacked ? LINE_HEIGHT : 0)) * unit);
  const width = Math.round(units * unit);
  return { box: { left: margin, top: size.height - margin - height, width, height }, unit, isStacked };
}

function seedText(seed: number): string {
  return `seed ${seed}`;
}

function drawLamp(canvas: Canvas, lamp: { x: number; y: number; radius: number }): void {
  for (let y = Math.floor(lamp.y - lamp.radius - 1); y <= lamp.y + lamp.radius + 1; y++) {
    for (let x = Math.floor(lamp.x - lamp.radius - 1); x <= lamp.x + lamp.radius + 1; x++) {
      const distance = Math.sqrt((x + 0.5 - lamp.x) ** 2 + (y + 0.5 - lamp.y) ** 2) - lamp.radius;
      cover(canvas, x, y, LAMP, clamp01(0.5 - distance));
    }
  }
}
