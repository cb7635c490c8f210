import type { Box, Canvas } from './canvas.ts';
import { clamp01, mix, smooth } from './scalar.ts';

/** Even at full strength the painting stays just visible: the result is ours, not a copy. */
const REFERENCE_SHARE_MAX = 0.94;

/**
 * Lets a reference picture of the same size shine through, in place. Up to a third of the strength it mostly
 * lends its light (soft light), then it fades in; 0 changes no byte.
 */
export function blendReference(rgb: Uint8Array, reference: Uint8Array, strength: number): void {
  const soft = clamp01(strength * 1.5) * 0.8;
  const share = REFERENCE_SHARE_MAX * clamp01(strength) ** 1.35;
  if (share === 0) return;
  for (let i = 0; i < rgb.length; i++) {
    const a = (rgb[i] ?? 0) / 255;
    const b = (reference[i] ?? 0) / 255;
    const lit = (1 - 2 * b) * a * a + 2 * a * b;
    rgb[i] = mix(mix(a, lit, soft), b, share) * 255 + 0.5;
  }
}

/** How much of each pixel is repainted (0 to 255), by a mask and a blurred copy: exactly 0 outside, soft just inside. */
export function featherInside(mask: Uint8Array, blurred: Uint8Array): Uint8Array {
  const amounts = new Uint8Array(mask.length);
  for (let i = 0; i < mask.length; i++) {
    if ((mask[i] ?? 0) > 127) amounts[i] = smooth(0.5, 0.9, (blurred[i] ?? 0) / 255) * 255 + 0.5;
  }
  return amounts;
}

/** The mask of an edit that came without one: an ellipse in the middle. */
export function centreMask(width: number, height: number): Uint8Array {
  const mask = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dx = ((x + 0.5) / width - 0.5) / 0.3;
      const dy = ((y + 0.5) / height - 0.5) / 0.34;
      if (dx * dx + dy * dy < 1) mask[y * width + x] = 255;
    }
  }
  return mask;
}

/** Puts the source back wherever the amount of repainting is less than full, in place. */
export function keepSource(rgb: Uint8Array, source: Uint8Array, amounts: Uint8Array): void {
  for (let pixel = 0; pixel < amounts.length; pixel++) {
    const share = (amounts[pixel] ?? 0) / 255;
    for (let at = pixel * 3; at < pixel * 3 + 3; at++) {
      const old = source[at] ?? 0;
      rgb[at] = share === 0 ? old : mix(old, rgb[at] ?? 0, share) + 0.5;
    }
  }
}

/** Fades, in place, from `surround` (the source carried on past its edges) into the painting, away from the box. */
export function fadeFrom(canvas: Canvas, surround: Uint8Array, box: Box): void {
  const reach = Math.min(canvas.width, canvas.height) * 0.14;
  for (let y = 0; y < canvas.height; y++) {
    const dy = Math.max(box.top - y, y - box.top - box.height + 1, 0);
    for (let x = 0; x < canvas.width; x++) {
      const dx = Math.max(box.left - x, x - box.left - box.width + 1, 0);
      const share = smooth(0, reach, Math.sqrt(dx * dx + dy * dy));
      if (share === 1) continue;
      const start = (y * canvas.width + x) * 3;
      for (let at = start; at < start + 3; at++) {
        canvas.rgb[at] = mix(surround[at] ?? 0, canvas.rgb[at] ?? 0, share) + 0.5;
      }
    }
  }
}

/** Copies a picture of the box's size into the canvas. */
export function paste(canvas: Canvas, picture: Uint8Array, box: Box): void {
  for (let y = 0; y < box.height; y++) {
    const row = picture.subarray(y * box.width * 3, (y + 1) * box.width * 3);
    canvas.rgb.set(row, ((box.top + y) * canvas.width + box.left) * 3);
  }
}
