import { isJsonObject, textOf, type JsonValue } from './json-value.ts';
import { targetsOf, type MapRule } from './map-rule.ts';
import type { Model, ParameterSchema, Route } from './model.ts';
import { branchesOf, findPlace, refusalOf, type PublishedSchema } from './published-schema.ts';

/** One thing that a route sends, or does not send, and that the provider's schema does not allow. */
export interface RouteDifference {
  kind: 'unknown-field' | 'missing-field' | 'refused-value' | 'too-many-items';
  /** In the provider's words; dots lead into objects. */
  field: string;
  text: string;
}

/** What the provider takes and a route never sends. */
export interface RouteOffer {
  field: string;
  /** Words of its list that are never sent; null where the whole field is not. */
  values: readonly JsonValue[] | null;
}

/** Holds what a route may send against the schema that its provider publishes of its input. */
export function compareRoute(
  model: Pick<Model, 'parameters'>,
  route: Pick<Route, 'map' | 'constants'>,
  schema: PublishedSchema,
): { differences: RouteDifference[]; offers: RouteOffer[] } {
  const sent = [
    ...Object.entries(route.constants).map(([to, value]): Sent => ({ to, values: isList(value) ? [] : [value] })),
    ...Object.entries(route.map).flatMap(([name, rule]) => sentBy(rule, model.parameters[name])),
  ];
  const tops = new Set(sent.map(({ to }) => to.split('.')[0] ?? to));
  const roots = branchesOf(schema, schema.input);
  const missing = roots.flatMap((root) => listOf(root['required'])).filter((name) => !tops.has(textOf(name)));
  const fields = roots.flatMap((root) => (isJsonObject(root['properties']) ? Object.keys(root['properties']) : []));
  return {
    differences: [
      ...missing.map((name) => missingField(textOf(name))),
      ...sent.flatMap((one) => differencesOf(schema, one)),
    ],
    offers: [
      ...fields.filter((field) => !tops.has(field)).map((field) => ({ field, values: null })),
      ...offeredValues(schema, sent),
    ],
  };
}

/** What one rule may write to one place: values of a list, ends of a range, and how many items. */
interface Sent {
  to: string;
  values: readonly JsonValue[];
  items?: number;
}

function sentBy(rule: MapRule, schema: ParameterSchema | undefined): Sent[] {
  const valuesOf: Readonly<Record<string, readonly JsonValue[]>> = valuesByTarget(rule, schema);
  const items = itemsOf(rule, schema);
  return targetsOf(rule).map((to) => ({
    to,
    values: Object.hasOwn(valuesOf, to) ? (valuesOf[to] ?? []) : [],
    ...(items === null ? {} : { items }),
  }));
}

function valuesByTarget(rule: MapRule, schema: ParameterSchema | undefined): Record<string, readonly JsonValue[]> {
  switch (rule.rule) {
    case 'rename':
      return { [rule.to]: [...typicalValues(schema), ...(rule.otherwise === undefined ? [] : [rule.otherwise])] };
    case 'values':
      return {
        [rule.to]: [...Object.values(rule.values), rule.otherwise?.value ?? null].filter((one) => one !== null),
      };
    case 'text':
      return { [rule.to]: typicalValues(schema).map((value) => filled(rule.text, value)) };
    case 'nearest': {
      const { text } = rule;
      return { [rule.to]: rule.numbers.map((number) => (text === undefined ? number : filled(text, number))) };
    }
    case 'scale':
      return { [rule.to]: rule.points.map((point) => point.to) };
    case 'clamp': {
      const ends = [rule.minimum, rule.maximum];
      return { [rule.to]: rule.as === 'text' ? ends.map(String) : ends };
    }
    case 'fold':
      return { [rule.to]: [0, rule.below - 1] };
    case 'enlarged-width':
      return { [rule.to]: [rule.maximum] };
    case 'aspect-ratio': {
      const words = typeof rule.others === 'string' ? [] : [rule.others.word];
      const area = rule.area === undefined ? {} : { [rule.area.to]: Object.values(rule.area.words) };
      return { [rule.to]: [...rule.ratios, ...words], ...area };
    }
    case 'aspect-ratio-to-pixels':
      return 'object' in rule.to ? { [rule.to.object]: Object.values(rule.to.words).map(({ word }) => word) } : {};
    case 'json':
    case 'file':
    case 'files':
    case 'first-items':
    case 'drop':
    case 'read-by':
    case 'implied':
    case 'gateway':
      return {};
  }
}

/** The words of a list, the ends of a range, one value of a kind; none of a free text. */
function typicalValues(schema: ParameterSchema | undefined): JsonValue[] {
  if (schema?.enum !== undefined) return [...schema.enum];
  if (schema?.type === 'boolean') return [true, false];
  if (schema?.type !== 'integer' && schema?.type !== 'number') return [];
  return [schema.minimum, schema.maximum].filter((end) => end !== undefined);
}

function filled(text: string, value: JsonValue): string {
  return text.replace('{}', textOf(value));
}

/** How many items one list may come with; null where none goes there. */
function itemsOf(rule: MapRule, schema: ParameterSchema | undefined): number | null {
  const own = schema?.type === 'array' ? (schema.maxItems ?? Infinity) : 1;
  if (rule.rule === 'first-items') return Math.min(rule.max, own);
  return rule.rule === 'files' && rule.max !== undefined ? Math.min(rule.max, own) : null;
}

function differencesOf(schema: PublishedSchema, { to, values, items }: Sent): RouteDifference[] {
  const place = findPlace(schema, to);
  if (place === 'open') return [];
  if (place === null) return [{ kind: 'unknown-field', field: to, text: `"${to}" is no field of it` }];
  const refused = values.flatMap((value): RouteDifference[] => {
    const reason = refusalOf(place, value);
    return reason === null ? [] : [{ kind: 'refused-value', field: to, text: `"${to}": ${reason}` }];
  });
  const itemsMax = Math.max(...place.map((branch) => Number(branch['maxItems'] ?? Infinity)));
  if (items === undefined || items <= itemsMax) return refused;
  const text = `"${to}": ${itemsMax} items at most, we send up to ${items}`;
  return [...refused, { kind: 'too-many-items', field: to, text }];
}

function missingField(field: string): RouteDifference {
  return { kind: 'missing-field', field, text: `"${field}" is required and never sent` };
}

/** Words of the provider's lists that no rule writes; a place that takes free text from us is left out. */
function offeredValues(schema: PublishedSchema, sent: readonly Sent[]): RouteOffer[] {
  return sent.flatMap(({ to, values }) => {
    const place = findPlace(schema, to);
    if (place === 'open' || place === null || values.length === 0) return [];
    const unsent = place.flatMap((branch) => listOf(branch['enum'])).filter((word) => !values.includes(word));
    return unsent.length === 0 ? [] : [{ field: to, values: unsent }];
  });
}

function listOf(value: unknown): JsonValue[] {
  // Safe: schemas are read from JSON.
  return Array.isArray(value) ? (value as JsonValue[]) : [];
}

function isList(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null;
}
