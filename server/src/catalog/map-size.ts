import { textOf, type JsonValue } from './json-value.ts';
import type { AspectRatioRule, AspectRatioToPixelsRule, PixelTarget, SizeLimits, SizeRule } from './map-rule.ts';
import { note, type Mapping } from './mapping.ts';
import { megapixelsIn, PIXELS_PER_MEGAPIXEL } from './megapixels.ts';
import { nearestSize, ratioOf, sizeForRatio, type Size } from './pixels-from-ratio.ts';
import { put } from './put.ts';

/** A shape that is off by less than this is what the caller asked for: sides come in steps. */
const SHAPE_TOLERANCE = 0.04;
/** An area below this part of the one that was asked for is told. */
const AREA_TOLERANCE = 0.9;
/** Two ratios are the same when only the last digits of the quotient differ. */
const SAME_RATIO = 1e-9;

/** Writes the size in the provider's words and notes what it cannot be. `name` is the parameter that holds the ratio. */
export function mapSize(mapping: Mapping, name: string, rule: SizeRule): void {
  if (rule.rule === 'aspect-ratio') mapRatio(mapping, name, rule);
  else mapPixels(mapping, name, rule);
}

function mapPixels(mapping: Mapping, name: string, rule: AspectRatioToPixelsRule): void {
  const ratio = usableRatio(mapping.values[name], rule);
  const fromSides = sizeFromSides(mapping, name, { rule, ratio });
  if (fromSides === null && isUnsized(mapping, rule)) {
    note(mapping, name, { applied: null, reason: 'The size follows the input picture.' });
    return;
  }
  const word = fromSides === null ? wordFor(mapping, rule, ratio) : null;
  const size = fromSides ?? word ?? sizeForRatio(ratio, areaFor(mapping, rule), rule);
  writePixels(mapping, rule.to, { size, word: word?.word ?? null });
  mapping.result.size = { width: size.width, height: size.height, isExact: true };
  if (fromSides === null) noteArea(mapping, rule, size);
  if (!hasBothSides(mapping, rule))
    noteShape(mapping, name, { shape: size.width / size.height, applied: sizeText(size) });
}

function writePixels(mapping: Mapping, to: PixelTarget, { size, word }: { size: Size; word: string | null }): void {
  const { parameters } = mapping.result;
  if ('object' in to) put(parameters, to.object, word ?? { width: size.width, height: size.height });
  else if ('text' in to) put(parameters, to.text, sizeText(size, to.separator));
  else {
    put(parameters, to.width, size.width);
    put(parameters, to.height, size.height);
  }
}

/** The provider's word for exactly this ratio at the usual area. */
function wordFor(mapping: Mapping, rule: AspectRatioToPixelsRule, ratio: number): (Size & { word: string }) | null {
  if (!('object' in rule.to) || areaWanted(mapping, rule) !== rule.areaPixels) return null;
  const found = Object.entries(rule.to.words).find(([text]) => isSameRatio(ratioOf(text), ratio));
  return found === undefined ? null : found[1];
}

function mapRatio(mapping: Mapping, name: string, rule: AspectRatioRule): void {
  const { parameters } = mapping.result;
  const ratio = usableRatio(mapping.values[name], rule);
  const fromSides = sizeFromSides(mapping, name, { rule, ratio });
  const known = rule.ratios.find((text) => isSameRatio(ratioOf(text), ratio)) ?? null;
  const isCustom = fromSides !== null || (known === null && !isUnsized(mapping, rule));
  if (isCustom && typeof rule.others !== 'string') {
    const size = fromSides ?? sizeForRatio(ratio, areaFor(mapping, rule), rule);
    put(parameters, rule.to, rule.others.word);
    writePixels(mapping, rule.others, { size, word: null });
    mapping.result.size = { width: size.width, height: size.height, isExact: true };
    if (fromSides === null) noteArea(mapping, rule, size);
    if (!hasBothSides(mapping, rule))
      noteShape(mapping, name, { shape: size.width / size.height, applied: sizeText(size) });
    return;
  }
  const sent = known ?? (rule.others === 'as-asked' ? writtenRatio(ratio, rule) : nearestRatio(rule, ratio));
  put(parameters, rule.to, sent);
  writeArea(mapping, rule);
  const shape = ratioOf(sent) ?? 1;
  if (!isUnsized(mapping, rule)) {
    mapping.result.size = { ...sizeForRatio(shape, areaFor(mapping, rule), rule), isExact: false };
  }
  noteShape(mapping, name, { shape, applied: sent });
}

function writeArea(mapping: Mapping, { areaFrom, area }: AspectRatioRule): void {
  if (areaFrom === undefined || area === undefined) return;
  const value = textOf(mapping.values[areaFrom.parameter]);
  // The load check saw a word for every value the schema allows.
  const word = area.words[value];
  if (word === undefined) throw new RangeError(`no counterpart for ${areaFrom.parameter} = ${value}`);
  put(mapping.result.parameters, area.to, word);
}

/** No provider's ratios have longer sides. */
const RATIO_SIDE_MAX = 99;

/** The limit that the wish exceeds, or the ratio in the smallest whole numbers that come nearest. */
function writtenRatio(ratio: number, rule: SizeLimits): string {
  const limit = [rule.ratioMin, rule.ratioMax].find((text) => text !== undefined && isSameRatio(ratioOf(text), ratio));
  if (limit !== undefined) return limit;
  let best = { text: '1:1', distance: Number.POSITIVE_INFINITY };
  for (let height = 1; height <= RATIO_SIDE_MAX; height += 1) {
    const width = Math.min(RATIO_SIDE_MAX, Math.max(1, Math.round(ratio * height)));
    const distance = Math.abs(Math.log(width / height / ratio));
    if (distance < best.distance - SAME_RATIO) best = { text: `${width}:${height}`, distance };
  }
  return best.text;
}

function nearestRatio(rule: AspectRatioRule, ratio: number): string {
  const distance = (text: string): number => Math.abs(Math.log((ratioOf(text) ?? 1) / ratio));
  return rule.ratios.reduce((best, text) => (distance(text) < distance(best) ? text : best));
}

function isSameRatio(a: number | null, b: number): boolean {
  return a !== null && Math.abs(a / b - 1) < SAME_RATIO;
}

function noteShape(mapping: Mapping, name: string, made: { shape: number; applied: string }): void {
  const asked = mapping.input.given[name];
  if (typeof asked !== 'string') return;
  const wanted = ratioOf(asked);
  const isNear = wanted !== null && Math.abs(Math.log(made.shape / wanted)) <= SHAPE_TOLERANCE;
  if (isNear) return;
  const reason = Number.isNaN(wanted)
    ? 'This names no shape; a square is made.'
    : 'The model cannot make this shape; the nearest is made.';
  note(mapping, name, { applied: made.applied, reason });
}

/** A long side that meets its limit before the area is reached. */
function noteArea(mapping: Mapping, rule: SizeLimits, size: Size): void {
  if (rule.areaFrom === undefined || size.width * size.height >= areaWanted(mapping, rule) * AREA_TOLERANCE) return;
  note(mapping, rule.areaFrom.parameter, {
    applied: sizeText(size),
    reason: `No side may exceed ${rule.sideMax} pixels, so that this shape cannot be made so large.`,
  });
}

function isUnsized(mapping: Mapping, { areaFrom }: SizeLimits): boolean {
  return areaFrom?.unsized?.includes(textOf(mapping.values[areaFrom.parameter])) === true;
}

function areaWanted(mapping: Mapping, { areaFrom, areaPixels }: SizeLimits): number {
  if (areaFrom === undefined) return areaPixels;
  const word = textOf(mapping.values[areaFrom.parameter]);
  return (Object.hasOwn(areaFrom.areaPixels, word) ? areaFrom.areaPixels[word] : undefined) ?? areaPixels;
}

/** The area, with a note where another one had to take its place. */
function areaFor(mapping: Mapping, rule: SizeLimits): number {
  const area = areaWanted(mapping, rule);
  if (rule.areaFrom === undefined) return area;
  const { substitutes, parameter, areaPixels, otherwise } = rule.areaFrom;
  const word = textOf(mapping.values[parameter]);
  const isKnown = Object.hasOwn(areaPixels, word);
  const substitute = Object.hasOwn(substitutes, word) ? substitutes[word] : isKnown ? undefined : otherwise;
  if (substitute !== undefined)
    note(mapping, rule.areaFrom.parameter, { applied: `${area} pixels`, reason: substitute });
  return area;
}

/** The ratio asked for, brought within what sides and model allow; square where it names no shape at all. */
function usableRatio(value: JsonValue | undefined, rule: SizeLimits): number {
  const asked = typeof value === 'string' ? ratioOf(value) : null;
  const ratio = asked === null || Number.isNaN(asked) ? 1 : asked;
  const narrowest = Math.max(rule.sideMin / rule.sideMax, limitOf(rule.ratioMin) ?? 0);
  const widest = Math.min(rule.sideMax / rule.sideMin, limitOf(rule.ratioMax) ?? Number.POSITIVE_INFINITY);
  return Math.min(widest, Math.max(narrowest, ratio));
}

function limitOf(ratio: string | undefined): number | null {
  return ratio === undefined ? null : ratioOf(ratio);
}

function hasBothSides({ input }: Mapping, { sidesFrom }: SizeLimits): boolean {
  return (
    sidesFrom !== undefined && input.given[sidesFrom.width] !== undefined && input.given[sidesFrom.height] !== undefined
  );
}

/** The size where the caller gave sides; null where he gave none. */
function sizeFromSides(
  mapping: Mapping,
  name: string,
  { rule, ratio }: { rule: SizeLimits; ratio: number },
): Size | null {
  if (rule.sidesFrom === undefined) return null;
  const { width: widthName, height: heightName, areaPixelsMax, areaPixelsMin = 0 } = rule.sidesFrom;
  const width = mapping.values[widthName];
  const height = mapping.values[heightName];
  if (typeof width !== 'number' && typeof height !== 'number') return null;
  const asked = grown(
    {
      width: typeof width === 'number' ? width : Number(height) * ratio,
      height: typeof height === 'number' ? height : Number(width) / ratio,
    },
    { areaPixelsMin, multiple: rule.multiple },
  );
  // Rounding must not begin a megapixel that the price did not count.
  const areaPriced = Math.ceil(megapixelsIn(asked)) * PIXELS_PER_MEGAPIXEL;
  const size = nearestSize(asked, Math.min(areaPixelsMax, areaPriced), rule);
  const roundReason = `The model makes sides in steps of ${rule.multiple} pixels, within its limits.`;
  if (typeof width === 'number' && width !== size.width)
    note(mapping, widthName, { applied: size.width, reason: roundReason });
  if (typeof height === 'number' && height !== size.height)
    note(mapping, heightName, { applied: size.height, reason: roundReason });
  const overruled = [
    ...(hasBothSides(mapping, rule) ? [name] : []),
    ...(rule.areaFrom === undefined ? [] : [rule.areaFrom.parameter]),
  ];
  for (const parameter of overruled) {
    note(mapping, parameter, { applied: sizeText(size), reason: 'The sides given in pixels come first.' });
  }
  return size;
}

/** Sides in the same shape that reach the least area together; as they are where they do. */
function grown(size: Size, { areaPixelsMin, multiple }: { areaPixelsMin: number; multiple: number }): Size {
  const factor = Math.sqrt(areaPixelsMin / (size.width * size.height));
  if (!(factor > 1)) return size;
  const fit = (side: number): number => Math.ceil((side * factor) / multiple) * multiple;
  return { width: fit(size.width), height: fit(size.height) };
}

function sizeText({ width, height }: Size, separator = 'x'): string {
  return `${width}${separator}${height}`;
}
