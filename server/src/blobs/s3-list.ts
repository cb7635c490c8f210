import type { BlobEntry } from '../core/blob-port.ts';
import type { S3Address } from './s3-address.ts';
import type { S3Client } from './s3-client.ts';
import { checkBlobKey } from './blob-key.ts';
import { xmlElements, xmlText } from './s3-xml.ts';

/** A million stored files are a thousand pages; a service that never comes to an end is not followed for ever. */
const PAGES_MAX = 1_000_000;

/** Walks the blobs below a folder, a page of up to 1,000 at a time; what is not ours is passed over. */
export async function* listBlobs(client: S3Client, address: S3Address, folder: string): AsyncGenerator<BlobEntry> {
  let token: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query: Record<string, string> = { 'list-type': '2', prefix: address.prefix + folder, 'encoding-type': 'url' };
    if (token !== null) query['continuation-token'] = token;
    const { text } = await client.ask({ action: 'list its files', method: 'GET', url: address.bucketUrl, query });
    const isEncoded = xmlText(text, 'EncodingType') === 'url';
    for (const entry of xmlElements(text, 'Contents')) {
      const key = ourKey(address, keyIn(entry, isEncoded));
      const modifiedAt = Date.parse(xmlText(entry, 'LastModified') ?? '');
      if (key !== null && Number.isFinite(modifiedAt)) yield { key, modifiedAt };
    }
    token = xmlText(text, 'IsTruncated') === 'true' ? xmlText(text, 'NextContinuationToken') : null;
    if (token === null) return;
  }
}

/** Ends uploads that were begun so long ago that nobody is at them any more. Returns how many. */
export async function abortOldUploads(
  client: S3Client,
  address: S3Address,
  { olderThanMs, now }: { olderThanMs: number; now: number },
): Promise<number> {
  let count = 0;
  let marker: Record<string, string> = {};
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { text, headers, problem } = await client.ask({
      action: 'list its unfinished uploads',
      method: 'GET',
      url: address.bucketUrl,
      query: { uploads: '', prefix: address.prefix, 'encoding-type': 'url', ...marker },
      // Some services end old uploads by themselves and have no list of them.
      expected: ['NotImplemented', 'http-501'],
    });
    if (problem !== null) return count;
    const isEncoded = xmlText(text, 'EncodingType') === 'url';
    // The service's own clock tells how old its uploads are.
    const servicesNow = Date.parse(headers['date'] ?? '');
    const before = (Number.isFinite(servicesNow) ? servicesNow : now) - olderThanMs;
    for (const entry of xmlElements(text, 'Upload')) {
      const key = ourKey(address, keyIn(entry, isEncoded));
      const uploadId = xmlText(entry, 'UploadId');
      // An upload without a readable instant counts as young.
      if (key === null || uploadId === null || !(Date.parse(xmlText(entry, 'Initiated') ?? '') <= before)) continue;
      await client.ask({
        action: 'end an old upload',
        method: 'DELETE',
        url: address.urlOf(key),
        query: { uploadId },
        expected: ['NoSuchUpload'],
      });
      count += 1;
    }
    const keyMarker = xmlText(text, 'NextKeyMarker');
    if (xmlText(text, 'IsTruncated') !== 'true' || keyMarker === null) return count;
    marker = {
      'key-marker': decodeKey(keyMarker, isEncoded),
      'upload-id-marker': xmlText(text, 'NextUploadIdMarker') ?? '',
    };
  }
  return count;
}

function keyIn(entry: string, isEncoded: boolean): string {
  return decodeKey(xmlText(entry, 'Key') ?? '', isEncoded);
}

function decodeKey(text: string, isEncoded: boolean): string {
  if (!isEncoded) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/** The key without our prefix; null for what somebody else has put there. */
function ourKey({ prefix }: S3Address, key: string): string | null {
  if (!key.startsWith(prefix)) return null;
  try {
    return checkBlobKey(key.slice(prefix.length));
  } catch {
    return null;
  }
}
