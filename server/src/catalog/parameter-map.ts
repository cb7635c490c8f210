import { textOf, type JsonValue } from './json-value.ts';
import type { AspectRatioToPixelsRule, MapRule, Model, Route } from './model.ts';
import { nearestSize, ratioOf, sizeForRatio, type Size } from './pixels-from-ratio.ts';

/** A wish that the route cannot meet as asked. The caller is told: nothing is dropped in silence. */
export interface Adjustment {
  parameter: string;
  asked: JsonValue;
  /** What is done instead; null when nothing is. */
  applied: JsonValue;
  reason: string;
}

/** Parameters in the provider's own names, and what had to be changed on the way. */
export interface MappedParameters {
  parameters: Record<string, JsonValue>;
  adjustments: Adjustment[];
}

/** What a caller's checked input gives to the map. */
export interface MappableInput {
  prompt: string;
  /** With defaults filled in. */
  parameters: Readonly<Record<string, JsonValue>>;
  /** As sent; tells a wish from a default. */
  given: Readonly<Record<string, JsonValue>>;
}

/** A shape that is off by less than this is what the caller asked for: sides come in steps. */
const SHAPE_TOLERANCE = 0.04;

/** A ratio may have a million digits; nobody has to read them back. */
const ASKED_LENGTH_MAX = 200;

interface Mapping {
  model: Model;
  input: MappableInput;
  values: Readonly<Record<string, JsonValue>>;
  result: MappedParameters;
}

/** Translates checked input for one route of its model. */
export function mapParameters(model: Model, route: Route, input: MappableInput): MappedParameters {
  const result: MappedParameters = { parameters: { ...route.constants }, adjustments: [] };
  const mapping: Mapping = { model, input, values: { ...input.parameters, prompt: input.prompt }, result };
  for (const [name, rule] of Object.entries(route.map)) applyRule(mapping, name, rule);
  return result;
}

function applyRule(mapping: Mapping, name: string, rule: MapRule): void {
  const { values, result } = mapping;
  // The size is needed even where the caller named none of the parameters it is made from.
  if (rule.rule === 'aspect-ratio-to-pixels') return applyPixels(mapping, name, rule);
  const value = values[name];
  if (value === undefined) return;
  switch (rule.rule) {
    case 'rename':
      result.parameters[rule.to] = value;
      return;
    case 'values': {
      // The load check saw that the table has every value the schema allows.
      const translated = rule.values[textOf(value)];
      if (translated === undefined) throw new RangeError(`no counterpart for ${name} = ${JSON.stringify(value)}`);
      result.parameters[rule.to] = translated;
      return;
    }
    case 'first-items': {
      const items = Array.isArray(value) ? value : [value];
      const applied = items.slice(0, rule.max);
      result.parameters[rule.to] = applied;
      if (applied.length < items.length) {
        note(mapping, name, {
          applied,
          reason: `The model takes at most ${rule.max} of these; the first ${rule.max} are used.`,
        });
      }
      return;
    }
    case 'drop':
      note(mapping, name, { applied: null, reason: rule.reason });
      return;
    case 'read-by':
      return;
  }
}

/** Writes an adjustment down if the caller asked for something that makes a difference. */
function note(mapping: Mapping, parameter: string, { applied, reason }: { applied: JsonValue; reason: string }): void {
  const asked = mapping.input.given[parameter];
  const isDefault = asked === mapping.model.parameters[parameter]?.default;
  // A dropped wish for what happens anyway is no loss; a changed one is told even then.
  if (asked === undefined || (isDefault && applied === null)) return;
  const told = typeof asked === 'string' ? asked.slice(0, ASKED_LENGTH_MAX) : asked;
  mapping.result.adjustments.push({ parameter, asked: told, applied, reason });
}

function applyPixels(mapping: Mapping, name: string, rule: AspectRatioToPixelsRule): void {
  const ratio = usableRatio(mapping.values[name], rule);
  const size = sizeFromSides(mapping, name, { rule, ratio }) ?? sizeForRatio(ratio, areaFor(mapping, rule), rule);
  mapping.result.parameters[rule.to.width] = size.width;
  mapping.result.parameters[rule.to.height] = size.height;
  const asked = mapping.input.given[name];
  if (typeof asked !== 'string' || hasBothSides(mapping, rule)) return;
  const wanted = ratioOf(asked);
  const shape = size.width / size.height;
  const isNear = wanted !== null && Math.abs(Math.log(shape / wanted)) <= SHAPE_TOLERANCE;
  if (!isNear) {
    const reason = Number.isNaN(wanted)
      ? 'This names no shape; a square is made.'
      : 'The model cannot make this shape; the nearest is made.';
    note(mapping, name, { applied: sizeText(size), reason });
  }
}

function areaFor(mapping: Mapping, { areaFrom, areaPixels }: AspectRatioToPixelsRule): number {
  if (areaFrom === undefined) return areaPixels;
  const value = textOf(mapping.values[areaFrom.parameter]);
  const area = areaFrom.areaPixels[value] ?? areaPixels;
  const substitute = areaFrom.substitutes[value];
  if (substitute !== undefined) note(mapping, areaFrom.parameter, { applied: `${area} pixels`, reason: substitute });
  return area;
}

/** The ratio asked for, brought within what sides and model allow; square where it names no shape at all. */
function usableRatio(value: JsonValue | undefined, rule: AspectRatioToPixelsRule): number {
  const asked = typeof value === 'string' ? ratioOf(value) : null;
  const ratio = asked === null || Number.isNaN(asked) ? 1 : asked;
  const narrowest = Math.max(rule.sideMin / rule.sideMax, limitOf(rule.ratioMin) ?? 0);
  const widest = Math.min(rule.sideMax / rule.sideMin, limitOf(rule.ratioMax) ?? Number.POSITIVE_INFINITY);
  return Math.min(widest, Math.max(narrowest, ratio));
}

function limitOf(ratio: string | undefined): number | null {
  return ratio === undefined ? null : ratioOf(ratio);
}

function hasBothSides({ input }: Mapping, { sidesFrom }: AspectRatioToPixelsRule): boolean {
  return (
    sidesFrom !== undefined && input.given[sidesFrom.width] !== undefined && input.given[sidesFrom.height] !== undefined
  );
}

/** The size where the caller gave sides; null where he gave none. */
function sizeFromSides(
  mapping: Mapping,
  name: string,
  { rule, ratio }: { rule: AspectRatioToPixelsRule; ratio: number },
): Size | null {
  if (rule.sidesFrom === undefined) return null;
  const { width: widthName, height: heightName, areaPixelsMax } = rule.sidesFrom;
  const width = mapping.values[widthName];
  const height = mapping.values[heightName];
  if (typeof width !== 'number' && typeof height !== 'number') return null;
  const asked: Size = {
    width: typeof width === 'number' ? width : Number(height) * ratio,
    height: typeof height === 'number' ? height : Number(width) / ratio,
  };
  const size = nearestSize(asked, areaPixelsMax, rule);
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

function sizeText({ width, height }: Size): string {
  return `${width}x${height}`;
}
