import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** What came over a bare connection. */
export interface WireAnswer {
  /** Null when the connection ended before a status line. */
  status: number | null;
  headers: Record<string, string>;
  /** Without the head; as much as came. */
  body: Buffer;
  /** How the connection ended. */
  end: 'closed' | 'reset' | 'left';
}

/** For tests only: sends one request over a connection of its own; leaves once `enough` says so. */
export function sendBare(
  url: string,
  request: { method?: string; headers?: Record<string, string>; body?: string },
  enough: (soFar: WireAnswer) => boolean = () => false,
): Promise<WireAnswer> {
  const target = new URL(url);
  const body = request.body ?? '';
  const lines = Object.entries({
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
    ...request.headers,
  });
  const head = [
    `${request.method ?? 'GET'} ${target.pathname}${target.search} HTTP/1.1`,
    `host: ${target.host}`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
  ];
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const socket = connect(Number(target.port), target.hostname, () =>
      socket.write(`${head.join('\r\n')}\r\n\r\n${body}`),
    );
    const end = (how: WireAnswer['end']): void => resolve(parse(bytes, how));
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!enough(parse(bytes, 'left'))) return;
      end('left');
      socket.destroy();
    });
    socket.on('error', () => end('reset'));
    socket.on('close', () => end('closed'));
  });
}

function parse(bytes: Buffer, end: WireAnswer['end']): WireAnswer {
  const split = bytes.indexOf('\r\n\r\n');
  if (split < 0) return { status: null, headers: {}, body: Buffer.alloc(0), end };
  const [first = '', ...lines] = bytes.toString('latin1', 0, split).split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => line.split(/: ?(.*)/s).slice(0, 2)));
  return { status: Number(first.split(' ')[1]), headers, body: bytes.subarray(split + 4), end };
}

/** A callback as it arrived. */
export interface ReceivedCallback {
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** For tests only: receives callbacks; the first ones are refused with 500, as many as asked. */
export async function receiveCallbacks(t: TestContext, options: { refuseFirst?: number } = {}) {
  const received: ReceivedCallback[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body });
      response.writeHead(received.length <= (options.refuseFirst ?? 0) ? 500 : 204).end();
      for (const { count, resolve } of waiting) if (received.length >= count) resolve();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/callbacks/attempt-1`,
    received,
    /** Resolves once so many have come. */
    until: (count: number) =>
      new Promise<void>((resolve) => {
        if (received.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
  };
}
