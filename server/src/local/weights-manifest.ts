import { readFileSync } from 'node:fs';
import { z } from 'zod';

import { WEIGHT_FILES } from '../core/tools-port.ts';

const evidence = z.strictObject({
  /** A documented or seen by ourselves, B derived, C several third parties, D one, M general knowledge. */
  grade: z.enum(['A', 'B', 'C', 'D', 'M']),
  text: z.string(),
  readAt: z.iso.date(),
});
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const file = z.strictObject({
  name: z.enum(WEIGHT_FILES),
  /** Null where no place is known. */
  url: z.url({ protocol: /^https?$/ }).nullable(),
  sizeBytes: z.int().positive().nullable(),
  /** Null where no hash is known: such a file is never fetched, and may be brought. */
  sha256: sha256.nullable(),
  evidence,
});

const manifest = z
  .strictObject({
    id: z.string().regex(/^[a-z][a-z0-9-]*$/),
    label: z.string(),
    licence: z.strictObject({ name: z.string(), sentence: z.string(), urls: z.array(z.url()).min(1), evidence }),
    files: z.array(file),
  })
  .refine(({ files }) => WEIGHT_FILES.every((name) => files.filter((one) => one.name === name).length === 1), {
    message: `it must name each of ${WEIGHT_FILES.join(', ')} once`,
  });

/** What is known of the weights of a local tool that an operator may fetch: where they lie, their hashes, their licence. */
export type WeightsManifest = z.infer<typeof manifest>;
export type ManifestFile = z.infer<typeof file>;

/** A file that can be fetched: where it lies, how long it is and what its hash is are all known. */
export type FetchableFile = ManifestFile & { url: string; sizeBytes: number; sha256: string };

/** True where address, length and hash are known. */
export function isFetchable(one: ManifestFile): one is FetchableFile {
  return one.url !== null && one.sizeBytes !== null && one.sha256 !== null;
}

/** Reads the manifest at `path`. Throws an Error that names it where it is something else. */
export function readWeightsManifest(path: string): WeightsManifest {
  const parsed = manifest.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new Error(`${path}: ${z.prettifyError(parsed.error)}`);
}
