import { withFiles, type MappedFile, type MappedParameters } from '../catalog/parameter-map.ts';
import type { Fields } from '../catalog/put.ts';
import type { Run } from './run.ts';

/** A file that the caller named cannot be had. */
export class InputUnreadable extends Error {
  override readonly name = 'InputUnreadable';
}

/**
 * The parameters with the caller's files in them, each in the form that the route takes. A file of our own that the
 * provider could not fetch goes along inside the request.
 */
export async function inlineFiles(run: Run, providerId: string, mapped: MappedParameters): Promise<Fields> {
  const contents: string[] = [];
  for (const file of mapped.files) contents.push(await inForm(run, providerId, file));
  return withFiles(mapped, contents);
}

async function inForm(run: Run, providerId: string, file: MappedFile): Promise<string> {
  const { inputs, upstream } = run.world;
  const isReachable = !inputs.isOurs(file.url) || upstream.canReachUs(providerId);
  if ((file.as === 'url' || file.as === 'address') && isReachable) return file.url;
  if (file.as === 'address')
    throw new InputUnreadable(
      'the provider cannot reach the files of this gateway; LUMEGATE_PUBLIC_URL must lead to it',
    );
  const read = await inputs.read(file.url, run.signal);
  if (read === null) throw new InputUnreadable('a file named in the request could not be fetched');
  const base64 = Buffer.from(read.bytes).toString('base64');
  return file.as === 'base64' ? base64 : `data:${read.contentType};base64,${base64}`;
}
