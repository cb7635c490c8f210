import { createServer, STATUS_CODES, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { getRequestListener, RequestError, type Http2Bindings, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Hono } from 'hono';

import type { Clock } from '../core/clock.ts';

export interface ListenOptions {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  clock: Clock;
  /** Aborted at the beginning of `close`; the app's streams and waits listen to it. */
  closing: AbortController;
  /** For the fault harness alone: called when exactly half of a 202's body has been written. */
  onHalfAnswer?: () => void | Promise<void>;
}

export interface Listener {
  host: string;
  port: number;
  /** Stops accepting, lets what is under way finish for at most 20 s, then cuts the rest. */
  close(): Promise<void>;
}

/** Slow heads hold a socket and nothing else; still nobody honest needs longer. */
const HEADERS_MS_MAX = 10_000;
/** The whole request, for the longest body we take: an upload. JSON bodies are held to 30 s where they are read. */
const REQUEST_MS_MAX = 300_000;
/** How often Node looks for sockets beyond those two. */
const CHECK_MS = 2_000;
/** Longer than the 60 s of common load balancers, so that it is never us who hang up first. */
const KEEP_ALIVE_MS = 65_000;
const HEADER_BYTES_MAX = 16 * 1024;
/** Moves long-lived clients to another process now and then. */
const REQUESTS_PER_SOCKET_MAX = 100_000;
const DRAIN_MS_MAX = 20_000;
const IDLE_CHECK_MS = 50;

/** Opens the socket; rejects when it cannot be had. */
export async function listen(app: Hono, options: ListenOptions): Promise<Listener> {
  const fetch: FetchApp = (request, env) => app.fetch(request, env);
  const listener = getRequestListener(
    options.onHalfAnswer === undefined ? fetch : inHalves(fetch, options.onHalfAnswer),
    { errorHandler: refuseUnreadable },
  );
  const server = createServer(
    {
      headersTimeout: HEADERS_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      connectionsCheckingInterval: CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
      // Node's own refusal has no body; without it the listener refuses, in our envelope.
      requireHostHeader: false,
    },
    (incoming, outgoing) => {
      void listener(incoming, outgoing).catch(() => outgoing.destroy());
    },
  );
  server.maxRequestsPerSocket = REQUESTS_PER_SOCKET_MAX;
  server.on('clientError', refuseClient);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(options.port, options.host, resolve);
  await promise;
  // Safe: a server that listens on a port has an address of this kind.
  const address = server.address() as AddressInfo;
  let closed: Promise<void> | null = null;
  return {
    host: options.host,
    port: address.port,
    close: () => (closed ??= drain(server, options)),
  };
}

type FetchApp = (request: Request, env: HttpBindings | Http2Bindings) => Response | Promise<Response>;

/** What cannot even become a request: no usable host, a broken target. */
function refuseUnreadable(error: unknown): Response {
  const isClients = error instanceof RequestError;
  const text = isClients ? 'The request cannot be read' : 'Internal error';
  return new Response(JSON.stringify({ error: text }), {
    status: isClients ? 400 : 500,
    headers: { 'content-type': 'application/json; charset=utf-8', 'x-content-type-options': 'nosniff' },
  });
}

const CLIENT_ERRORS: Readonly<Record<string, { status: number; text: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, text: 'The request headers are too large' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, text: 'The request did not arrive in time' },
};

/** What is no HTTP at all still gets our envelope, and the socket is closed. */
function refuseClient(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, text } = CLIENT_ERRORS[error.code ?? ''] ?? { status: 400, text: 'The request is not valid HTTP' };
  const body = JSON.stringify({ error: text });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n` +
      'Content-Type: application/json; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

async function drain(server: Server, { clock, closing }: ListenOptions): Promise<void> {
  const done = new AbortController();
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      done.abort();
      resolve();
    });
  });
  closing.abort();
  const until = clock.monotonicMs() + DRAIN_MS_MAX;
  while (!done.signal.aborted && clock.monotonicMs() < until) {
    // A connection becomes idle when its last answer has left; nobody tells us when.
    server.closeIdleConnections();
    await clock.sleep(IDLE_CHECK_MS, done.signal);
  }
  server.closeAllConnections();
  await closed;
}

/** Writes a 202 in two parts with a stop between them, so that a test can kill the process there. */
function inHalves(fetch: FetchApp, onHalfAnswer: () => void | Promise<void>): FetchApp {
  return async (request, env) => {
    const response = await fetch(request, env);
    if (response.status !== 202) return response;
    const body = Buffer.from(await response.arrayBuffer());
    const half = Math.floor(body.length / 2);
    const headers = { ...Object.fromEntries(response.headers), 'content-length': String(body.length) };
    // Safe: the server above speaks HTTP/1.1 only.
    const outgoing = env.outgoing as ServerResponse;
    outgoing.writeHead(202, headers);
    await new Promise((resolve) => outgoing.write(body.subarray(0, half), resolve));
    await onHalfAnswer();
    outgoing.end(body.subarray(half));
    return RESPONSE_ALREADY_SENT;
  };
}
