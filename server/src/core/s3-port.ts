/**
 * One request to an object store. The address is the operator's own word, so loopback and private addresses are
 * allowed; redirects are never followed.
 */
export interface S3Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  body: S3Body | null;
}

/** Bytes to send. `read` is called once, when a connection is there, so that nothing is read for one that never comes. */
export interface S3Body {
  sizeBytes: number;
  read(): AsyncIterable<Uint8Array>;
}

export interface S3Limits {
  /** From now to the answer's headers, the sending of the body included. */
  headersMs: number;
  /** Longest wait for the next bytes of the answer; the time in which nobody reads does not count. */
  idleMs: number;
  signal?: AbortSignal;
}

export interface S3Answer {
  kind: 'answer';
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Must be read to its end, or `cancel` called. Throws when it breaks off. */
  body: AsyncIterable<Uint8Array>;
  cancel(): void;
}

/** What became of one request, sent once and never retried. */
export type S3Sent =
  | S3Answer
  | { kind: 'failed'; reason: 'unreachable' | 'tls' | 'timeout' | 'reset' | 'aborted'; cause: unknown };

/** The way to an object store, which streams in both directions. */
export interface S3Transport {
  /** Never throws for network reasons. */
  send(request: S3Request, limits: S3Limits): Promise<S3Sent>;
  close(): Promise<void>;
}
