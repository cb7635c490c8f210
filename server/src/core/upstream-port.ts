import type { MediaFacts } from './media-port.ts';
import type { DownloadResult, ExchangeResult } from './net-port.ts';
import type { ProviderRequest } from './provider.ts';

/** Sends requests to providers, with their credentials, once each. The in-process sandbox stands behind the same port. */
export interface Upstream {
  /** The base address in force for a provider (the operator's own, or the provider's). */
  baseUrl(provider: string): string;
  /** Whether a provider can reach our own addresses, for callbacks and for files of ours. */
  canReachUs(provider: string): boolean;
  /** The key is sent to the provider's own hosts alone; a request to any other is refused unsent. */
  exchange(provider: string, request: ProviderRequest, options: ExchangeOptions): Promise<ExchangeResult>;
  /**
   * Streams a result file; the URL came from the provider and is checked like any hostile one. A `data:` URL is
   * unpacked here. The key goes along only where the provider's file says so, and to its base origin alone.
   */
  download(
    provider: string,
    url: string,
    sink: (chunk: Uint8Array) => Promise<void> | void,
    options: DownloadOptions,
  ): Promise<DownloadResult>;
}

export interface UpstreamOptions {
  timeoutMs: number;
  signal: AbortSignal;
}

export interface DownloadOptions extends UpstreamOptions {
  bytesMax: number;
  /** The key that bought the result. */
  keyId: string;
}

export interface ExchangeOptions extends UpstreamOptions {
  /** The key to send; see `ProviderKeys`. */
  keyId: string;
  /** Called once the first byte is about to leave; who aborts `signal` within it withdraws the request, unsent. */
  onSending?: () => void;
}

/** A caller's file, read whole; null when it cannot be had. */
export interface InputFile {
  bytes: Uint8Array;
  /** By its content; `application/octet-stream` when that says nothing. */
  contentType: string;
}

/** Fetches files that callers name: our own, or strangers' through the checked way out. At most 25 MB. */
export interface Inputs {
  read(url: string, signal: AbortSignal): Promise<InputFile | null>;
  /** What a file is, checked to its last byte; null when it cannot be had or is damaged. */
  measure(url: string): Promise<MediaFacts | null>;
  /** True for an address of a file that this gateway serves. */
  isOurs(url: string): boolean;
}
