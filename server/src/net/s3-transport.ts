import { Readable } from 'node:stream';
import { Agent } from 'undici';
import type { Clock } from '../core/clock.ts';
import type { S3Answer, S3Limits, S3Request, S3Sent, S3Transport } from '../core/s3-port.ts';
import { ConnectRefused, createConnector } from './connector.ts';
import { afterMs, Ended, orEnd, startEnding } from './ending.ts';
import { resolveBySystem } from './resolver.ts';

/** Requests at once to one host; more wait for a free socket. Each job uses two at most. */
const CONNECTIONS_MAX = 64;
const HEADER_BYTES_MAX = 32 * 1024;
/** An idle socket is dropped before most servers drop it. */
const IDLE_SOCKET_MS = 4_000;

/**
 * Opens the way to an object store, which the operator named: every address is allowed, and no redirect is followed.
 * Bodies are streamed from and to the caller, who sets the pace.
 */
export function createS3Transport({ clock }: { clock: Clock }): S3Transport {
  const agent = new Agent({
    connect: createConnector({
      clock,
      resolve: resolveBySystem,
      onlyPublic: false,
      ownListeners: () => [],
      onForbidden: () => {},
    }),
    allowH2: false,
    pipelining: 1,
    connections: CONNECTIONS_MAX,
    maxHeaderSize: HEADER_BYTES_MAX,
    keepAliveTimeout: IDLE_SOCKET_MS,
    // Our own life span is the time limit.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    send: (request, limits) => send({ agent, clock }, request, limits),
    close: () => agent.destroy(),
  };
}

interface Way {
  agent: Agent;
  clock: Clock;
}

async function send({ agent, clock }: Way, request: S3Request, limits: S3Limits): Promise<S3Sent> {
  const url = new URL(request.url);
  const ending = startEnding({ clock, totalMs: limits.headersMs, signal: limits.signal });
  try {
    const asked = agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method,
      headers:
        request.body === null
          ? request.headers
          : { ...request.headers, 'content-length': String(request.body.sizeBytes) },
      body: bodyOf(request),
      signal: ending.signal,
    });
    // While a connection is made, undici does not hear the signal.
    const answer = await orEnd(asked, ending.signal);
    // A broken body is met by whoever reads it; without a listener it would end the process.
    answer.body.on('error', () => {});
    return {
      kind: 'answer',
      status: answer.statusCode,
      headers: flat(answer.headers),
      body: readBody(answer.body, { clock, limits }),
      cancel: () => void answer.body.destroy(),
    } satisfies S3Answer;
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error), cause: error };
  } finally {
    ending.close();
  }
}

/** undici would send an empty stream in chunks, which S3 refuses. */
function bodyOf({ body }: S3Request): Readable | Uint8Array | null {
  if (body === null) return null;
  if (body.sizeBytes === 0) return new Uint8Array();
  // One chunk waits at most: the file is read as fast as the line takes it.
  const stream = Readable.from(body.read(), { highWaterMark: 1 });
  // undici tells of an error; without a listener of ours, one that comes late would end the process.
  return stream.on('error', () => {});
}

async function* readBody(
  body: Readable,
  { clock, limits }: { clock: Clock; limits: S3Limits },
): AsyncGenerator<Uint8Array> {
  const onAbort = (): void => void body.destroy(new Ended('aborted'));
  if (limits.signal?.aborted === true) onAbort();
  limits.signal?.addEventListener('abort', onAbort, { once: true });
  const chunks: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
  let isWhole = false;
  try {
    for (;;) {
      const stopTimer = afterMs(clock, limits.idleMs, () => void body.destroy(new Ended('timeout')));
      const next = await chunks.next().finally(stopTimer);
      isWhole = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    limits.signal?.removeEventListener('abort', onAbort);
    // After a whole answer the connection is good for another request; `destroy` would take it along.
    if (!isWhole) body.destroy();
  }
}

function reasonOf(error: unknown): Exclude<S3Sent, S3Answer>['reason'] {
  if (error instanceof Ended) return error.reason === 'aborted' ? 'aborted' : 'timeout';
  if (error instanceof ConnectRefused) {
    return error.reason === 'tls' || error.reason === 'timeout' ? error.reason : 'unreachable';
  }
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED' ? 'aborted' : 'reset';
}

function flat(raw: Record<string, string | string[] | undefined>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (value !== undefined && name !== '__proto__') headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}
