import { textOf, type JsonValue } from './json-value.ts';
import type { ClampRule, FilesRule, FoldRule, MapRule, ScaleRule } from './map-rule.ts';
import { mapSize } from './map-size.ts';
import { note, type MappableInput, type MappedParameters, type Mapping, type OrderedSize } from './mapping.ts';
import type { Model, Route } from './model.ts';

export type { Adjustment, MappableInput, MappedFile, MappedParameters, OrderedSize } from './mapping.ts';

/** Translates checked input for one route of its model. */
export function mapParameters(model: Model, route: Route, input: MappableInput): MappedParameters {
  const result: MappedParameters = { parameters: { ...route.constants }, files: [], adjustments: [], size: null };
  if (route.standIn !== null) {
    const applied = route.upstreamModel === model.id ? route.provider : `${route.provider}: ${route.upstreamModel}`;
    result.adjustments.push({ parameter: 'model', asked: model.id, applied, reason: route.standIn });
  }
  const mapping: Mapping = { model, input, values: { ...input.parameters, prompt: input.prompt }, result };
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
  mapped.files.forEach(({ to, index }, position) => {
    const content = contents[position];
    if (content === undefined) throw new RangeError(`no content for file ${position} of ${mapped.files.length}`);
    const list = parameters[to];
    parameters[to] = index === undefined ? content : [...(Array.isArray(list) ? list : []), content];
  });
  return parameters;
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
      if (value !== undefined) result.parameters[rule.to] = value;
      return;
    }
    case 'drop':
      if (values[name] !== undefined) note(mapping, name, { applied: null, reason: rule.reason });
      return;
    case 'values':
    case 'first-items':
    case 'file':
    case 'files':
    case 'scale':
    case 'clamp':
    case 'fold': {
      const value = values[name];
      if (value !== undefined) applyToValue(mapping, { name, rule, value });
      return;
    }
  }
}

type ValueRule = Extract<MapRule, { rule: 'values' | 'first-items' | 'file' | 'files' | 'scale' | 'clamp' | 'fold' }>;

function applyToValue(
  mapping: Mapping,
  { name, rule, value }: { name: string; rule: ValueRule; value: JsonValue },
): void {
  const { parameters, files } = mapping.result;
  switch (rule.rule) {
    case 'values': {
      // The load check saw that the table has every value the schema allows.
      const translated = rule.values[textOf(value)];
      if (translated === undefined) throw new RangeError(`no counterpart for ${name} = ${JSON.stringify(value)}`);
      parameters[rule.to] = translated;
      return;
    }
    case 'first-items':
      parameters[rule.to] = firstItems(mapping, name, { value, max: rule.max });
      return;
    case 'file':
      files.push({ to: rule.to, url: textOf(value), as: rule.as });
      return;
    case 'files':
      applyFiles(mapping, name, { rule, value });
      return;
    case 'scale':
      parameters[rule.to] = scaled(Number(value), rule);
      return;
    case 'clamp':
      parameters[rule.to] = clamped(mapping, name, { rule, value: Number(value) });
      return;
    case 'fold':
      parameters[rule.to] = folded(mapping, name, { rule, value: Number(value) });
      return;
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
  const { to, as } = rule;
  const max = typeof to === 'string' ? (rule.max ?? 1) : to.length;
  firstItems(mapping, name, { value, max }).forEach((item, index) => {
    const url = textOf(item);
    if (typeof to === 'string') mapping.result.files.push({ to, index, url, as });
    else mapping.result.files.push({ to: to[index] ?? name, url, as });
  });
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

function folded(mapping: Mapping, name: string, { rule, value }: { rule: FoldRule; value: number }): number {
  const applied = ((value % rule.below) + rule.below) % rule.below;
  if (applied !== value)
    note(mapping, name, { applied, reason: `The provider takes numbers from 0 to ${rule.below - 1}.` });
  return applied;
}
