import { z } from 'zod';

import { microUsd, AMOUNT_MICRO_MAX, type MicroUsd } from '../core/money.ts';
import type { ProviderOutput } from '../core/outcome.ts';
import type { ProviderReference, ProviderRequest } from '../core/provider.ts';

/** A generation's id as providers form them. It becomes part of a path, so nothing that has a meaning there passes. */
export const upstreamId = z.string().regex(/^[A-Za-z0-9][\w.:~-]{0,199}$/);
/** What says which generation it is about. Made once: a schema made for each answer costs ten times what reading does. */
export const named = z.object({ id: upstreamId });
/** A field that we use where it is there: one of the wrong type counts as absent and spoils nothing else. */
export const maybeText = z.string().nullish().catch(null);
export const maybeNumber = z.number().nullish().catch(null);

/** No model of the catalogue makes more files at once; more would be an attack on the disk. */
const OUTPUTS_MAX = 32;

/** The addresses among some values, as outputs: what is no `http:`, `https:` or `data:` address is left out. */
export function outputsOf(values: readonly unknown[]): ProviderOutput[] {
  return values
    .filter((value) => typeof value === 'string' && /^(https?:\/\/|data:)/i.test(value))
    .slice(0, OUTPUTS_MAX)
    .map((url) => ({ url: String(url) }));
}

/** An amount in millionths of a dollar, rounded; null for what is no sensible amount. */
export function costFrom(microDollars: number | null | undefined): MicroUsd | null {
  if (microDollars == null || !(microDollars >= 0) || microDollars > AMOUNT_MICRO_MAX) return null;
  return microUsd(Math.round(microDollars));
}

/** A seed as it came; null for what no seed can be. */
export function seedFrom(value: number | null | undefined): number | null {
  return value != null && Number.isSafeInteger(value) ? value : null;
}

/** A reference that is an id alone. */
export function referenceTo(id: string): ProviderReference {
  return { id, pollUrl: null, cancelUrl: null };
}

/** A request without a body. */
export function bare(method: 'GET' | 'POST' | 'PUT', url: string): ProviderRequest {
  return { method, url, headers: { accept: 'application/json' }, body: null };
}

/** A POST of JSON. */
export function postJson(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): ProviderRequest {
  return {
    method: 'POST',
    url,
    headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

/** The value of a JSON text; null for what is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A callback that is no JSON is no hint.
    return null;
  }
}
