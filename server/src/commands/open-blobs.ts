import path from 'node:path';

import { openDiskBlobs } from '../blobs/disk-blobs.ts';
import { openS3Blobs } from '../blobs/s3-blobs.ts';
import type { BlobStore } from '../core/blob-port.ts';
import type { S3Setting } from '../core/s3-setting.ts';
import { createS3Transport } from '../net/s3-transport.ts';
import type { Machine } from './open-store.ts';

/** The place of all files, and its end. */
interface OpenBlobs {
  blobs: BlobStore;
  close(): Promise<void>;
}

/** Opens the place where files lie: a folder, or a bucket. `beforeVisible` is called before a file can be seen. */
export async function openBlobs(machine: Machine, beforeVisible: () => void | Promise<void>): Promise<OpenBlobs> {
  const { settings } = machine;
  if (settings.s3 !== null) return openBucket(machine, { setting: settings.s3, beforeVisible });
  const folder = settings.blobsFolder ?? path.join(path.resolve(settings.dataFolder), 'blobs');
  return { blobs: await openDiskBlobs(folder, { beforeRename: beforeVisible }), close: async () => {} };
}

async function openBucket(
  { settings, clock, random }: Machine,
  options: { setting: S3Setting; beforeVisible: () => void | Promise<void> },
): Promise<OpenBlobs> {
  const transport = createS3Transport({ clock });
  const temporaryFolder = path.join(path.resolve(settings.dataFolder), 'blobs-tmp');
  try {
    const { signedUrl, close, ...blobs } = await openS3Blobs({ ...options, temporaryFolder, transport, clock, random });
    return { blobs: settings.media === 'signed' ? { ...blobs, signedUrl } : blobs, close };
  } catch (error) {
    await transport.close();
    throw error;
  }
}
