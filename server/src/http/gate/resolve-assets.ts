import type { CheckedInput } from '../../catalog/check-input.ts';
import type { JsonValue } from '../../catalog/json-value.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import { mediaUrl } from '../../files/outputs.ts';
import { findUpload } from '../../files/uploads.ts';
import type { HttpWorld } from '../world.ts';

/** How a request names a file that the team has registered. */
const ASSET = /^asset:\/\/([0-9a-f-]{36})$/i;

/**
 * Puts the file's address wherever a request names an asset of the team. Throws a 400 that names the fields whose asset
 * is missing, over, or another team's.
 */
export async function resolveAssets(world: HttpWorld, teamId: string, input: CheckedInput): Promise<CheckedInput> {
  const named = input.urls.filter(({ url }) => /^asset:/i.test(url));
  if (named.length === 0) return input;
  const found = new Map<string, string>();
  const details: Record<string, string[]> = {};
  for (const { path, url } of named) {
    const id = ASSET.exec(url)?.[1]?.toLowerCase();
    const asset = id === undefined ? null : await findUpload(world.database, { id, teamId, now: world.clock.now() });
    if (asset === null) details[path] = ['There is no such asset; POST /v2/assets/create makes one'];
    else found.set(url, mediaUrl(world.publicUrl(), asset));
  }
  if (Object.keys(details).length > 0) throw refuseInput(details);
  const addressOf = (text: string): string => found.get(text) ?? text;
  return {
    ...input,
    parameters: replaced(input.parameters, addressOf),
    given: replaced(input.given, addressOf),
    urls: input.urls.map(({ path, url }) => ({ path, url: addressOf(url) })),
  };
}

function replaced(
  values: Readonly<Record<string, JsonValue>>,
  addressOf: (text: string) => string,
): Record<string, JsonValue> {
  const one = (value: JsonValue): JsonValue => (typeof value === 'string' ? addressOf(value) : value);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Array.isArray(value) ? value.map(one) : one(value)]),
  );
}
