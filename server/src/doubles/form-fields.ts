import type { Field, Fields } from './check-fields.ts';
import type { DoubleRequest } from './double.ts';

/**
 * The fields of a form (`multipart/form-data`) as values that can be checked: a file as a `data:` URL, a text as the
 * number, the switch or the object that its field wants where it can be read as one, and a list wherever the field is one
 * or the name came again. null for a body that is no form.
 */
export async function readForm(
  { body, headers }: DoubleRequest,
  fields: Fields,
): Promise<Record<string, unknown> | null> {
  const type = headers['content-type'] ?? '';
  if (!/^multipart\/form-data; ?boundary=/i.test(type)) return null;
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } })
    .formData()
    // A form that breaks off is none.
    .catch(() => null);
  if (form === null) return null;
  const read: Record<string, unknown> = {};
  for (const name of new Set(form.keys())) {
    const field = fields[name];
    const isList = field?.type === 'list' || field?.type === 'pictures';
    const item = field?.type === 'list' ? field.items : field;
    const values = await Promise.all(form.getAll(name).map((value) => valueOf(value, item)));
    read[name] = isList || values.length > 1 ? values : values[0];
  }
  return read;
}

async function valueOf(value: File | string, field: Field | undefined): Promise<unknown> {
  if (typeof value !== 'string') {
    return `data:${value.type};base64,${Buffer.from(await value.arrayBuffer()).toString('base64')}`;
  }
  const type = field?.type;
  if (type === 'object') return parsed(value);
  if (type === 'boolean' && /^(true|false)$/.test(value)) return value === 'true';
  const isNumber = (type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(value);
  // What cannot be read as its field wants it stays a text, and is refused as such.
  return isNumber ? Number(value) : value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The check tells that it is no object.
    return text;
  }
}
