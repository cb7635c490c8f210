import type { DownloadResult, ExchangeResult } from './net-port.ts';
import type { ProviderRequest } from './provider.ts';

/** Sends requests to providers, with their credentials, once each. The in-process sandbox stands behind the same port. */
export interface Upstream {
  /** The base address in force for a provider (the operator's own, or the provider's). */
  baseUrl(provider: string): string;
  /** Ids of the providers that can be used now: a key is there, or none is needed. */
  ready(): ReadonlySet<string>;
  exchange(provider: string, request: ProviderRequest, options: UpstreamOptions): Promise<ExchangeResult>;
  /** Streams a result file; the URL came from the provider and is checked like any hostile one. */
  download(
    provider: string,
    url: string,
    sink: (chunk: Uint8Array) => Promise<void> | void,
    options: UpstreamOptions & { bytesMax: number },
  ): Promise<DownloadResult>;
}

export interface UpstreamOptions {
  timeoutMs: number;
  signal: AbortSignal;
  /** Called once the first byte is about to leave. */
  onSending?: () => void;
}
