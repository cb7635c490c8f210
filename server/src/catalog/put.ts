import { isJsonObject, type JsonValue } from './json-value.ts';

/** The values of a JSON object while it is put together. */
export type Fields = Record<string, JsonValue>;

/**
 * Writes a value at a place such as `input.seed` or `contents.0.text`: dots lead into objects, and numbers into lists,
 * which are made where they are missing.
 */
export function put(fields: Fields, to: string, value: JsonValue): void {
  const [name = to, ...inner] = to.split('.');
  fields[name] = withValue(fields[name], inner, value);
}

/** What stands there with the value inside it: a copy is changed, never what a route's constants hold. */
function withValue(outer: unknown, place: readonly string[], value: JsonValue): JsonValue {
  const [name, ...inner] = place;
  if (name === undefined) return value;
  if (LIST_PLACE.test(name)) {
    // Safe: what stands at a place is JSON.
    const list = Array.isArray(outer) ? ([...outer] as JsonValue[]) : [];
    list[Number(name)] = withValue(list[Number(name)], inner, value);
    return list;
  }
  // Safe: as above.
  const object = isJsonObject(outer) ? ({ ...outer } as Fields) : {};
  object[name] = withValue(Object.hasOwn(object, name) ? object[name] : undefined, inner, value);
  return object;
}

/** Reads the value at such a place; undefined where there is none. */
export function valueAt(fields: Readonly<Record<string, unknown>>, place: string): unknown {
  return place.split('.').reduce<unknown>((value, name) => {
    if (Array.isArray(value)) return LIST_PLACE.test(name) ? value[Number(name)] : undefined;
    return isJsonObject(value) ? value[name] : undefined;
  }, fields);
}

/** A list of a request has few fixed places. */
const LIST_PLACE = /^\d{1,2}$/;
