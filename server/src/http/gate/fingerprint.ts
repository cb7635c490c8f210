import { createHash } from 'node:crypto';

/**
 * Tells whether two requests ask for the same: SHA-256 of method, path and the parsed body with its names sorted,
 * so that neither spaces nor the order of names make a difference.
 */
export function requestFingerprint({ method, path, body }: { method: string; path: string; body: unknown }): string {
  return createHash('sha256').update(`${method} ${path}\n`).update(canonicalJson(body)).digest('hex');
}

/** JSON with sorted names. Recursion is bounded by the depth that the door allows. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${canonicalJson(inner)}`).join(',')}}`;
}
