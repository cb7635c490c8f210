import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** When a request to start a generation came in, on both clocks of this process. */
export interface Arrival {
  /** `Date.now()`, to compare with the instants in a timeline. */
  at: number;
  /** `performance.now()`, to compare with what this process has sent itself. */
  ms: number;
}

/** How the double tells that it is done: in the answer to the start, or by a callback right after an answer of "pending". */
export type Telling = 'answer' | 'callback';

/** A provider that is done at once, by the sandbox's protocol over HTTP. */
export interface ProviderDouble {
  url: string;
  port: number;
  telling: Telling;
  /** Resolves when the next request to start arrives. */
  nextArrival(): Promise<Arrival>;
  close(): Promise<void>;
}

/** Serves `picture` as the result of every generation. */
export async function startProviderDouble(picture: Buffer): Promise<ProviderDouble> {
  let waiting: ((arrival: Arrival) => void) | null = null;
  const server = createServer((request, response) => {
    const arrival = { at: Date.now(), ms: performance.now() };
    if (request.method === 'POST') {
      waiting?.(arrival);
      waiting = null;
    }
    answer(double, { request, response, picture }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Safe: a server that listens on a port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  const double: ProviderDouble = {
    url: `http://127.0.0.1:${port}`,
    port,
    telling: 'answer',
    nextArrival: () =>
      new Promise((resolve) => {
        waiting = resolve;
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return double;
}

async function answer(
  double: ProviderDouble,
  call: { request: IncomingMessage; response: ServerResponse; picture: Buffer },
): Promise<void> {
  const { request, response, picture } = call;
  const path = request.url ?? '/';
  if (path.startsWith('/files/')) {
    response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': picture.length }).end(picture);
    return;
  }
  if (request.method === 'GET') return send(response, done(double, path.split('/').at(-1) ?? ''));
  const start = readStart(await readBody(request));
  if (double.telling === 'answer') return send(response, done(double, start.id));
  send(response, { id: start.id, status: 'pending', progress: 0 });
  if (start.callbackUrl !== null) {
    const body = JSON.stringify({ id: start.id, status: 'finished' });
    await fetch(start.callbackUrl, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  }
}

function done(double: ProviderDouble, id: string): object {
  return { id, status: 'completed', outputs: [{ url: `${double.url}/files/${id}.jpg` }], seed: 42 };
}

function send(response: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(201, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

function readStart(text: string): { id: string; callbackUrl: string | null } {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('id' in value) || typeof value.id !== 'string')
    return { id: 'bench', callbackUrl: null };
  const url = 'callback_url' in value ? value.callback_url : null;
  return { id: value.id, callbackUrl: typeof url === 'string' ? url : null };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  // Safe: no encoding was set, so chunks are buffers. The only sender is the gateway under measurement.
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
