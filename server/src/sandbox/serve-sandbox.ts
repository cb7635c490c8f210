import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { InsideProvider } from '../core/inside-port.ts';

const BODY_BYTES_MAX = 1024 * 1024;

/** The sandbox as a provider over real HTTP. */
export async function serveOverHttp(
  service: InsideProvider,
  options: { host: string; port: number },
): Promise<{ url: string; close(): Promise<void> }> {
  let url = '';
  const server = createServer((request, response) => {
    answer(service, { request, response, base: url }).catch(() => response.destroy());
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(options.port, options.host, resolve);
  await listening;
  // Safe: a server that listens on a port has an address of this kind.
  url = `http://${options.host}:${(server.address() as AddressInfo).port}`;
  return {
    url,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  service: InsideProvider,
  call: { request: IncomingMessage; response: ServerResponse; base: string },
): Promise<void> {
  const { request, response, base } = call;
  const path = request.url ?? '/';
  const body = await readBody(request);
  const file = request.method === 'GET' ? await service.file(path) : null;
  if (file !== null) {
    response.writeHead(200, { 'content-type': file.contentType, 'content-length': file.bytes.length }).end(file.bytes);
    return;
  }
  const result = await service.handle({ method: request.method ?? 'GET', path, base, body });
  if (result.kind === 'lost') {
    request.socket.resetAndDestroy();
    return;
  }
  response.writeHead(result.status, result.headers).end(result.body);
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    // Safe: no encoding was set, so chunks are buffers.
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > BODY_BYTES_MAX) throw new Error('body too large');
    chunks.push(bytes);
  }
  return chunks.length === 0 ? null : Buffer.concat(chunks).toString('utf8');
}
