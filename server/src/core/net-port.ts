/** Who vouches for an address. `operator`: the operator wrote it, so loopback is allowed. `public`: anybody could have. */
export interface AddressTrust {
  /** Origins (scheme, host, port) that the operator named himself; private addresses are allowed on these alone. */
  operatorOrigins: readonly string[];
}

export interface OutboundRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  url: string;
  headers: Record<string, string>;
  body: string | Uint8Array | null;
}

export interface OutboundLimits {
  /** From now to the last byte. */
  totalMs: number;
  /** From the request's first byte to the answer's headers; 10 s when absent, and never beyond `totalMs`. */
  headersMs?: number;
  /** Bytes of the body after decompression; what is longer is cut there and marked `truncated`. */
  bodyBytesMax: number;
  /** 0 for webhooks and provider calls; each hop is checked like the first. */
  redirectsMax: number;
  trust: AddressTrust;
  signal?: AbortSignal;
  /** Called once the request's first byte is about to leave; who aborts `signal` within it withdraws the request, unsent. */
  onSending?: () => void;
}

/**
 * What became of one request, sent once and never retried.
 * `refused` means that surely no byte reached the other side; `lost` that it may have acted.
 */
export type ExchangeResult =
  | { kind: 'answer'; status: number; headers: Record<string, string>; body: Uint8Array; truncated: boolean }
  | { kind: 'refused'; reason: RefusedReason; detail: string }
  | { kind: 'lost'; reason: 'timeout' | 'reset' | 'aborted'; detail: string };

export type RefusedReason =
  | 'address-forbidden'
  | 'url-invalid'
  | 'name-unresolved'
  | 'connection-refused'
  | 'tls'
  | 'timeout'
  | 'aborted';

export interface DownloadLimits extends Omit<OutboundLimits, 'bodyBytesMax' | 'onSending'> {
  bytesMax: number;
  /** Fewer bytes than this in any 10 s ends the download (slow drip). */
  bytesPer10sMin: number;
  /** Headers for the address's own origin alone: a redirect to any other, and all that follow, go without. */
  secretHeaders?: Readonly<Record<string, string>>;
}

export type DownloadResult =
  | { kind: 'done'; sizeBytes: number; headers: Record<string, string>; finalUrl: string }
  | {
      kind: 'failed';
      reason:
        | 'status'
        | 'too-large'
        | 'too-slow'
        | 'timeout'
        | 'reset'
        | 'truncated'
        | 'too-many-redirects'
        | 'aborted'
        | RefusedReason;
      status: number | null;
      detail: string;
    };

/** Why a URL may not be used, or null when it may. */
export type UrlProblem = {
  reason: 'url-invalid' | 'scheme' | 'credentials' | 'port' | 'too-long' | 'address-forbidden';
  detail: string;
} | null;

/** The only way out of the process. Every address a user or provider can influence is checked here. */
export interface Net {
  /** Sends one request once and reads the whole answer (up to the limit). Never throws for network reasons. */
  exchange(request: OutboundRequest, limits: OutboundLimits): Promise<ExchangeResult>;
  /** Streams a GET's body into `sink`, which is awaited chunk by chunk (back-pressure). */
  download(
    url: string,
    sink: (chunk: Uint8Array) => Promise<void> | void,
    limits: DownloadLimits,
  ): Promise<DownloadResult>;
  /** Checks a caller's URL before anything is stored: form, scheme, literal address, and the addresses its name resolves to. An unresolvable name is no problem here. */
  checkUrl(url: string, trust: AddressTrust): Promise<UrlProblem>;
  close(): Promise<void>;
}
