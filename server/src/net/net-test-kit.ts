import { handClock } from '../core/hand-clock.ts';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Log } from '../core/log-port.ts';
import type { DownloadLimits, Net, OutboundLimits } from '../core/net-port.ts';
import { createNet, type NetOptions } from './net.ts';

export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };

/** For tests only: a net that is closed after the test; everything private is forbidden unless said otherwise. */
export function netForTest(t: TestContext, options: Partial<NetOptions> = {}): Net {
  const net = createNet({ allowPrivate: false, clock: handClock(), log: silentLog, ...options });
  t.after(() => net.close());
  return net;
}

export interface TestServer {
  origin: string;
  port: number;
  /** Method and path of every request, in order. */
  hits: string[];
  requests: http.IncomingMessage[];
}

/** For tests only: a real server on a loopback address, gone after the test. */
export async function serve(t: TestContext, handler: http.RequestListener, host = '127.0.0.1'): Promise<TestServer> {
  const hits: string[] = [];
  const requests: http.IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  // Safe: a TCP server that listens has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  return { origin: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, port, hits, requests };
}

/** For tests only: generous limits that trust the given origins. */
export function limitsFor(...operatorOrigins: string[]): OutboundLimits {
  return { totalMs: 60_000, bodyBytesMax: 1_000_000, redirectsMax: 0, trust: { operatorOrigins } };
}

/** For tests only: generous limits of a download that trust the given origins. */
export function downloadLimitsFor(...operatorOrigins: string[]): DownloadLimits {
  return {
    totalMs: 600_000,
    bytesMax: 10_000_000,
    bytesPer10sMin: 1,
    redirectsMax: 3,
    trust: { operatorOrigins },
  };
}
