import { rename, rm, statfs } from 'node:fs/promises';
import path from 'node:path';

import type { Net } from '../core/net-port.ts';
import { factsOf, writeWhole } from './weights-store.ts';
import type { FetchableFile } from './weights-manifest.ts';

/** A gigabyte over a slow line. */
const FILE_MS_MAX = 6 * 3_600_000;
const BYTES_PER_10S_MIN = 20_000;
/** A public store sends on to where the bytes are, once or twice. */
const REDIRECTS_MAX = 5;
/** Left free beside what is fetched, for everything else in the data folder. */
const SPARE_BYTES = 512 * 1024 * 1024;

/** Why fetching ended, in words for the operator. */
export class FetchProblem extends Error {
  override readonly name = 'FetchProblem';
}

/**
 * Brings the files into `folder`, those that are there already left as they are. A file gets its name when its length and
 * hash are right, and not before, so that whoever is interrupted goes on with the file that was not finished. Throws
 * FetchProblem with what went wrong.
 */
export async function fetchWeights(
  world: { net: Net; folder: string; say: (line: string) => void },
  files: readonly FetchableFile[],
): Promise<void> {
  const missing: FetchableFile[] = [];
  for (const file of files) {
    const found = await factsOf(path.join(world.folder, file.name)).catch(() => null);
    if (found?.sha256 === file.sha256) world.say(`${file.name} is there already.`);
    else missing.push(file);
  }
  const wanted = missing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const { bavail, bsize } = await statfs(world.folder);
  if (wanted > 0 && bavail * bsize < wanted + SPARE_BYTES) {
    throw new FetchProblem(`${megabytes(wanted + SPARE_BYTES)} must be free where the data folder is`);
  }
  for (const file of missing) await fetchOne(world, file);
}

async function fetchOne({ net, folder, say }: Parameters<typeof fetchWeights>[0], file: FetchableFile): Promise<void> {
  say(`${file.name}: fetching ${megabytes(file.sizeBytes)} …`);
  const unchecked = path.join(folder, `${file.name}.unchecked`);
  try {
    const { sha256 } = await writeWhole(unchecked, async (write) => {
      const result = await net.download(file.url, write, {
        totalMs: FILE_MS_MAX,
        bytesMax: file.sizeBytes,
        bytesPer10sMin: BYTES_PER_10S_MIN,
        redirectsMax: REDIRECTS_MAX,
        trust: { operatorOrigins: [] },
      });
      if (result.kind === 'failed') throw new FetchProblem(`${file.name} could not be fetched: ${whyOf(result)}`);
    });
    if (sha256 !== file.sha256)
      throw new FetchProblem(
        `${file.name} is not the file that is expected: its SHA-256 is ${sha256}. It was thrown away`,
      );
    await rename(unchecked, path.join(folder, file.name));
  } finally {
    await rm(unchecked, { force: true });
  }
}

function whyOf({ reason, status }: { reason: string; status: number | null }): string {
  return status === null ? reason : `${reason} (${status})`;
}

/** Bytes in words, rounded up to whole megabytes. */
export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
