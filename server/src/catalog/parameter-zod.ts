import { z } from 'zod';

import type { ParameterSchema } from './model.ts';

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

/** The part of a parameter's schema that decides whether a value passes, for `z.fromJSONSchema`. */
export function validationRules(schema: ParameterSchema): Exclude<JsonSchema, boolean> {
  const {
    description: _text,
    default: _preset,
    'x-choices': _choices,
    'x-group': _group,
    'x-widget': _widget,
    ...rules
  } = schema;
  // Safe: Zod's type differs only in that its lists are not readonly, and it does not change what it is given.
  return rules as Exclude<JsonSchema, boolean>;
}

/** Checks one parameter's value; texts are Zod's. */
export function zodForParameter(schema: ParameterSchema): z.ZodType {
  return z.fromJSONSchema(validationRules(schema));
}
