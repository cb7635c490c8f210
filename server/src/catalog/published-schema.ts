import { isJsonObject, textOf, type JsonValue } from './json-value.ts';

/** The JSON Schema of an input as a provider publishes it, with the document that its references lead into. */
export interface PublishedSchema {
  input: unknown;
  document: unknown;
}

/** A schema without references and alternatives. */
export type Branch = Readonly<Record<string, unknown>>;

/** A schema that leads to itself ends here. */
const DEPTH_MAX = 8;
/** Longer lists are cut in texts for people. */
const WORDS_SHOWN_MAX = 12;

/** The alternatives of a schema, with references followed and parts of `allOf` laid together. */
export function branchesOf(schema: PublishedSchema, given: unknown, depth = 0): Branch[] {
  if (!isJsonObject(given) || depth > DEPTH_MAX) return [{}];
  const { $ref: reference, allOf, anyOf, oneOf, ...own } = given;
  if (typeof reference === 'string') return branchesOf(schema, referred(schema.document, reference), depth + 1);
  const parts = [own, ...(Array.isArray(allOf) ? allOf.flatMap((part) => branchesOf(schema, part, depth + 1)) : [])];
  const base: Branch = Object.assign({}, ...parts);
  const choices = [anyOf, oneOf].flatMap((list): unknown[] => (Array.isArray(list) ? list : []));
  if (choices.length === 0) return [base];
  return choices.flatMap((choice) => branchesOf(schema, choice, depth + 1)).map((branch) => ({ ...base, ...branch }));
}

/** `#/components/schemas/Name` within a document. */
function referred(document: unknown, reference: string): unknown {
  return reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>(
      (inner, name) => (isJsonObject(inner) && Object.hasOwn(inner, name) ? inner[name] : null),
      document,
    );
}

/** The schemas at a place such as `input.images.0`; null where there is none, `open` where anything may be. */
export function findPlace(schema: PublishedSchema, place: string): Branch[] | 'open' | null {
  let branches = branchesOf(schema, schema.input);
  for (const name of place.split('.')) {
    const inner = branches.flatMap((branch) => {
      const { properties, items } = branch;
      if (/^\d{1,2}$/.test(name)) return items === undefined ? [] : branchesOf(schema, items);
      return isJsonObject(properties) && Object.hasOwn(properties, name) ? branchesOf(schema, properties[name]) : [];
    });
    if (inner.length === 0) return branches.some(isOpen) ? 'open' : null;
    branches = inner;
  }
  return branches;
}

/** Of which nothing is said but, at most, that it is an object or a list. */
function isOpen({ properties, items, type, enum: words }: Branch): boolean {
  return properties === undefined && items === undefined && words === undefined && type !== 'null' && !isPlain(type);
}

function isPlain(type: unknown): boolean {
  return type === 'string' || type === 'integer' || type === 'number' || type === 'boolean';
}

/** Why none of the alternatives takes a value; null where one does. */
export function refusalOf(branches: readonly Branch[], value: JsonValue): string | null {
  const reasons = branches.map((branch) => branchRefusal(branch, value));
  if (reasons.length === 0 || reasons.includes(null)) return null;
  // An alternative of the value's own kind says more than one of another kind.
  return reasons.find((reason) => reason?.startsWith('not') !== true) ?? reasons[0] ?? null;
}

function branchRefusal({ type, enum: words, minimum, maximum }: Branch, value: JsonValue): string | null {
  const said = JSON.stringify(value);
  if (Array.isArray(words)) {
    return words.includes(value) ? null : `${said} is none of ${shown(words)}`;
  }
  const types = Array.isArray(type) ? type : [type];
  if (typeof type === 'string' || Array.isArray(type)) {
    if (!types.some((one) => isOfType(textOf(one), value))) return `not of type ${types.join(' or ')}: ${said}`;
  }
  if (typeof value !== 'number') return null;
  if (typeof minimum === 'number' && value < minimum) return `${said} is below ${minimum}`;
  return typeof maximum === 'number' && value > maximum ? `${said} is above ${maximum}` : null;
}

function shown(words: readonly unknown[]): string {
  const first = words.slice(0, WORDS_SHOWN_MAX).map((word) => JSON.stringify(word));
  return [...first, ...(words.length > WORDS_SHOWN_MAX ? ['…'] : [])].join(', ');
}

function isOfType(type: string, value: JsonValue): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isJsonObject(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}
