import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** One webhook as it arrived. */
export interface Hit {
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** What a receiver does with a webhook; everything but `status` is what bad receivers do. */
export type ReceiverAnswer =
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  /** Never answers. */
  | { kind: 'hang' }
  /** 200, and then a body without end. */
  | { kind: 'endless' }
  /** 200 and the promise of a body, of which a little comes before the connection stays silent. */
  | { kind: 'stall' }
  /** 200 and the promise of a body, of which nothing comes before the connection breaks. */
  | { kind: 'cut' }
  /** The connection breaks without an answer. */
  | { kind: 'reset' };

export interface Receiver {
  /** Loopback address with a path, to be used as a job's webhook URL. */
  url: string;
  origin: string;
  hits: Hit[];
  /** Bytes of endless bodies that the other side has taken. */
  endlessBytes(): number;
  /** Resolves when `count` webhooks have arrived in all. */
  waitForHits(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts a webhook receiver on loopback, over real HTTP; `answer` decides about each hit (numbered from 1). */
export async function startReceiver(answer: (hit: Hit, number: number) => ReceiverAnswer): Promise<Receiver> {
  const hits: Hit[] = [];
  const news = new EventEmitter().setMaxListeners(0);
  let endlessBytes = 0;
  const receive = (hit: Hit, response: http.ServerResponse): void => {
    hits.push(hit);
    play(answer(hit, hits.length), response, (bytes) => {
      endlessBytes += bytes;
    });
    news.emit('hit');
  };
  const server = http.createServer((request, response) => {
    // A request that breaks off half way is no hit.
    readHit(request).then(
      (hit) => receive(hit, response),
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Safe: a TCP server that listens has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    url: `${origin}/hook?variant_id=7`,
    origin,
    hits,
    endlessBytes: () => endlessBytes,
    waitForHits: async (count) => {
      while (hits.length < count) await once(news, 'hit');
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readHit(request: http.IncomingMessage): Promise<Hit> {
  const chunks: Buffer[] = [];
  // Safe: without an encoding a request's stream gives buffers.
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const);
  return { path: request.url ?? '', headers: Object.fromEntries(headers), body: Buffer.concat(chunks).toString() };
}

function play(answer: ReceiverAnswer, response: http.ServerResponse, onBytes: (bytes: number) => void): void {
  switch (answer.kind) {
    case 'status':
      response.writeHead(answer.status, answer.headers).end('thanks');
      return;
    case 'hang':
      return;
    case 'endless':
      response.writeHead(200);
      pourForEver(response, onBytes);
      return;
    case 'stall':
      response.writeHead(200, { 'content-length': '1000' }).write('o');
      return;
    case 'cut':
      response.writeHead(200, { 'content-length': '1000' }).flushHeaders();
      response.socket?.end();
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
  }
}

function pourForEver(response: http.ServerResponse, onBytes: (bytes: number) => void): void {
  const chunk = Buffer.alloc(16 * 1024, 'x');
  const pour = (): void => {
    if (response.destroyed) return;
    response.write(chunk, (error) => {
      if (error) return;
      onBytes(chunk.length);
      setImmediate(pour);
    });
  };
  pour();
}
