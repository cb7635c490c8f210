import { isJsonObject, textOf, type JsonValue } from './json-value.ts';
import type {
  ClampRule,
  EnlargedWidthRule,
  FileRule,
  FilesRule,
  FoldRule,
  JsonRule,
  MapRule,
  NearestRule,
  ScaleRule,
  TextRule,
  ValuesRule,
} from './map-rule.ts';
import { mapSize } from './map-size.ts';
import {
  note,
  type MappableInput,
  type MappedFile,
  type MappedParameters,
  type Mapping,
  type OrderedSize,
} from './mapping.ts';
import type { Model, Route } from './model.ts';
import { put, valueAt } from './put.ts';

export type { Adjustment, MappableInput, MappedFile, MappedParameters, OrderedSize } from './mapping.ts';

/** Translates checked input for one route of its model. */
export function mapParameters(model: Model, route: Route, input: MappableInput): MappedParameters {
  const result: MappedParameters = { parameters: { ...route.constants }, files: [], adjustments: [], size: null };
  if (route.standIn !== null) {
    const applied = route.upstreamModel === model.id ? route.provider : `${route.provider}: ${route.upstreamModel}`;
    result.adjustments.push({ parameter: 'model', asked: model.id, applied, reason: route.standIn });
  }
  const beside = model.prompt === null ? {} : { prompt: input.prompt };
  const mapping: Mapping = { model, input, values: { ...input.parameters, ...beside }, result };
  for (const [name, rule] of Object.entries(route.map)) applyRule(mapping, name, rule);
  return result;
}

/** The size that a mapped request orders; null where nobody can know it beforehand. */
export function expectedSize(mapped: MappedParameters): OrderedSize | null {
  return mapped.size;
}

/** The parameters with their files, of which `contents` has one text each, in the same order. */
export function withFiles(mapped: MappedParameters, contents: readonly string[]): Record<string, JsonValue> {
  const parameters = { ...mapped.parameters };
  mapped.files.forEach(({ to, index, shape }, position) => {
    const text = contents[position];
    if (text === undefined) throw new RangeError(`no content for file ${position} of ${mapped.files.length}`);
    const content = shape === undefined ? text : inShape(shape, text);
    const list = valueAt(parameters, to);
    // Safe: what stands at a place is JSON.
    const items = Array.isArray(list) ? (list as JsonValue[]) : [];
    put(parameters, to, index === undefined ? content : [...items, content]);
  });
  return parameters;
}

/** A shape with a file's content in its texts. */
function inShape(shape: JsonValue, content: string): JsonValue {
  if (typeof shape === 'string') {
    const comma = content.indexOf(',');
    switch (shape) {
      case '{}':
        return content;
      case '{type}':
        return content.slice('data:'.length, comma).replace(/;base64$/, '');
      case '{base64}':
        return content.slice(comma + 1);
      default:
        return shape;
    }
  }
  if (Array.isArray(shape)) return shape.map((item) => inShape(item, content));
  if (!isJsonObject(shape)) return shape;
  return Object.fromEntries(Object.entries(shape).map(([name, inner]) => [name, inShape(inner, content)]));
}

/** The provider's name for the seed, or null where the route takes none. */
export function seedTarget(route: Route): string | null {
  const rule = route.map['seed'];
  return rule?.rule === 'rename' || rule?.rule === 'fold' ? rule.to : null;
}

/** The parameters that the engine has to apply to the stored file, because the route sends them nowhere. */
export function doneByGateway(route: Route): string[] {
  return Object.keys(route.map).filter((name) => route.map[name]?.rule === 'gateway');
}

function applyRule(mapping: Mapping, name: string, rule: MapRule): void {
  const { values, result } = mapping;
  switch (rule.rule) {
    case 'aspect-ratio-to-pixels':
    case 'aspect-ratio':
      // The size is needed even where the caller named none of the parameters it is made from.
      mapSize(mapping, name, rule);
      return;
    case 'read-by':
    case 'implied':
    case 'gateway':
      return;
    case 'rename': {
      const value = values[name] ?? rule.otherwise;
      if (value !== undefined) put(result.parameters, rule.to, value);
      return;
    }
    case 'drop':
      if (values[name] !== undefined) note(mapping, name, { applied: null, reason: rule.reason });
      return;
    case 'values':
    case 'text':
    case 'nearest':
    case 'json':
    case 'first-items':
    case 'file':
    case 'files':
    case 'scale':
    case 'clamp':
    case 'enlarged-width':
    case 'fold': {
      const value = values[name];
      if (value !== undefined) applyToValue(mapping, { name, rule, value });
      else if (rule.rule === 'values' && rule.absent !== undefined) put(result.parameters, rule.to, rule.absent);
      return;
    }
  }
}

type ValueRule = Extract<
  MapRule,
  {
    rule:
      | 'values'
      | 'text'
      | 'nearest'
      | 'json'
      | 'first-items'
      | 'file'
      | 'files'
      | 'scale'
      | 'clamp'
      | 'enlarged-width'
      | 'fold';
  }
>;

function applyToValue(
  mapping: Mapping,
  { name, rule, value }: { name: string; rule: ValueRule; value: JsonValue },
): void {
  const { parameters, files } = mapping.result;
  switch (rule.rule) {
    case 'values':
      applyTable(mapping, name, { rule, value });
      return;
    case 'text':
      put(parameters, rule.to, inText(rule.text, value));
      return;
    case 'nearest':
      put(parameters, rule.to, nearest(mapping, name, { rule, value: Number(value) }));
      return;
    case 'json':
      applyJson(mapping, name, { rule, value });
      return;
    case 'first-items':
      put(
        parameters,
        rule.to,
        firstItems(mapping, name, { value, max: rule.max }).map((item) =>
          rule.shape === undefined ? item : inShape(rule.shape, textOf(item)),
        ),
      );
      return;
    case 'file':
      // The place counts from what stands in the list already, so that any number says: at its end.
      files.push({
        to: rule.to,
        ...(rule.adds === true ? { index: 0 } : {}),
        url: textOf(value),
        ...formOf(rule),
      });
      return;
    case 'files':
      applyFiles(mapping, name, { rule, value });
      return;
    case 'scale':
      put(parameters, rule.to, scaled(Number(value), rule));
      return;
    case 'clamp':
      put(parameters, rule.to, clamped(mapping, name, { rule, value: Number(value) }));
      return;
    case 'enlarged-width':
      put(parameters, rule.to, enlarged(mapping, name, { rule, factor: Number(value) }));
      return;
    case 'fold':
      put(parameters, rule.to, folded(mapping, name, { rule, value: Number(value) }));
      return;
  }
}

function applyTable(mapping: Mapping, name: string, { rule, value }: { rule: ValuesRule; value: JsonValue }): void {
  const key = textOf(value);
  const known = Object.hasOwn(rule.values, key) ? rule.values[key] : undefined;
  // The load check saw that the table has every value the schema allows, or something else for the others.
  const translated = known ?? (known === undefined ? rule.otherwise?.value : null);
  if (translated === undefined) throw new RangeError(`no counterpart for ${name} = ${key}`);
  const reason = known === undefined ? rule.otherwise?.reason : rule.substitutes?.[key];
  if (reason !== undefined) note(mapping, name, { applied: translated, reason });
  if (translated !== null) put(mapping.result.parameters, rule.to, translated);
}

function inText(text: TextRule['text'], value: JsonValue): string {
  return text.replaceAll('{}', textOf(value));
}

function nearest(mapping: Mapping, name: string, { rule, value }: { rule: NearestRule; value: number }): JsonValue {
  const applied = rule.numbers.reduce((best, number) =>
    Math.abs(number - value) < Math.abs(best - value) ||
    (Math.abs(number - value) === Math.abs(best - value) && number > best)
      ? number
      : best,
  );
  if (applied !== value) note(mapping, name, { applied, reason: rule.reason });
  return rule.text === undefined ? applied : inText(rule.text, applied);
}

function applyJson(mapping: Mapping, name: string, { rule, value }: { rule: JsonRule; value: JsonValue }): void {
  const { parameters } = mapping.result;
  if (rule.as === 'text') return put(parameters, rule.to, textOf(value));
  const read = typeof value === 'string' ? parsed(value) : value;
  if (read === undefined)
    note(mapping, name, { applied: null, reason: 'It is no JSON text, and the provider wants what it says.' });
  else put(parameters, rule.to, read);
}

function parsed(text: string): JsonValue | undefined {
  try {
    // Safe: whatever JSON text says is JSON.
    return JSON.parse(text) as JsonValue;
  } catch {
    // The caller's text; the caller is told.
    return undefined;
  }
}

function firstItems(mapping: Mapping, name: string, { value, max }: { value: JsonValue; max: number }): JsonValue[] {
  const items: JsonValue[] = Array.isArray(value) ? value : [value];
  const applied = items.slice(0, max);
  if (applied.length < items.length) {
    note(mapping, name, { applied, reason: `The model takes at most ${max} of these; the first ${max} are used.` });
  }
  return applied;
}

function applyFiles(mapping: Mapping, name: string, { rule, value }: { rule: FilesRule; value: JsonValue }): void {
  const { to } = rule;
  const max = typeof to === 'string' ? (rule.max ?? 1) : to.length;
  firstItems(mapping, name, { value, max }).forEach((item, index) => {
    const url = textOf(item);
    if (typeof to === 'string') mapping.result.files.push({ to, index, url, ...formOf(rule) });
    else mapping.result.files.push({ to: to[index] ?? name, url, ...formOf(rule) });
  });
}

function formOf({ as, shape }: FileRule | FilesRule): Pick<MappedFile, 'as' | 'shape'> {
  return shape === undefined ? { as } : { as, shape };
}

/** Between two points on the straight line through them; two decimals are finer than any model can tell. */
function scaled(value: number, { points }: ScaleRule): number {
  const next = points.findIndex((point, index) => index > 0 && value <= point.from);
  const end = points[next === -1 ? points.length - 1 : next];
  const start = points[(next === -1 ? points.length - 1 : next) - 1];
  if (start === undefined || end === undefined) throw new RangeError('a scale needs two points');
  const part = Math.min(1, Math.max(0, (value - start.from) / (end.from - start.from)));
  return Math.round((start.to + part * (end.to - start.to)) * 100) / 100;
}

function clamped(mapping: Mapping, name: string, { rule, value }: { rule: ClampRule; value: number }): JsonValue {
  const applied = Math.min(rule.maximum, Math.max(rule.minimum, value));
  if (applied !== value) note(mapping, name, { applied, reason: rule.reason });
  return rule.as === 'text' ? String(applied) : applied;
}

/** Throws RangeError for a file that was not measured: what goes by a file is measured before anything is held. */
function enlarged(
  mapping: Mapping,
  name: string,
  { rule, factor }: { rule: EnlargedWidthRule; factor: number },
): JsonValue {
  const width = mapping.input.inputs?.[rule.of]?.width;
  if (width == null) throw new RangeError(`no width for ${rule.of}`);
  const applied = Math.min(rule.maximum, Math.round(width * factor));
  if (applied < Math.round(width * factor)) note(mapping, name, { applied, reason: rule.reason });
  return applied;
}

function folded(mapping: Mapping, name: string, { rule, value }: { rule: FoldRule; value: number }): number {
  const applied = ((value % rule.below) + rule.below) % rule.below;
  if (applied !== value)
    note(mapping, name, { applied, reason: `The provider takes numbers from 0 to ${rule.below - 1}.` });
  return applied;
}
