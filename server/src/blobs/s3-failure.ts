import type { S3Setting } from '../core/s3-setting.ts';
import { xmlRoot, xmlText } from './s3-xml.ts';

/** The store of files did not do what it was asked, after every try that it was worth. */
export class BlobStoreFailed extends Error {
  override readonly name = 'BlobStoreFailed';
  /**
   * `BLOB_REFUSED`: it said no, and will again until the operator changes something (key, bucket, quota).
   * `BLOB_UNAVAILABLE`: it could not be reached or is in trouble, and may do it later.
   */
  readonly code: 'BLOB_REFUSED' | 'BLOB_UNAVAILABLE';
  /** S3's own word for what is wrong, or the reason on the line. */
  readonly reason: string;

  constructor(
    code: BlobStoreFailed['code'],
    { reason, text, cause }: { reason: string; text: string; cause?: unknown },
  ) {
    super(text, { cause });
    this.code = code;
    this.reason = reason;
  }
}

/** A refusal or trouble in S3's words. */
export interface S3Problem {
  status: number;
  /** `NoSuchKey`, `SlowDown`, …; `http-<status>` where the answer had no body (HEAD). */
  code: string;
  /** The region that the service says is right, if it does. */
  region: string | null;
}

/** What an answer complains of; null for a good one. S3 can say 200 first and fail in the body. */
export function problemIn(answer: { status: number; headers: Record<string, string>; text: string }): S3Problem | null {
  const { status, headers, text } = answer;
  const isError = xmlRoot(text) === 'Error';
  if (status >= 200 && status < 300 && !isError) return null;
  return {
    status,
    code: (isError ? xmlText(text, 'Code')?.slice(0, CODE_CHARACTERS_MAX) : null) ?? `http-${status}`,
    region: headers['x-amz-bucket-region'] ?? (isError ? xmlText(text, 'Region') : null),
  };
}

const CODE_CHARACTERS_MAX = 100;

/** Trouble that passes, and bytes that were damaged on the way. */
const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  'InternalError',
  'ServiceUnavailable',
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'RequestTimeout',
  'OperationAborted',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'IncompleteBody',
]);
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** True when the same request may well succeed in a moment. */
export function isTransient({ status, code }: S3Problem): boolean {
  return TRANSIENT_CODES.has(code) || TRANSIENT_STATUSES.has(status);
}

/** The problem as an error for the log, in words that tell the operator what to change. Holds no secret. */
export function failureOf(
  problem: S3Problem,
  { setting, action }: { setting: S3Setting; action: string },
): BlobStoreFailed {
  const code = isTransient(problem) ? 'BLOB_UNAVAILABLE' : 'BLOB_REFUSED';
  const why = (EXPLANATIONS[problem.code] ?? explainOther)(problem, setting);
  return new BlobStoreFailed(code, { reason: problem.code, text: `The file store could not ${action}: ${why}` });
}

type Explain = (problem: S3Problem, setting: S3Setting) => string;

const wrongRegion: Explain = ({ region, code }, { bucket }) =>
  region === null
    ? `AWS_REGION or AWS_ENDPOINT_URL is not that of the bucket "${bucket}" (${code})`
    : `the bucket "${bucket}" is in the region ${region}: set AWS_REGION to it`;

const unknownKey: Explain = (_problem, setting) => `AWS_ACCESS_KEY_ID is not known at ${placeOf(setting)}`;

const EXPLANATIONS: Readonly<Record<string, Explain>> = {
  NoSuchBucket: (_problem, setting) => `there is no bucket "${setting.bucket}" at ${placeOf(setting)}`,
  InvalidAccessKeyId: unknownKey,
  // The word that versitygw has for it.
  XAdminUserNotFound: unknownKey,
  SignatureDoesNotMatch: () => 'AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID',
  AccessDenied: (_problem, { bucket }) => `the access key may not do this in the bucket "${bucket}"`,
  ExpiredToken: () => 'AWS_SESSION_TOKEN has expired',
  InvalidToken: () => 'AWS_SESSION_TOKEN is not valid',
  RequestTimeTooSkewed: () => 'the clock of this machine differs too much from that of the service',
  PermanentRedirect: wrongRegion,
  AuthorizationHeaderMalformed: wrongRegion,
};

const explainOther: Explain = ({ status, code }) => `it answered ${status} ${code}`;

/** Who was asked, for people. */
export function placeOf({ endpoint, region }: S3Setting): string {
  return endpoint ?? `Amazon S3 in ${region}`;
}
