import { readFile } from 'node:fs/promises';

import { startServer, type ServerEngine, type StorePlace, type TestServer } from '../../support/server.ts';
import { readBooks, type Books } from './books.ts';

/** What came as JSON, read field by field. */
export interface Json {
  readonly [name: string]: Json | undefined;
}

/** A gateway under test. */
export interface Gateway {
  server: TestServer;
  place: StorePlace;
  /** Sends a request with the owner's key; the answer's body is parsed. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; json: Json }>;
  /** Answers of 500 and above, each with its path. */
  serverErrors: string[];
  /** What the store holds about money and purchases. */
  books(): Promise<Books>;
  /** Memory of the gateway's process, in bytes. */
  rssBytes(): Promise<number>;
  close(): Promise<void>;
}

/** A job as its caller sees it, with its timeline, once it has ended. */
export interface Ended {
  id: string;
  status: string;
  error: string | null;
  creditCost: number;
  events: { kind: string; data: Json }[];
  attempts: { state: string; failureKind: string | null; provider: string }[];
  /** What lies under the result's links. */
  served: { status: number; bytes: Buffer }[];
}

/** The owner's long poll waits this long; a request that takes longer hangs. */
const REQUEST_MS_MAX = 60_000;
const FINAL = new Set(['COMPLETED', 'FAILED', 'CANCELLED']);

/** Starts a gateway that has room for many jobs at once, and credits for them. */
export async function openGateway(options: { engine: ServerEngine; env: Record<string, string> }): Promise<Gateway> {
  const place = await options.engine.makePlace();
  const env = { LUMEGATE_START_CREDITS: '100000', LUMEGATE_TEAM_CONCURRENCY: '500', ...options.env };
  const { dataFolder, databaseUrl } = place;
  const server = await startServer({ dataFolder, databaseUrl, env });
  const serverErrors: string[] = [];
  return {
    server,
    place,
    serverErrors,
    call: async (method, path, body) => {
      const response = await fetch(`${server.url}${path}`, {
        method,
        headers: { 'x-api-key': server.key, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(REQUEST_MS_MAX),
      });
      if (response.status >= 500) serverErrors.push(`${method} ${path}: ${response.status}`);
      // Safe: whatever it is, it is read field by field, and a missing field fails the comparison.
      return { status: response.status, json: (await response.json()) as Json };
    },
    books: () => readBooks(place),
    rssBytes: async () => {
      const text = await readFile(`/proc/${server.pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN) * 1024;
    },
    close: async () => {
      await server.stop();
      await place.dispose();
    },
  };
}

/** Submits a job for a picture; its id. Throws for anything but 202. */
export async function submit(gateway: Gateway, body: object): Promise<string> {
  const { status, json } = await gateway.call('POST', '/v2/images/generate', { model: 'flux-1.1-pro', ...body });
  if (status !== 202) throw new Error(`submit answered ${status}: ${JSON.stringify(json)}`);
  return textOf(json['jobId']);
}

/** Waits for the job's end; throws when it has not come after `msMax`. */
export async function follow(gateway: Gateway, id: string, msMax: number): Promise<Ended> {
  const until = performance.now() + msMax;
  for (;;) {
    const { status, json } = await gateway.call('GET', `/v2/jobs/${id}?wait=20`);
    if (status === 200 && FINAL.has(textOf(json['status']))) return look(gateway, id, json);
    if (performance.now() > until) throw new Error(`job ${id} hangs: ${status} ${JSON.stringify(json)}`);
  }
}

async function look(gateway: Gateway, id: string, job: Json): Promise<Ended> {
  const { json: timeline } = await gateway.call('GET', `/v2/jobs/${id}/timeline`);
  return {
    id,
    status: textOf(job['status']),
    error: job['error'] == null ? null : textOf(job['error']),
    creditCost: Number(job['creditCost']),
    events: listIn(timeline['events']).map((event) => ({ kind: textOf(event['kind']), data: event['data'] ?? {} })),
    attempts: listIn(timeline['attempts']).map((attempt) => ({
      state: textOf(attempt['state']),
      failureKind: attempt['failureKind'] == null ? null : textOf(attempt['failureKind']),
      provider: textOf(attempt['provider']),
    })),
    served: await Promise.all(listIn(job['result']?.['images']).map((link) => fetchLink(textOf(link)))),
  };
}

/** A text as it is, anything else as JSON. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The items of a list; none where it is no list. */
export function listIn(value: Json | undefined): Json[] {
  // Safe: checked in the same breath; the items are read field by field.
  return Array.isArray(value) ? (value as Json[]) : [];
}

async function fetchLink(link: string): Promise<Ended['served'][number]> {
  const response = await fetch(link, { signal: AbortSignal.timeout(REQUEST_MS_MAX) });
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
}
