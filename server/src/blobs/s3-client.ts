import { createHash } from 'node:crypto';
import { AwsV4Signer } from 'aws4fetch';
import { isoInstant, type Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { S3Answer, S3Body, S3Request, S3Sent, S3Transport } from '../core/s3-port.ts';
import type { S3Setting } from '../core/s3-setting.ts';
import { BlobStoreFailed, failureOf, isTransient, placeOf, problemIn, type S3Problem } from './s3-failure.ts';

/** Tries of one request that no answer or a passing trouble came to. */
const TRIES_MAX = 4;
/** No further try begins after this: whoever waits has a time limit of its own. */
const RETRIES_MS_MAX = 60_000;
const PAUSE_MS = 250;
/** Wait for an answer beside the time that its body takes; S3 may join a large file for a while. */
const HEADERS_MS = 30_000;
const IDLE_MS = 30_000;
/** The slowest line on which an upload still goes on, in bytes per millisecond. */
const UPLOAD_BYTES_PER_MS_MIN = 64;
/** A list of 1,000 keys of 1,024 characters, each with its facts, stays below. */
const TEXT_BYTES_MAX = 8 * 1024 * 1024;
const EMPTY_SHA256 = createHash('sha256').digest('hex');

/** What a client needs from outside. */
export interface S3World {
  setting: S3Setting;
  transport: S3Transport;
  clock: Clock;
  random: Random;
  /** Ends everything under way. */
  closing: AbortSignal;
}

/** One request in S3's terms. It may be sent several times, so it must not matter whether it was carried out twice. */
export interface S3Call {
  /** What is being done, to follow “could not”. */
  action: string;
  method: S3Request['method'];
  url: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string | (S3Body & { sha256: string });
  /** Codes of problems that the caller wants to see instead of an error. */
  expected?: readonly string[];
  signal?: AbortSignal;
}

export interface S3Result {
  status: number;
  headers: Record<string, string>;
  text: string;
  /** One of `expected`, or null. */
  problem: S3Problem | null;
}

/** Signed requests with bounded retries; throws BlobStoreFailed. */
export interface S3Client {
  /** Reads the whole answer, which is small. */
  ask(call: S3Call): Promise<S3Result>;
  /** The bytes of a good answer come as a stream; the other kind is as with `ask`. */
  stream(call: S3Call): Promise<S3Answer | (S3Result & { kind: 'problem' })>;
  /** A link that lets whoever has it do this one thing for a while. */
  signLink(url: string, options: { query: Record<string, string>; expiresSeconds: number }): Promise<string>;
}

/** Makes a client; the library signs, and everything that goes out goes through the transport. */
export function createS3Client(world: S3World): S3Client {
  const sign = signerFor(world);
  return {
    ask: (call) => withRetries(world, call, async () => readAll(call, await sendOnce(world, sign, call))),
    stream: (call) =>
      withRetries<S3Answer | (S3Result & { kind: 'problem' })>(world, call, async () => {
        const sent = await sendOnce(world, sign, call);
        if (sent.kind === 'answer' && sent.status < 300) return { done: sent };
        const read = await readAll(call, sent);
        return 'done' in read ? { done: { ...read.done, kind: 'problem' } } : read;
      }),
    signLink: async (url, { query, expiresSeconds }) => {
      const signed = await sign({
        method: 'GET',
        url: withQuery(url, { ...query, 'X-Amz-Expires': String(expiresSeconds) }),
        signQuery: true,
      });
      return signed.url.href;
    },
  };
}

type Sign = (request: {
  method: string;
  url: string;
  headers?: Record<string, string>;
  signQuery?: boolean;
}) => Promise<{ url: URL; headers: Record<string, string> }>;

function signerFor({ setting, clock }: S3World): Sign {
  const { accessKeyId, secretAccessKey, sessionToken, region } = setting;
  // Derived keys of a day, so that each request costs one HMAC instead of five.
  const cache = new Map<string, ArrayBuffer>();
  return async (request) => {
    if (cache.size > 2) cache.clear();
    const signer = new AwsV4Signer({
      ...request,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === null ? {} : { sessionToken }),
      region,
      service: 's3',
      cache,
      datetime: isoInstant(clock.now()).replace(/[:-]|\.\d{3}/g, ''),
    });
    const signed = await signer.sign();
    return { url: signed.url, headers: Object.fromEntries(signed.headers) };
  };
}

function withQuery(url: string, query: Record<string, string> = {}): string {
  const full = new URL(url);
  for (const [name, value] of Object.entries(query)) full.searchParams.set(name, value);
  // A space may be written in two ways, and the signature knows one of them.
  full.search = full.search.replaceAll('+', '%20');
  return full.href;
}

/** The hash of the body is part of the signature: the service refuses bytes that were damaged on the way. */
async function sendOnce({ transport, closing }: S3World, sign: Sign, call: S3Call): Promise<S3Sent> {
  const body = typeof call.body === 'string' ? bodyOfText(call.body) : (call.body ?? null);
  const signed = await sign({
    method: call.method,
    url: withQuery(call.url, call.query),
    headers: { ...call.headers, 'x-amz-content-sha256': body?.sha256 ?? EMPTY_SHA256 },
  });
  return transport.send(
    { method: call.method, url: signed.url.href, headers: signed.headers, body },
    {
      headersMs: HEADERS_MS + (body?.sizeBytes ?? 0) / UPLOAD_BYTES_PER_MS_MIN,
      idleMs: IDLE_MS,
      signal: call.signal === undefined ? closing : AbortSignal.any([closing, call.signal]),
    },
  );
}

function bodyOfText(text: string): S3Body & { sha256: string } {
  const bytes = Buffer.from(text);
  return {
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    read: async function* () {
      yield bytes;
    },
  };
}

/** One try: done, or failed in a way that may pass or not. */
type Tried<T> = { done: T } | { failure: BlobStoreFailed; mayPass: boolean };

async function withRetries<T>(world: S3World, call: S3Call, attempt: () => Promise<Tried<T> | Untold>): Promise<T> {
  const { clock, random, closing } = world;
  const startedMs = clock.monotonicMs();
  for (let tries = 1; ; tries += 1) {
    const tried = told(world, call, await attempt());
    if ('done' in tried) return tried.done;
    const isOver = tries >= TRIES_MAX || clock.monotonicMs() - startedMs > RETRIES_MS_MAX;
    const isEnded = closing.aborted || call.signal?.aborted === true;
    if (!tried.mayPass || isOver || isEnded) throw tried.failure;
    await clock.sleep(PAUSE_MS * 2 ** (tries - 1) * (0.5 + random.fraction()), closing);
  }
}

/** What went wrong, before it has been put in words. */
type Untold = { problem: S3Problem } | { lost: Exclude<S3Sent, S3Answer> };

function told<T>({ setting }: S3World, call: S3Call, tried: Tried<T> | Untold): Tried<T> {
  if ('problem' in tried) {
    const failure = failureOf(tried.problem, { setting, action: call.action });
    return { failure, mayPass: isTransient(tried.problem) };
  }
  if (!('lost' in tried)) return tried;
  const { reason, cause } = tried.lost;
  const text = `The file store could not ${call.action}: no answer from ${placeOf(setting)} (${reason})`;
  // A wrong certificate is as final as a wrong key.
  const failure = new BlobStoreFailed(reason === 'tls' ? 'BLOB_REFUSED' : 'BLOB_UNAVAILABLE', { reason, text, cause });
  return { failure, mayPass: reason !== 'tls' && reason !== 'aborted' };
}

async function readAll(call: S3Call, sent: S3Sent): Promise<Tried<S3Result> | Untold> {
  if (sent.kind === 'failed') return { lost: sent };
  let text: string;
  try {
    text = await readText(sent);
  } catch (cause) {
    return { lost: { kind: 'failed', reason: 'reset', cause } };
  }
  const { status, headers } = sent;
  const problem = problemIn({ status, headers, text });
  if (problem !== null && call.expected?.includes(problem.code) !== true) return { problem };
  return { done: { status, headers, text, problem } };
}

async function readText({ body }: S3Answer): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > TEXT_BYTES_MAX) throw new Error('The answer is longer than any that S3 gives.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
