import type { z } from 'zod';

import { refuseInput, WHOLE_BODY } from '../../core/refuse-input.ts';

/** A body by a strict schema; throws a 400 that names each wrong or unknown field. Values are never repeated. */
export function parseBody<T>(body: Record<string, unknown>, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  // A Map, as the caller chooses the names: `constructor` is one that every object has.
  const details = new Map<string, string[]>();
  for (const issue of parsed.error.issues) {
    const place = issue.path.join('.');
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [''];
    for (const name of names) {
      const path = [place, name].filter((part) => part !== '').join('.') || WHOLE_BODY;
      details.set(path, [...(details.get(path) ?? []), name === '' ? issue.message : 'Unknown field']);
    }
  }
  throw refuseInput(Object.fromEntries(details));
}
