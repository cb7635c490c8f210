import { GatewayError } from '../../core/errors.ts';
import type { Deadline } from './deadlines.ts';
import { parseJsonObject } from './json-scan.ts';

/** A request with ten references and the longest prompts takes less than 100 KiB. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** From the first look to the last byte. A client slower than that holds a socket for nothing. */
export const BODY_MS_MAX = 30_000;

/** A body as it arrives, and the limit that all bodies share. */
export interface IncomingBody {
  request: Request;
  deadline: Deadline;
}

/** Reads a JSON object from the body; throws a 400 for everything else. */
export async function readJsonBody(
  body: IncomingBody,
  bytesMax: number = BODY_BYTES_MAX,
): Promise<Record<string, unknown>> {
  checkType(body.request.headers);
  const bytes = await readBytes(body, bytesMax);
  return parseJsonObject(decode(bytes));
}

/** Reads a body of any type as text, broken UTF-8 replaced; throws a 400 beyond `bytesMax`. */
export async function readTextBody(body: IncomingBody, bytesMax: number): Promise<string> {
  return new TextDecoder().decode(await readBytes(body, bytesMax));
}

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?;?$/i;

function checkType(headers: Headers): void {
  const type = headers.get('content-type');
  if (type === null || !JSON_TYPE.test(type.trim())) throw new GatewayError('body_wrong_type');
  const encoding = headers.get('content-encoding');
  if (encoding !== null && encoding.trim().toLowerCase() !== 'identity') {
    throw new GatewayError('body_wrong_type', { text: 'Send the body as application/json without a Content-Encoding' });
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch (cause) {
    throw new GatewayError('body_not_json', { text: 'The request body is not valid UTF-8', cause });
  }
}

async function readBytes(body: IncomingBody, bytesMax: number): Promise<Uint8Array> {
  const declared = body.request.headers.get('content-length');
  if (declared !== null && Number(declared) > bytesMax) throw tooLarge(bytesMax);
  // With a declared length the HTTP parser keeps to it, and the whole can be read at once.
  const reading = declared === null ? readCounting(body.request, bytesMax) : readWhole(body.request);
  return body.deadline(reading, tooSlow);
}

async function readWhole(request: Request): Promise<Uint8Array> {
  try {
    return new Uint8Array(await request.arrayBuffer());
  } catch (cause) {
    throw brokenOff(cause);
  }
}

async function readCounting(request: Request, bytesMax: number): Promise<Uint8Array> {
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw brokenOff(cause);
    });
    if (done) return Buffer.concat(chunks, size);
    size += value.byteLength;
    if (size > bytesMax) throw tooLarge(bytesMax);
    chunks.push(value);
  }
}

function tooSlow(): GatewayError {
  return new GatewayError('body_not_json', {
    text: `The request body did not arrive within ${BODY_MS_MAX / 1000} seconds`,
  });
}

function tooLarge(bytesMax: number): GatewayError {
  const isUsual = bytesMax === BODY_BYTES_MAX;
  return new GatewayError(
    'body_too_large',
    isUsual ? {} : { text: `The request body is larger than ${bytesMax} bytes` },
  );
}

function brokenOff(cause: unknown): GatewayError {
  return new GatewayError('body_not_json', { text: 'The request body ended early', cause });
}
