import { readPicture } from './read-picture.ts';

/** What one field of an input may be. A field that is left out is fine unless it `isRequired`. */
export type Field = { isRequired?: boolean; isNullable?: boolean } & (
  | { type: 'text'; lengthMin?: number; lengthMax?: number; pattern?: RegExp }
  | { type: 'integer' | 'number'; min?: number; max?: number; multipleOf?: number }
  | { type: 'boolean' }
  /** Of which nothing is known but the name. */
  | { type: 'any' }
  /** Where a file of any kind lies: an http or data address, or a list of them. */
  | { type: 'address' | 'addresses' }
  | { type: 'choice'; values: readonly string[] }
  /** Base64 or an address: which of them, `form` says. Base64 must decode to a PNG, JPEG or WebP. */
  | { type: 'picture'; form: PictureForm }
  | { type: 'pictures'; form: PictureForm; countMin: number; countMax: number }
  /** A list of objects that have these fields and no others. */
  | { type: 'objects'; fields: Fields; countMax: number }
  /** One of these words, or an object with width and height. */
  | { type: 'size'; words: readonly string[]; sideMin: number; sideMax: number }
  /** An object that has no other fields than these. */
  | { type: 'object'; fields: Fields }
  | { type: 'list'; items: Field; countMin: number; countMax: number }
);

/** How a picture may be given: bare base64, an http or data address, or either of bare base64 and an http address. */
export type PictureForm = 'base64' | 'address' | 'either';

export type Fields = Readonly<Record<string, Field>>;

/** One thing that is wrong with an input, for the double to put into its provider's words. */
export interface Problem {
  path: (string | number)[];
  rule:
    | 'missing'
    | 'unknown'
    | 'type'
    | 'choice'
    | 'min'
    | 'max'
    | 'multiple'
    | 'length'
    | 'pattern'
    | 'count'
    | 'picture';
  /** What would be right, as a noun or a number: `integer`, `256`, `'jpeg' or 'png'`. */
  wanted: string;
  given: unknown;
}

/** Everything that is wrong with an input. `areUnknownRefused` is for providers whose schema allows no further fields. */
export function checkFields(
  fields: Fields,
  input: Readonly<Record<string, unknown>>,
  options: { areUnknownRefused: boolean },
): Problem[] {
  const known = Object.entries(fields).flatMap(([name, field]) => checkField([name], field, input[name]));
  return options.areUnknownRefused ? [...known, ...checkUnknown([], fields, input)] : known;
}

function checkUnknown(path: Problem['path'], fields: Fields, input: Readonly<Record<string, unknown>>): Problem[] {
  return Object.keys(input)
    .filter((name) => fields[name] === undefined)
    .map((name) => problem([...path, name], 'unknown', { wanted: 'no such field', given: input[name] }));
}

function checkField(path: Problem['path'], field: Field, value: unknown): Problem[] {
  if (value === undefined) {
    return field.isRequired === true ? [problem(path, 'missing', { wanted: 'a value', given: null })] : [];
  }
  if (value === null && field.isNullable === true) return [];
  return checkValue(path, field, value);
}

function checkValue(path: Problem['path'], field: Field, value: unknown): Problem[] {
  const wrongType = (wanted: string): Problem[] => [problem(path, 'type', { wanted, given: value })];
  switch (field.type) {
    case 'any':
      return [];
    case 'address':
      return typeof value === 'string' ? checkAddress(path, value) : wrongType('string');
    case 'addresses':
      return Array.isArray(value)
        ? value.flatMap((item, index) => checkValue([...path, index], { type: 'address' }, item))
        : wrongType('array');
    case 'boolean':
      return typeof value === 'boolean' ? [] : wrongType('boolean');
    case 'integer':
      return Number.isSafeInteger(value) ? checkNumber(path, field, Number(value)) : wrongType('integer');
    case 'number':
      return typeof value === 'number' ? checkNumber(path, field, value) : wrongType('number');
    case 'text':
      return typeof value === 'string' ? checkText(path, field, value) : wrongType('string');
    case 'choice': {
      const wanted = field.values.map((word) => `'${word}'`).join(', ');
      return typeof value === 'string' && field.values.includes(value)
        ? []
        : [problem(path, 'choice', { wanted, given: value })];
    }
    case 'picture':
      return typeof value === 'string' ? checkPicture(path, field.form, value) : wrongType('string');
    case 'pictures':
      return Array.isArray(value) ? checkPictures(path, field, value) : wrongType('array');
    case 'objects':
      return Array.isArray(value) ? checkObjects(path, field, value) : wrongType('array');
    case 'size':
      return checkSize(path, field, value);
    case 'object': {
      const inner = objectIn(value);
      if (inner === null) return wrongType('object');
      const { fields } = field;
      return [
        ...Object.entries(fields).flatMap(([name, one]) => checkField([...path, name], one, inner[name])),
        ...checkUnknown(path, fields, inner),
      ];
    }
    case 'list':
      return Array.isArray(value) ? checkItems(path, field, value) : wrongType('array');
  }
}

function checkItems(path: Problem['path'], field: Extract<Field, { type: 'list' }>, given: unknown[]): Problem[] {
  const { countMin, countMax, items } = field;
  if (given.length < countMin || given.length > countMax) {
    return [problem(path, 'count', { wanted: `${countMin} to ${countMax}`, given: given.length })];
  }
  return given.flatMap((item, index) => checkValue([...path, index], items, item));
}

function checkNumber(
  path: Problem['path'],
  { min, max, multipleOf }: { min?: number; max?: number; multipleOf?: number },
  given: number,
): Problem[] {
  if (min !== undefined && given < min) return [problem(path, 'min', { wanted: String(min), given })];
  if (max !== undefined && given > max) return [problem(path, 'max', { wanted: String(max), given })];
  if (multipleOf !== undefined && given % multipleOf !== 0) {
    return [problem(path, 'multiple', { wanted: String(multipleOf), given })];
  }
  return [];
}

function checkText(path: Problem['path'], field: Extract<Field, { type: 'text' }>, given: string): Problem[] {
  const { lengthMin = 0, lengthMax = Infinity, pattern } = field;
  if (given.length < lengthMin) return [problem(path, 'length', { wanted: `at least ${lengthMin}`, given })];
  if (given.length > lengthMax) return [problem(path, 'length', { wanted: `at most ${lengthMax}`, given })];
  if (pattern?.test(given) === false) return [problem(path, 'pattern', { wanted: pattern.source, given })];
  return [];
}

function checkAddress(path: Problem['path'], given: string): Problem[] {
  const isAddress = /^(?:https?:\/\/|data:[a-z0-9]+\/[a-z0-9.+-]+;base64,)/i.test(given) && URL.canParse(given);
  return isAddress ? [] : [problem(path, 'picture', { wanted: 'address', given: given.slice(0, 32) })];
}

function checkPictures(
  path: Problem['path'],
  field: Extract<Field, { type: 'pictures' }>,
  given: unknown[],
): Problem[] {
  const { countMin, countMax, form } = field;
  if (given.length < countMin || given.length > countMax) {
    return [problem(path, 'count', { wanted: `${countMin} to ${countMax}`, given: given.length })];
  }
  return given.flatMap((item, index) => checkValue([...path, index], { type: 'picture', form }, item));
}

function checkObjects(
  path: Problem['path'],
  { fields, countMax }: Extract<Field, { type: 'objects' }>,
  given: unknown[],
): Problem[] {
  if (given.length > countMax) return [problem(path, 'count', { wanted: `at most ${countMax}`, given: given.length })];
  return given.flatMap((item, index) => {
    const object = objectIn(item);
    if (object === null) return [problem([...path, index], 'type', { wanted: 'object', given: item })];
    return checkFields(fields, object, { areUnknownRefused: true }).map((inner) => ({
      ...inner,
      path: [...path, index, ...inner.path],
    }));
  });
}

function checkPicture(path: Problem['path'], form: PictureForm, given: string): Problem[] {
  const isWeb = /^https?:\/\//.test(given) && URL.canParse(given);
  const isRight =
    form === 'address'
      ? isWeb || pictureIn(given.replace(/^data:image\/[a-z]+;base64,/, (head) => (head === '' ? '!' : ''))) !== null
      : (form === 'either' && isWeb) || pictureIn(given) !== null;
  const isBare = form === 'address' && !isWeb && !given.startsWith('data:');
  return isRight && !isBare ? [] : [problem(path, 'picture', { wanted: form, given: given.slice(0, 32) })];
}

/** The head of a picture in bare base64, or behind `data:`; null when it is none. */
export function pictureIn(text: string): ReturnType<typeof readPicture> {
  const base64 = text.startsWith('data:') ? text.slice(text.indexOf(',') + 1) : text;
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? readPicture(Buffer.from(base64, 'base64')) : null;
}

function checkSize(path: Problem['path'], field: Extract<Field, { type: 'size' }>, value: unknown): Problem[] {
  if (typeof value === 'string' || typeof value !== 'object' || value === null) {
    return checkValue(path, { type: 'choice', values: field.words }, value);
  }
  const side: Field = { type: 'integer', min: field.sideMin, max: field.sideMax };
  const { width, height }: { width?: unknown; height?: unknown } = value;
  return [...checkValue([...path, 'width'], side, width), ...checkValue([...path, 'height'], side, height)];
}

function problem(
  path: Problem['path'],
  rule: Problem['rule'],
  { wanted, given }: { wanted: string; given: unknown },
): Problem {
  return { path, rule, wanted, given };
}

/** A field's text; `otherwise` when it is left out or no text. */
export function textIn(input: Readonly<Record<string, unknown>>, name: string, otherwise: string): string {
  const value = input[name];
  return typeof value === 'string' ? value : otherwise;
}

/** A JSON value as an object; null when it is none. */
export function objectIn(json: unknown): Record<string, unknown> | null {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
  return Object.fromEntries(Object.entries(json));
}
