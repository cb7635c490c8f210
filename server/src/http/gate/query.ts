import type { z } from 'zod';

import { refuseInput } from '../../core/refuse-input.ts';
import type { Call } from './door.ts';

/** The query's values by a schema; throws a 400 that names each wrong one. Names that the schema lacks are let pass. */
export function queryOf<T>(call: Call, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(call.context.req.query());
  if (parsed.success) return parsed.data;
  const details: Record<string, string[]> = {};
  for (const issue of parsed.error.issues) (details[issue.path.join('.') || '$'] ??= []).push(issue.message);
  throw refuseInput(details);
}
