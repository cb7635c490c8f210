/** What a picture's sides must obey. */
export interface SideLimits {
  multiple: number;
  sideMin: number;
  sideMax: number;
}

export interface Size {
  width: number;
  height: number;
}

/** One per cent off in shape weighs as much as four per cent off in area: people see shape first. */
const SHAPE_WEIGHT = 4;

/**
 * The ratio that a text such as `16:9` names, as width by height: 0, Infinity or NaN where a side is zero,
 * and null when the text is no ratio.
 */
export function ratioOf(text: string): number | null {
  const match = /^(\d+):(\d+)$/.exec(text);
  if (match === null) return null;
  const [width, height] = [Number(match[1]), Number(match[2])];
  // Digits without end become Infinity, and two of them NaN; the caller treats that like 0:0.
  return width / height;
}

/**
 * The size whose shape comes nearest the ratio at an area near, and never above, `areaPixels`.
 * With no size below that area (the smallest sides already exceed it), the smallest of the nearest shape.
 */
export function sizeForRatio(ratio: number, areaPixels: number, limits: SideLimits): Size {
  const low = Math.ceil(limits.sideMin / limits.multiple) * limits.multiple;
  const high = Math.floor(limits.sideMax / limits.multiple) * limits.multiple;
  let best: Size = { width: low, height: low };
  let bestCost = Number.POSITIVE_INFINITY;
  for (let width = low; width <= high; width += limits.multiple) {
    // Only the two heights around the exact one, and the tallest that the area leaves, can be the best for this width.
    const exact = width / ratio;
    const tallest = areaPixels / width;
    for (const wanted of [exact, exact + limits.multiple, tallest]) {
      const height = Math.min(high, Math.max(low, Math.floor(wanted / limits.multiple) * limits.multiple));
      const area = width * height;
      if (area > areaPixels && area > low * low) continue;
      const cost = SHAPE_WEIGHT * Math.abs(Math.log(width / height / ratio)) + Math.abs(Math.log(area / areaPixels));
      if (cost < bestCost) [best, bestCost] = [{ width, height }, cost];
    }
  }
  return best;
}

/** The nearest allowed size to the one asked for, shrunk in its own shape when its area is too large. */
export function nearestSize(asked: Size, areaPixelsMax: number, limits: SideLimits): Size {
  const shrink = Math.min(1, Math.sqrt(areaPixelsMax / (asked.width * asked.height)));
  const fit = (side: number, round: (value: number) => number): number => {
    const low = Math.ceil(limits.sideMin / limits.multiple);
    const high = Math.floor(limits.sideMax / limits.multiple);
    return Math.min(high, Math.max(low, round((side * shrink) / limits.multiple))) * limits.multiple;
  };
  const sized = (round: (value: number) => number): Size => ({
    width: fit(asked.width, round),
    height: fit(asked.height, round),
  });
  const nearest = sized(Math.round);
  // Sides are rounded down where they were shrunk, or where rounding them up would lift the area above its limit.
  return shrink < 1 || nearest.width * nearest.height > areaPixelsMax ? sized(Math.floor) : nearest;
}
