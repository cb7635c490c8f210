import type { S3Setting } from '../core/s3-setting.ts';
import { checkBlobKey } from './blob-key.ts';

/** Addresses inside one bucket. */
export interface S3Address {
  /** The bucket itself, where lists are asked for. */
  bucketUrl: string;
  /** The key as the store knows it: with the prefix. */
  keyOf(key: string): string;
  urlOf(key: string): string;
  /** The address that clients use, for signed links. */
  publicUrlOf(key: string): string;
  /** What stands before a key of ours; empty or with a slash at the end. */
  prefix: string;
}

/** Our keys and prefixes hold nothing that an address would have to escape. */
export function s3Address(setting: S3Setting): S3Address {
  const bucketUrl = bucketAt(setting, setting.endpoint);
  const publicBucket = setting.publicEndpoint === null ? bucketUrl : bucketAt(setting, setting.publicEndpoint);
  const prefix = setting.prefix === '' ? '' : `${setting.prefix}/`;
  const keyOf = (key: string): string => prefix + checkBlobKey(key);
  return {
    bucketUrl,
    prefix,
    keyOf,
    urlOf: (key) => `${bucketUrl}/${keyOf(key)}`,
    publicUrlOf: (key) => `${publicBucket}/${keyOf(key)}`,
  };
}

/** Other services know a bucket by its path; Amazon wants it in the host, except where its certificate cannot hold it. */
function bucketAt({ bucket, region }: S3Setting, endpoint: string | null): string {
  if (endpoint !== null) return `${endpoint}/${bucket}`;
  const host = `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  return bucket.includes('.') ? `https://${host}/${bucket}` : `https://${bucket}.${host}`;
}
