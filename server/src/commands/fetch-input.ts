import { open, readFile } from 'node:fs/promises';

import type { BlobStore, BlobWriter } from '../core/blob-port.ts';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { MediaPort } from '../core/media-port.ts';
import type { Net } from '../core/net-port.ts';
import type { Inputs } from '../core/upstream-port.ts';
import type { Database } from '../database/database.ts';
import { findPublicFile } from '../files/public-files.ts';

/** As large as the largest upload, a video. */
const INPUT_BYTES_MAX = 50 * 1024 * 1024;
const INPUT_MS_MAX = 30_000;

/** Training sets are of our own making; what strangers call an archive is told as one, too. */
const ARCHIVE = '.zip';
const ZIP = 'application/zip';

/** Fetches a caller's file to a local one: from our own files, or through the checked way out. */
export function inputFetcher(world: {
  net: Net;
  database: Database;
  blobs: BlobStore;
  clock: Clock;
  publicUrl: () => string;
}): (url: string, to: string) => Promise<boolean> {
  return async (url, to) => {
    const own = `${world.publicUrl()}/media/`;
    if (!url.startsWith(own)) return downloadTo(world.net, url, to);
    // What follows the path says nothing about which file it is.
    const [place = ''] = url.slice(own.length).split(/[?#]/);
    return copyOwn(world, { place, to });
  };
}

/** Downloads a stranger's file; false when it cannot be had whole. */
export async function downloadTo(net: Net, url: string, to: string): Promise<boolean> {
  return withFile(to, async (write) => {
    const result = await net.download(url, write, {
      totalMs: INPUT_MS_MAX,
      bytesMax: INPUT_BYTES_MAX,
      bytesPer10sMin: 1_000,
      redirectsMax: 3,
      trust: { operatorOrigins: [] },
    });
    return result.kind === 'done';
  });
}

async function copyOwn(
  world: { database: Database; blobs: BlobStore; clock: Clock },
  file: { place: string; to: string },
): Promise<boolean> {
  const [token = '', fileName = ''] = file.place.split('/');
  const found = await findPublicFile(world.database, { token, fileName, now: world.clock.now() });
  const blob = found === null ? null : await world.blobs.open(found.blobKey);
  if (blob === null) return false;
  return withFile(file.to, async (write) => {
    for await (const chunk of blob.stream) await write(chunk);
    return true;
  });
}

async function withFile(
  to: string,
  work: (write: (chunk: Uint8Array) => Promise<void>) => Promise<boolean>,
): Promise<boolean> {
  const file = await open(to, 'w', 0o600);
  try {
    return await work(async (chunk) => {
      await file.write(chunk);
    });
  } finally {
    await file.close();
  }
}

/** The caller's files, read whole into memory, for requests that carry them. */
export function inputReader(world: {
  net: Net;
  database: Database;
  blobs: BlobStore;
  clock: Clock;
  publicUrl: () => string;
  media: Pick<MediaPort, 'inspect'>;
  sniff: (path: string) => Promise<string | null>;
}): Inputs {
  const fetchInput = inputFetcher(world);
  const createWriter = (): Promise<BlobWriter> =>
    world.blobs.create().catch((cause: unknown): never => {
      throw new GatewayError('storage_failed', { internal: 'no temporary file could be made', cause });
    });
  return {
    measure: async (url) => {
      const writer = await createWriter();
      try {
        if (!(await fetchInput(url, writer.path))) return null;
        const facts = await world.media.inspect(writer.path);
        return facts.ok ? facts.value : null;
      } finally {
        await writer.discard();
      }
    },
    isOurs: (url) => url.startsWith(`${world.publicUrl()}/media/`),
    read: async (url) => {
      const writer = await createWriter();
      try {
        if (!(await fetchInput(url, writer.path))) return null;
        const contentType = url.endsWith(ARCHIVE) ? ZIP : await world.sniff(writer.path);
        return { bytes: await readFile(writer.path), contentType: contentType ?? 'application/octet-stream' };
      } finally {
        await writer.discard();
      }
    },
  };
}
