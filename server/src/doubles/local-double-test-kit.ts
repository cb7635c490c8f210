import assert from 'node:assert/strict';
import { request, type IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { TestContext } from 'node:test';

import { handClock, type HandClock } from '../core/hand-clock.ts';
import type { Double } from './double.ts';
import type { Fault } from './fault.ts';
import { runDouble, type RunningDouble } from './run-double.ts';
import type { Script } from './script.ts';

/** What a client heard, and how long that took on the double's clock. */
export type Heard =
  | { kind: 'answer'; status: number; headers: Headers; text: string; body: Buffer; afterMs: number }
  /** The connection ended before or within the answer; `status` tells how far it came. */
  | { kind: 'lost'; status: number | null; afterMs: number };

export interface Request {
  /** A text or bytes as they are, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Moves the clock by so much again and again until the answer is there; otherwise it stands still. */
  stepMs?: number;
}

/** A double on loopback whose clock stands still until the test moves it. */
export interface PlayedDouble {
  clock: HandClock;
  double: RunningDouble;
  send(method: string, path: string, request?: Request): Promise<Heard>;
}

/** For tests only: starts a double, which ends with the test. */
export async function playDouble(
  t: TestContext,
  double: Double,
  options: { fault?: Fault; script?: Script; durationMs?: number } = {},
): Promise<PlayedDouble> {
  const clock = handClock(Date.UTC(2026, 10, 22));
  const { durationMs = 10_000, fault } = options;
  const script = options.script ?? (fault === undefined ? [] : [{ fault }]);
  const running = await runDouble(double, { clock, durationMs, script });
  t.after(() => running.close());
  return {
    clock,
    double: running,
    send: (method, path, wanted = {}) => send({ clock, url: new URL(path, running.url).href }, method, wanted),
  };
}

async function send(at: { clock: HandClock; url: string }, method: string, wanted: Request): Promise<Heard> {
  const { clock, url } = at;
  const begunAt = clock.now();
  const settled = new AbortController();
  const heard = exchange(url, method, wanted).finally(() => settled.abort());
  while (!settled.signal.aborted) {
    if (wanted.stepMs !== undefined) clock.advance(wanted.stepMs);
    await setImmediate();
  }
  return { ...(await heard), afterMs: clock.now() - begunAt };
}

type Exchanged = { kind: 'answer'; status: number; headers: Headers; text: string; body: Buffer } | Lost;
type Lost = { kind: 'lost'; status: number | null };

/** Longer bodies are left unread: nobody reads 2 GiB to see that they come. */
const READ_BYTES_MAX = 1_000_000_000;

/** Each request has a connection of its own, so that a reset strikes no other. */
function exchange(url: string, method: string, { body, headers }: Request): Promise<Exchanged> {
  return new Promise((resolve) => {
    let status: number | null = null;
    // A broken connection is what some faults are about.
    const end = (): void => resolve({ kind: 'lost', status });
    const sent = request(url, { method, agent: false, headers: { 'content-type': 'application/json', ...headers } });
    sent.once('error', end);
    sent.once('response', (answer) => {
      status = answer.statusCode ?? 0;
      const told = { kind: 'answer', status, headers: headersOf(answer) } as const;
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', end);
      answer.once('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({ ...told, body: bytes, text: bytes.toString('utf8') });
      });
      if (Number(answer.headers['content-length']) < READ_BYTES_MAX) return;
      resolve({ ...told, body: Buffer.alloc(0), text: '' });
      sent.destroy();
    });
    const isReady = typeof body === 'string' || body instanceof Uint8Array;
    sent.end(isReady ? body : body === undefined ? '' : JSON.stringify(body));
  });
}

/** For tests only: a form as a browser would send it; a `Blob` is a file, and a list repeats its name. */
export async function formOf(fields: Readonly<Record<string, unknown>>): Promise<{ body: Uint8Array; type: string }> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item instanceof Blob) form.append(name, item, name);
      else form.append(name, typeof item === 'string' ? item : JSON.stringify(item));
    }
  }
  const encoded = new Response(form);
  return { body: new Uint8Array(await encoded.arrayBuffer()), type: encoded.headers.get('content-type') ?? '' };
}

function headersOf(answer: IncomingMessage): Headers {
  return new Headers(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
}

/** For tests only: the JSON of an answer with this status. Throws for any other. */
export function jsonOf(heard: Heard, status: number): unknown {
  if (heard.kind !== 'answer' || heard.status !== status) {
    const told = heard.kind === 'answer' ? `${heard.status} ${heard.text.slice(0, 300)}` : `lost at ${heard.status}`;
    throw new Error(`expected ${status}, heard ${told}`);
  }
  return JSON.parse(heard.text);
}

/** For tests only: the faults under which nothing is bought; written out, so that the double's own list is checked. */
export const BUYS_NOTHING: readonly Fault[] = [
  'p1-timeout-before-accept',
  'p2-reset-before',
  'p3-429-seconds',
  'p3-429-date',
  'p3-429-none',
  'p3-429-huge',
  'p4-5xx-before',
  'p23-402',
  '401-key',
];

/** For tests only: checks what was heard; `played` is there for further requests. */
export type Check = (heard: Heard, played: PlayedDouble) => unknown;

/** The double gives up a connection that it never answers after ten minutes. */
const GIVEN_UP_MS = 600_000;

/** For tests only: the connection ended at once and without an answer. */
export const lost: Check = (heard) =>
  assert.ok(heard.kind === 'lost' && heard.status === null && heard.afterMs < GIVEN_UP_MS);

/** For tests only: the double was silent until it gave up. */
export const silent: Check = (heard) =>
  assert.ok(heard.kind === 'lost' && heard.status === null && heard.afterMs >= GIVEN_UP_MS);

/** For tests only: an answer with this status and this `Retry-After`; null for none. */
export function refusal(status: number, retryAfter: RegExp | null = null): Check {
  return (heard) => {
    assert.ok(heard.kind === 'answer' && heard.status === status, JSON.stringify(heard));
    const wait = heard.headers.get('retry-after');
    if (retryAfter === null) assert.equal(wait, null);
    else assert.match(wait ?? '', retryAfter);
  };
}

/** For tests only: an answer with status 200 whose text passes. */
export function wholeText(check: (text: string) => boolean): Check {
  return (heard) => {
    assert.ok(heard.kind === 'answer' && heard.status === 200);
    assert.ok(check(heard.text), heard.text.slice(0, 200));
  };
}

/** For tests only: whether a text is JSON. */
export function isJson(text: string): boolean {
  try {
    return JSON.parse(text) !== undefined;
  } catch {
    // That it is none is the answer.
    return false;
  }
}
