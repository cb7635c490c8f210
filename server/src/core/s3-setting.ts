/** Where an object store is and how to enter it, as the operator wrote it. */
export interface S3Setting {
  bucket: string;
  /** Put before every key; empty, or without a slash at either end. */
  prefix: string;
  region: string;
  /** Base address of a service other than Amazon's; null for Amazon's own. Requests to it name the bucket in the path. */
  endpoint: string | null;
  /** What clients reach the service under, where that is another address; for signed links alone. */
  publicEndpoint: string | null;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | null;
}

export type S3SettingResult = { ok: true; setting: S3Setting } | { ok: false; problem: string };

type Environment = Readonly<Record<string, string | undefined>>;

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** 200 characters of the prefix and 200 of a key stay far below the 1,024 that S3 allows. */
const PREFIX = /^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/;
const PREFIX_CHARACTERS_MAX = 200;

/**
 * Reads `s3://bucket/prefix` together with the variables that every S3 client knows. `problem` is a sentence that
 * names the variable and never holds its value where that is a secret.
 */
export function readS3Setting(address: string, env: Environment): S3SettingResult {
  const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(address);
  const bucket = match?.[1] ?? '';
  const prefix = (match?.[2] ?? '').replace(/\/+$/, '');
  if (!BUCKET.test(bucket) || !isPrefix(prefix)) {
    return problem(`LUMEGATE_BLOBS must be like s3://bucket or s3://bucket/prefix, not "${address}"`);
  }
  const accessKeyId = text(env, 'AWS_ACCESS_KEY_ID');
  const secretAccessKey = text(env, 'AWS_SECRET_ACCESS_KEY');
  if (accessKeyId === null || secretAccessKey === null) {
    return problem('LUMEGATE_BLOBS=s3://… needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  }
  const region = text(env, 'AWS_REGION') ?? text(env, 'AWS_DEFAULT_REGION') ?? 'us-east-1';
  if (!/^[a-z0-9-]{1,50}$/.test(region)) return problem(`AWS_REGION must be like eu-central-1, not "${region}"`);
  const endpointName = text(env, 'AWS_ENDPOINT_URL_S3') === null ? 'AWS_ENDPOINT_URL' : 'AWS_ENDPOINT_URL_S3';
  for (const name of [endpointName, 'LUMEGATE_S3_PUBLIC_URL']) {
    if (text(env, name) !== null && base(env, name) === null) {
      return problem(`${name} must be an http or https address without a query`);
    }
  }
  return {
    ok: true,
    setting: {
      bucket,
      prefix,
      region,
      endpoint: base(env, endpointName),
      publicEndpoint: base(env, 'LUMEGATE_S3_PUBLIC_URL'),
      accessKeyId,
      secretAccessKey,
      sessionToken: text(env, 'AWS_SESSION_TOKEN'),
    },
  };
}

function isPrefix(prefix: string): boolean {
  if (prefix === '') return true;
  return PREFIX.test(prefix) && prefix.length <= PREFIX_CHARACTERS_MAX && !/(^|\/)\.{1,2}(\/|$)/.test(prefix);
}

function problem(sentence: string): S3SettingResult {
  return { ok: false, problem: sentence };
}

function text(env: Environment, name: string): string | null {
  const value = env[name]?.trim();
  return value === undefined || value === '' ? null : value;
}

/** An address without a slash at its end, or null when it is none. */
function base(env: Environment, name: string): string | null {
  const url = URL.parse(text(env, name) ?? '');
  const isFine = url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '';
  if (!isFine || url.username !== '' || url.password !== '') return null;
  return url.href.replace(/\/+$/, '');
}
