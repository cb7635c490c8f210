import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Clock } from '../core/clock.ts';
import type { DoubleAnswer } from './double.ts';

/** Base64 pictures make the largest requests. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;
/** A request that is never answered is held this long at most. */
const HANG_MS_MAX = 600_000;
/** Longer than any client keeps an idle connection, so that the double never closes one under a request. */
const KEEP_ALIVE_MS = 75_000;

/** A request as it came. */
export interface RawRequest {
  method: string;
  url: URL;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** A double's server on loopback. */
export interface DoubleServer {
  /** `http://127.0.0.1:<port>`, without a slash. */
  url: string;
  close(): Promise<void>;
}

/** Serves `answer` over real HTTP; null stands for a body that is too large. */
export async function serveDouble(options: {
  port: number;
  clock: Clock;
  answer: (request: RawRequest | null) => Promise<DoubleAnswer>;
}): Promise<DoubleServer> {
  const closing = new AbortController();
  const server = createServer((request, response) => {
    // A client that left, or a double that broke: either way the connection is of no more use.
    respond({ ...options, closing: closing.signal }, { request, response, url }).catch(() => response.destroy());
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const url = `http://127.0.0.1:${await listen(server, options.port)}`;
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        closing.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Safe: a server that listens on a port has an address of this kind.
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: string;
}

async function respond(
  world: { clock: Clock; closing: AbortSignal; answer: (request: RawRequest | null) => Promise<DoubleAnswer> },
  { request, response, url }: Exchange,
): Promise<void> {
  const body = await readBody(request);
  const target = URL.parse(request.url ?? '/', url);
  const raw =
    body === null || target === null
      ? null
      : { method: request.method ?? 'GET', url: target, headers: request.headers, body };
  const answer = await world.answer(raw);
  switch (answer.kind) {
    case 'whole':
      response.writeHead(answer.status, { 'content-length': Buffer.byteLength(answer.body), ...answer.headers });
      response.end(answer.body);
      return;
    case 'stream':
      response.writeHead(answer.status, answer.headers);
      await sendChunks(response, answer);
      return;
    case 'hang':
      await holdOpen(world, response);
      request.socket.resetAndDestroy();
      return;
    case 'reset':
      request.socket.resetAndDestroy();
      return;
  }
}

async function sendChunks(
  response: ServerResponse,
  { headers, chunks }: Extract<DoubleAnswer, { kind: 'stream' }>,
): Promise<void> {
  const left = new Promise<void>((resolve) => {
    response.once('close', resolve);
  });
  // Of headers that `writeHead` was given, the response itself keeps none.
  const promised = Number(headers['content-length']);
  let sent = 0;
  response.flushHeaders();
  for await (const chunk of chunks) {
    if (response.destroyed) return;
    sent += chunk.length;
    if (response.write(chunk)) continue;
    await Promise.race([left, new Promise((resolve) => response.once('drain', resolve))]);
  }
  // One that breaks off early ends with its connection, since a length was promised.
  // What was sent must leave before the end does: a socket that is destroyed at once may take it along.
  if (sent < promised) response.socket?.end(() => response.destroy());
  else response.end();
}

async function holdOpen(world: { clock: Clock; closing: AbortSignal }, response: ServerResponse): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort());
  await world.clock.sleep(HANG_MS_MAX, AbortSignal.any([left.signal, world.closing]));
}

async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    // Safe: no encoding was set, so chunks are buffers.
    const bytes = chunk as Buffer;
    size += bytes.length;
    // What is too large is read to its end and thrown away, so that the client hears the refusal.
    if (size <= BODY_BYTES_MAX) chunks.push(bytes);
  }
  return size > BODY_BYTES_MAX ? null : Buffer.concat(chunks);
}
