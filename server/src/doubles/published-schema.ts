import type { Field, Fields } from './check-fields.ts';

/** A JSON Schema of an object, as far as this program's doubles write one. */
type Schema = Readonly<Record<string, unknown>>;

/** The schema that a provider would publish of an input with these fields. */
export function schemaOf(fields: Fields): Schema {
  const required = Object.entries(fields).flatMap(([name, { isRequired }]) => (isRequired === true ? [name] : []));
  const properties = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, fieldSchema(field)]));
  return { type: 'object', properties, ...(required.length === 0 ? {} : { required }) };
}

function fieldSchema(field: Field): Schema {
  const schema = bareSchema(field);
  return field.isNullable === true ? { ...schema, nullable: true } : schema;
}

function bareSchema(field: Field): Schema {
  switch (field.type) {
    case 'any':
      return {};
    case 'boolean':
      return { type: 'boolean' };
    case 'integer':
    case 'number':
      return present({ type: field.type, minimum: field.min, maximum: field.max, multipleOf: field.multipleOf });
    case 'text':
      return present({
        type: 'string',
        minLength: field.lengthMin,
        maxLength: field.lengthMax,
        pattern: field.pattern?.source,
      });
    case 'choice':
      return { type: 'string', enum: field.values };
    case 'address':
    case 'picture':
      return { type: 'string', format: 'uri' };
    case 'addresses':
      return { type: 'array', items: { type: 'string', format: 'uri' } };
    case 'pictures':
      return { type: 'array', items: { type: 'string', format: 'uri' }, maxItems: field.countMax };
    case 'objects':
      return { type: 'array', items: schemaOf(field.fields), maxItems: field.countMax };
    case 'object':
      return schemaOf(field.fields);
    case 'list':
      return { type: 'array', items: fieldSchema(field.items), minItems: field.countMin, maxItems: field.countMax };
    case 'size': {
      const side = { type: 'integer', minimum: field.sideMin, maximum: field.sideMax };
      const pixels = { type: 'object', properties: { width: side, height: side } };
      return { anyOf: [pixels, { type: 'string', enum: field.words }] };
    }
  }
}

function present(schema: Schema): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}
