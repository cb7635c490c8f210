import type { BlobStore, BlobWriter } from '../core/blob-port.ts';
import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { S3Answer, S3Transport } from '../core/s3-port.ts';
import type { S3Setting } from '../core/s3-setting.ts';
import { checkBlobKey } from './blob-key.ts';
import { s3Address, type S3Address } from './s3-address.ts';
import { createS3Client, type S3Client } from './s3-client.ts';
import { BlobStoreFailed } from './s3-failure.ts';
import { abortOldUploads, listBlobs } from './s3-list.ts';
import { createTemporaryFile, openPrivateFolder, sweepTemporaryFolder } from './temporary-file.ts';
import { uploadFile } from './s3-upload.ts';

export interface S3BlobsOptions {
  setting: S3Setting;
  /** Where files are written before they are sent: a folder on this machine with room for all that run at once. */
  temporaryFolder: string;
  transport: S3Transport;
  clock: Clock;
  random: Random;
  /** A place where a test may break in: everything is sent or about to be, and nothing is under its key. */
  beforeVisible?: () => void | Promise<void>;
}

/** What a signed link lets its holder do: fetch one file, under this name and type, for a while. */
export interface LinkOptions {
  /** 604,800 at most, which is S3's own limit. */
  expiresSeconds: number;
  fileName: string;
  contentType: string;
}

/** Blobs in an object store. Failures are BlobStoreFailed, with a code that says whether a later try may help. */
export interface S3Blobs extends BlobStore {
  /** An address at the object store itself. Whether there is such a blob is not looked at. */
  signedUrl(key: string, options: LinkOptions): Promise<string>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/**
 * Blobs as objects of an S3-compatible service, which shows an object only when it is complete. Asks the service once,
 * so that a wrong key, bucket or region ends the start and not the first job.
 */
export async function openS3Blobs(options: S3BlobsOptions): Promise<S3Blobs> {
  const { setting, temporaryFolder, transport, clock, random } = options;
  const closing = new AbortController();
  const address = s3Address(setting);
  const client = createS3Client({ setting, transport, clock, random, closing: closing.signal });
  await openPrivateFolder(temporaryFolder);
  const query = { 'list-type': '2', 'max-keys': '1', prefix: address.prefix };
  await client.ask({ action: 'open its bucket', method: 'GET', url: address.bucketUrl, query });
  return {
    create: () => createWriter(options, { client, address }),
    open: (key, range) => openBlob(client, address.urlOf(key), range),
    stat: async (key) => statBlob(client, address.urlOf(key)),
    localPath: async (key) => {
      checkBlobKey(key);
      return null;
    },
    delete: async (key) => deleteBlob(client, address.urlOf(key)),
    list: (folder) => listBlobs(client, address, checkFolder(folder)),
    sweepTemporary: async (olderThanMs) => {
      const files = await sweepTemporaryFolder(temporaryFolder, olderThanMs);
      return files + (await abortOldUploads(client, address, { olderThanMs, now: clock.now() }));
    },
    signedUrl: (key, link) => signLink(client, address.publicUrlOf(key), link),
    close: async () => {
      closing.abort();
      await transport.close();
    },
  };
}

async function createWriter(
  { temporaryFolder, beforeVisible = () => {} }: S3BlobsOptions,
  { client, address }: { client: S3Client; address: S3Address },
): Promise<BlobWriter> {
  const file = await createTemporaryFile(temporaryFolder);
  return {
    path: file.path,
    write: (chunk) => file.write(chunk),
    commit: async (key) => {
      const url = address.urlOf(key);
      const sizeBytes = await file.finish();
      try {
        await uploadFile({ client, url, file: file.path, sizeBytes, beforeVisible });
      } finally {
        // Nobody can commit it a second time, so it would only take room until the sweep.
        await file.remove();
      }
    },
    discard: () => file.remove(),
  };
}

interface Range {
  start: number;
  end: number;
}

async function openBlob(client: S3Client, url: string, range?: Range): ReturnType<BlobStore['open']> {
  const answer = await client.stream({
    action: 'read a file',
    method: 'GET',
    url,
    headers: range === undefined ? {} : { range: `bytes=${Math.max(0, range.start)}-${range.end}` },
    expected: ['NoSuchKey', 'InvalidRange', 'http-404', 'http-416'],
  });
  if (answer.kind === 'answer') return { stream: streamOf(answer), sizeBytes: sizeOf(answer, range) };
  if (answer.status !== 416) return null;
  // The range begins behind the end: as on disk, that is a blob of which nothing is left to read.
  const found = await statBlob(client, url);
  return found === null ? null : { stream: emptyStream(), ...found };
}

function sizeOf(answer: S3Answer, range: Range | undefined): number {
  const text =
    range === undefined ? answer.headers['content-length'] : answer.headers['content-range']?.replace(/^.*\//, '');
  const sizeBytes = Number(text ?? 'none');
  if (Number.isSafeInteger(sizeBytes)) return sizeBytes;
  answer.cancel();
  const failure = 'The file store answered without the length of the file';
  throw new BlobStoreFailed('BLOB_UNAVAILABLE', { reason: 'inconsistent', text: failure });
}

function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}

/** The reader sets the pace; one that stops early lets go of the connection. */
function streamOf(answer: S3Answer): ReadableStream<Uint8Array> {
  const chunks = answer.body[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const next = await chunks.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: () => answer.cancel(),
    },
    { highWaterMark: 0 },
  );
}

async function statBlob(client: S3Client, url: string): Promise<{ sizeBytes: number } | null> {
  const { headers, problem } = await client.ask({
    action: 'look at a file',
    method: 'HEAD',
    url,
    expected: ['http-404'],
  });
  return problem === null ? { sizeBytes: Number(headers['content-length']) } : null;
}

/** S3 does not say whether there was something, so it is looked at before. */
async function deleteBlob(client: S3Client, url: string): Promise<boolean> {
  if ((await statBlob(client, url)) === null) return false;
  await client.ask({ action: 'delete a file', method: 'DELETE', url, expected: ['NoSuchKey', 'http-404'] });
  return true;
}

/** A key and a slash, so that `out/` cannot mean `outputs/`. */
function checkFolder(folder: string): string {
  if (!folder.endsWith('/')) throw new RangeError('A folder of blobs ends with a slash.');
  checkBlobKey(folder.slice(0, -1));
  return folder;
}

/** S3's own limit, one week. */
const LINK_SECONDS_MAX = 604_800;
/** What may stand in a header between quotes, and nothing else. A space would be written in two ways in the link. */
const FILE_NAME = /^[0-9A-Za-z._-]{1,200}$/;

async function signLink(client: S3Client, url: string, link: LinkOptions): Promise<string> {
  const { expiresSeconds, fileName, contentType } = link;
  const isFine = Number.isInteger(expiresSeconds) && expiresSeconds >= 1 && expiresSeconds <= LINK_SECONDS_MAX;
  if (!isFine || !FILE_NAME.test(fileName)) throw new RangeError('This link cannot be signed.');
  const query = {
    'response-content-type': contentType,
    'response-content-disposition': `inline;filename="${fileName}"`,
  };
  return client.signLink(url, { query, expiresSeconds });
}
