import type { S3Client } from './s3-client.ts';
import { BlobStoreFailed } from './s3-failure.ts';
import { bodyOfFile } from './s3-file-part.ts';
import { xmlEscape, xmlText } from './s3-xml.ts';

const MEBIBYTE = 1024 * 1024;
/** Up to here one request is enough; it is also the length of a part. S3 wants 5 MiB at least. */
const PART_BYTES = 8 * MEBIBYTE;
const PARTS_MAX = 10_000;
/** Parts of one file under way at once: enough to fill a line, and little beside other uploads. */
const TOGETHER = 2;

/** A file that is to become a blob. */
export interface Upload {
  client: S3Client;
  url: string;
  file: string;
  sizeBytes: number;
  /** Called when all bytes are there and nothing is visible yet, or, for a small file, before it is sent. */
  beforeVisible: () => void | Promise<void>;
}

/**
 * Uploads a file and resolves when the store says that it has all of it. S3 shows an object only when it is complete,
 * and a replaced one as a whole; an upload that fails leaves nothing that can be seen.
 */
export async function uploadFile(upload: Upload): Promise<void> {
  if (upload.sizeBytes <= PART_BYTES) await putFile(upload);
  else await putParts(upload);
  await verify(upload);
}

async function putFile({ client, url, file, sizeBytes, beforeVisible }: Upload): Promise<void> {
  const body = await bodyOfFile({ file, start: 0, sizeBytes });
  await beforeVisible();
  await client.ask({ action: 'store a file', method: 'PUT', url, body });
}

async function putParts(upload: Upload): Promise<void> {
  const { client, url } = upload;
  const begun = await client.ask({ action: 'begin an upload', method: 'POST', url, query: { uploads: '' } });
  const uploadId = xmlText(begun.text, 'UploadId');
  if (uploadId === null) throw lied('answered the beginning of an upload without its id');
  try {
    const etags = await sendParts(upload, uploadId);
    await upload.beforeVisible();
    await complete(upload, uploadId, etags);
  } catch (error) {
    await abort(upload, uploadId);
    throw error;
  }
}

/** Sends the parts, a few at a time; resolves or throws when none is under way any more. */
async function sendParts({ client, url, file, sizeBytes }: Upload, uploadId: string): Promise<string[]> {
  const partBytes = Math.max(PART_BYTES, Math.ceil(sizeBytes / PARTS_MAX / MEBIBYTE) * MEBIBYTE);
  const count = Math.ceil(sizeBytes / partBytes);
  const etags: string[] = [];
  const failed = new AbortController();
  let next = 0;
  const sendNext = async (): Promise<void> => {
    while (next < count && !failed.signal.aborted) {
      const index = next;
      next += 1;
      const start = index * partBytes;
      const body = await bodyOfFile({ file, start, sizeBytes: Math.min(partBytes, sizeBytes - start) });
      const query = { partNumber: String(index + 1), uploadId };
      const action = 'store a part of a file';
      const { headers } = await client.ask({ action, method: 'PUT', url, query, body, signal: failed.signal });
      if (headers['etag'] === undefined) throw lied('took a part of a file without naming it');
      etags[index] = headers['etag'];
    }
  };
  let first: { error: unknown } | null = null;
  const lanes = Array.from({ length: Math.min(TOGETHER, count) }, () =>
    sendNext().catch((error: unknown) => {
      first ??= { error };
      failed.abort();
    }),
  );
  await Promise.all(lanes);
  throwIfAny(first);
  return etags;
}

function throwIfAny(first: { error: unknown } | null): void {
  if (first !== null) throw first.error;
}

async function complete({ client, url }: Upload, uploadId: string, etags: readonly string[]): Promise<void> {
  const parts = etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${xmlEscape(etag)}</ETag></Part>`,
  );
  await client.ask({
    action: 'finish an upload',
    method: 'POST',
    url,
    query: { uploadId },
    headers: { 'content-type': 'application/xml' },
    body: `<CompleteMultipartUpload xmlns="${XMLNS}">${parts.join('')}</CompleteMultipartUpload>`,
    // A first try whose answer was lost has ended the upload; whether it was that is seen by looking at the file.
    expected: ['NoSuchUpload'],
  });
}

/** The name of S3's language, which some services insist on. It is no address that anybody asks. */
const XMLNS = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** Frees the parts at once. When that fails too, the sweep of old uploads finds them. */
async function abort({ client, url }: Upload, uploadId: string): Promise<void> {
  const expected = ['NoSuchUpload'];
  const asked = client.ask({ action: 'end an upload', method: 'DELETE', url, query: { uploadId }, expected });
  await asked.catch(() => null);
}

/** Believes no answer before the file can be seen in its full length. */
async function verify({ client, url, sizeBytes }: Upload): Promise<void> {
  const { headers, problem } = await client.ask({
    action: 'look at a stored file',
    method: 'HEAD',
    url,
    expected: ['http-404'],
  });
  if (problem !== null) throw lied('does not show a file that it took');
  if (Number(headers['content-length']) !== sizeBytes) throw lied('shows a file of another length than it took');
}

function lied(what: string): BlobStoreFailed {
  return new BlobStoreFailed('BLOB_UNAVAILABLE', { reason: 'inconsistent', text: `The file store ${what}` });
}
