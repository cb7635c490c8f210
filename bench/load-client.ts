import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';

import { percentile } from './figures.ts';

/** A closed loop: each connection sends its next request when it has read the answer to the last one. */
export interface LoadOrder {
  port: number;
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string>;
  body: string | null;
  /** Sends a fresh `Idempotency-Key` with each request. */
  hasFreshKey: boolean;
  connections: number;
  /** Requests of this time are sent and not counted. */
  warmUpMs: number;
  durationMs: number;
  /** Ends after so many requests, warm-up included, if that comes before the time is over. */
  requestsMax?: number;
  /** All connections together send no more than this; without it, as fast as the server answers. */
  perSecondMax?: number;
  expectedStatus: number;
}

export interface LoadResult {
  requests: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Share of one core that this process was busy; near 1 the generator was the limit, not the server. */
  generatorLoad: number;
  /** Bytes of the body of the last answer. */
  bodyBytes: number;
}

interface Tally {
  sent: number;
  latenciesMs: number[];
  bodyBytes: number;
}

/**
 * Runs one order over raw sockets: parsing as little as possible, so that the generator takes less of the machine
 * than the server it drives. Throws at the first answer of another status, which would make the figure a lie.
 */
export async function runLoad(order: LoadOrder): Promise<LoadResult> {
  const startedMs = performance.now();
  const countFromMs = startedMs + order.warmUpMs;
  const untilMs = countFromMs + order.durationMs;
  const tally: Tally = { sent: 0, latenciesMs: [], bodyBytes: 0 };
  const before = process.cpuUsage();
  const connections = Array.from({ length: order.connections }, () => drive(order, { countFromMs, untilMs, tally }));
  await Promise.all(connections);
  const spent = process.cpuUsage(before);
  const requests = tally.latenciesMs.length;
  return {
    requests,
    perSecond: requests / (order.durationMs / 1000),
    p50Ms: percentile(tally.latenciesMs, 50),
    p99Ms: percentile(tally.latenciesMs, 99),
    generatorLoad: (spent.user + spent.system) / 1000 / (performance.now() - startedMs),
    bodyBytes: tally.bodyBytes,
  };
}

async function drive(order: LoadOrder, window: { countFromMs: number; untilMs: number; tally: Tally }): Promise<void> {
  const socket = net.connect({ port: order.port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const startedMs = window.countFromMs - order.warmUpMs;
  let sentMs = 0;
  let received: Buffer = Buffer.alloc(0);
  const send = (): void => {
    if (window.tally.sent >= (order.requestsMax ?? Number.POSITIVE_INFINITY)) return resolve();
    const earlyMs =
      (1000 * window.tally.sent) / (order.perSecondMax ?? Number.POSITIVE_INFINITY) - (performance.now() - startedMs);
    if (earlyMs > 0) {
      setTimeout(send, earlyMs);
      return;
    }
    window.tally.sent += 1;
    sentMs = performance.now();
    socket.write(requestText(order));
  };
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = readAnswer(received);
    if (answer === null) return;
    received = Buffer.alloc(0);
    if (answer.status !== order.expectedStatus) {
      reject(new Error(`${order.method} ${order.path} answered ${answer.status}: ${answer.body.slice(0, 300)}`));
      return;
    }
    const now = performance.now();
    if (now >= window.untilMs) return resolve();
    if (sentMs >= window.countFromMs) window.tally.latenciesMs.push(now - sentMs);
    window.tally.bodyBytes = answer.bodyBytes;
    send();
  });
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('the server closed the connection')));
  send();
  try {
    await promise;
  } finally {
    socket.destroy();
  }
}

function requestText(order: LoadOrder): string {
  const lines = [`${order.method} ${order.path} HTTP/1.1`, `host: 127.0.0.1:${order.port}`];
  for (const [name, value] of Object.entries(order.headers)) lines.push(`${name}: ${value}`);
  if (order.hasFreshKey) lines.push(`idempotency-key: ${randomUUID()}`);
  if (order.body !== null)
    lines.push('content-type: application/json', `content-length: ${Buffer.byteLength(order.body)}`);
  return `${lines.join('\r\n')}\r\n\r\n${order.body ?? ''}`;
}

interface RawAnswer {
  status: number;
  body: string;
  bodyBytes: number;
}

/** Null until the answer is whole. Only answers with a Content-Length are known here; all that we measure have one. */
function readAnswer(received: Buffer): RawAnswer | null {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd === -1) return null;
  const head = received.toString('latin1', 0, headEnd);
  const declared = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  // Status 0 is never the expected one, so the order ends with the head in its error.
  if (declared === undefined) return { status: 0, body: `no Content-Length: ${head}`, bodyBytes: 0 };
  const bodyBytes = Number(declared);
  const start = headEnd + 4;
  if (received.length < start + bodyBytes) return null;
  return { status: Number(head.slice(9, 12)), body: received.toString('utf8', start), bodyBytes };
}
