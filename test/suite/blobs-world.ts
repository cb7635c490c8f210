import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { openDiskBlobs } from '../../server/src/blobs/disk-blobs.ts';
import { openS3Blobs, type S3Blobs } from '../../server/src/blobs/s3-blobs.ts';
import type { BlobStore } from '../../server/src/core/blob-port.ts';
import { systemClock, type Clock } from '../../server/src/core/clock.ts';
import { systemRandom } from '../../server/src/core/random.ts';
import type { S3Transport } from '../../server/src/core/s3-port.ts';
import type { S3Setting } from '../../server/src/core/s3-setting.ts';
import { createS3Transport } from '../../server/src/net/s3-transport.ts';

/** A fresh store of one test; `dispose` leaves nothing behind. */
export interface OpenBlobs<T extends BlobStore = BlobStore> {
  blobs: T;
  /** Where this store writes what is not committed. */
  temporaryFolder: string;
  dispose(): Promise<void>;
}

/** Blobs in a folder of their own. */
export async function openDiskForTest(): Promise<OpenBlobs> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-blobs-'));
  return {
    blobs: await openDiskBlobs(folder),
    temporaryFolder: path.join(folder, 'tmp'),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface S3ForTest {
  setting: S3Setting;
  clock?: Clock;
  /** Stands between the store and the network. */
  through?: (transport: S3Transport) => S3Transport;
  beforeVisible?: () => void | Promise<void>;
}

/** Blobs under a prefix of their own; several stores may share a bucket. */
export async function openS3ForTest(options: S3ForTest): Promise<OpenBlobs<S3Blobs>> {
  const { clock = systemClock(), through = (transport) => transport } = options;
  const temporaryFolder = await mkdtemp(path.join(tmpdir(), 'lumegate-blobs-'));
  const setting = { ...options.setting, prefix: options.setting.prefix || `test-${randomUUID()}` };
  const transport = through(createS3Transport({ clock }));
  const remove = (): Promise<void> => rm(temporaryFolder, { recursive: true, force: true });
  try {
    const blobs = await openS3Blobs({
      setting,
      temporaryFolder,
      transport,
      clock,
      random: systemRandom(),
      ...(options.beforeVisible === undefined ? {} : { beforeVisible: options.beforeVisible }),
    });
    const dispose = async (): Promise<void> => {
      await blobs.close();
      await remove();
    };
    return { blobs, temporaryFolder, dispose };
  } catch (error) {
    await transport.close();
    await remove();
    throw error;
  }
}

/** Stores a text. */
export async function put(blobs: BlobStore, key: string, text: string): Promise<void> {
  const writer = await blobs.create();
  await writer.write(Buffer.from(text));
  await writer.commit(key);
}

/** A blob's text, or null when there is none. */
export async function read(
  blobs: BlobStore,
  key: string,
  range?: { start: number; end: number },
): Promise<string | null> {
  const blob = await blobs.open(key, range);
  return blob === null ? null : new Response(blob.stream).text();
}

/**
 * Bytes that differ everywhere, so that parts in a wrong order would show; the same for the same seed. Each chunk is
 * gone when the next is asked for, so that a test of memory measures the store and not this.
 */
export function* pattern(sizeBytes: number, seed = 0): Generator<Buffer> {
  const whole = Buffer.alloc(PATTERN_BYTES, seed & 0xff);
  for (let start = 0; start < sizeBytes; start += PATTERN_BYTES) {
    for (let at = 0; at < whole.length; at += 512) whole.writeDoubleLE(seed + start + at, at);
    yield whole.subarray(0, Math.min(PATTERN_BYTES, sizeBytes - start));
  }
}

/** The length of a pattern's chunks. */
export const PATTERN_BYTES = 256 * 1024;

/** Writes a large blob chunk by chunk. */
export async function putPattern(blobs: BlobStore, key: string, sizeBytes: number, seed = 0): Promise<void> {
  const writer = await blobs.create();
  try {
    for (const chunk of pattern(sizeBytes, seed)) await writer.write(chunk);
    await writer.commit(key);
  } finally {
    await writer.discard();
  }
}
