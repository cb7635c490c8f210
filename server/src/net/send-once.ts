import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { OutboundRequest } from '../core/net-port.ts';

export interface SendOptions {
  dispatcher: Dispatcher;
  url: URL;
  method: OutboundRequest['method'];
  headers: Record<string, string>;
  body: string | Uint8Array | null;
  signal: AbortSignal;
  /** Called right before the first byte is handed to a connected socket. */
  onSending: () => void;
}

/** `sent` false means that surely no byte of the request has left. */
export type SendResult =
  | { kind: 'headers'; status: number; headers: Record<string, string>; body: Readable }
  | { kind: 'failed'; sent: boolean; error: unknown };

/**
 * Sends one request over the pool, once, and resolves when the answer's headers are there. The body must be
 * read to its end or destroyed. undici's own `request` is not used: it cannot tell whether a byte was sent,
 * and its abort signal waits for a connection that is still being made.
 */
export function sendOnce(options: SendOptions): Promise<SendResult> {
  return new Promise((resolve) => {
    if (options.signal.aborted) return resolve({ kind: 'failed', sent: false, error: options.signal.reason });
    const reader = new AnswerReader(options, resolve);
    try {
      options.dispatcher.dispatch(
        {
          origin: options.url.origin,
          path: options.url.pathname + options.url.search,
          method: options.method,
          headers: options.headers,
          body: options.body,
          // Our own life span is the time limit; undici's would be a second one with coarser steps.
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        reader,
      );
    } catch (error) {
      reader.fail(error);
    }
  });
}

/** Bytes of the body that wait for their reader before the sender is slowed down. */
const BODY_BUFFER_BYTES = 64 * 1024;

class AnswerReader implements Dispatcher.DispatchHandler {
  readonly #options: SendOptions;
  readonly #resolve: (result: SendResult) => void;
  readonly #onAbort = (): void => this.fail(this.#options.signal.reason);
  #controller: Dispatcher.DispatchController | null = null;
  #body: Readable | null = null;
  #sent = false;
  #finished = false;

  constructor(options: SendOptions, resolve: (result: SendResult) => void) {
    this.#options = options;
    this.#resolve = resolve;
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // A second start would be a retry on a new socket: a request is sent once or not at all.
    if (this.#finished || this.#sent) return controller.abort(new Error('This request has had its one start.'));
    this.#controller = controller;
    this.#options.onSending();
    this.#sent = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: RawHeaders): void {
    // 1xx is news about the answer, not the answer.
    if (status < 200) return;
    const body = new Readable({
      highWaterMark: BODY_BUFFER_BYTES,
      read: () => controller.resume(),
      destroy: (error, callback) => {
        if (!this.#finished) {
          this.#finish();
          controller.abort(error ?? new Error('The rest of the body is not wanted.'));
        }
        callback(error);
      },
    });
    // An error may come before the reader has begun; it is kept by the stream and met on reading.
    body.on('error', () => {});
    this.#body = body;
    this.#resolve({ kind: 'headers', status, headers: flatHeaders(headers), body });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body !== null && !this.#body.destroyed && !this.#body.push(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#finish();
    if (this.#body !== null && !this.#body.destroyed) this.#body.push(null);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  fail(error: unknown): void {
    if (this.#finished) return;
    this.#finish();
    const reason = error instanceof Error ? error : new Error(String(error));
    this.#controller?.abort(reason);
    if (this.#body === null) this.#resolve({ kind: 'failed', sent: this.#sent, error });
    else this.#body.destroy(reason);
  }

  #finish(): void {
    this.#finished = true;
    this.#options.signal.removeEventListener('abort', this.#onAbort);
  }
}

type RawHeaders = Record<string, string | string[] | undefined>;

function flatHeaders(raw: RawHeaders): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) {
    // A header may well be called `__proto__`; nobody needs it.
    if (value === undefined || name === '__proto__') continue;
    headers[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}
