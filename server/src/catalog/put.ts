import { isJsonObject, type JsonValue } from './json-value.ts';

/** The values of a JSON object while it is put together. */
export type Fields = Record<string, JsonValue>;

/** Writes a value at a place such as `input.seed`: dots lead into objects, which are made where they are missing. */
export function put(fields: Fields, to: string, value: JsonValue): void {
  const dot = to.indexOf('.');
  if (dot === -1) {
    fields[to] = value;
    return;
  }
  const name = to.slice(0, dot);
  const inner = fields[name];
  // A copy is changed, never what a route's constants hold.
  const next: Fields = isJsonObject(inner) ? { ...inner } : {};
  put(next, to.slice(dot + 1), value);
  fields[name] = next;
}

/** Reads the value at such a place; undefined where there is none. */
export function valueAt(fields: Readonly<Record<string, unknown>>, place: string): unknown {
  return place.split('.').reduce<unknown>((value, name) => (isJsonObject(value) ? value[name] : undefined), fields);
}
