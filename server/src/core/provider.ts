import type { MicroUsd } from './money.ts';
import type { Outcome } from './outcome.ts';

/** A request to a provider, before credentials: the engine adds the key's header itself. */
export interface ProviderRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Absolute, on the provider's base address or (for polls) on a host its facts file allows. */
  url: string;
  headers: Record<string, string>;
  /** JSON text, or null for none. */
  body: string | null;
}

/** A provider's answer as the adapter sees it: JSON already parsed when it was JSON, else null. */
export interface ProviderAnswer {
  status: number;
  headers: Record<string, string>;
  json: unknown;
  /** The first 2,000 characters of the body, for error texts. */
  text: string;
}

/** What the adapter needs to start one generation. */
export interface ProviderCall {
  /** Our attempt's id; sent along wherever the provider can carry or deduplicate by it. */
  attemptId: string;
  baseUrl: string;
  /** The provider's own name of the model. */
  upstreamModel: string;
  operation: string;
  /** Parameters after the route's map, in the provider's own names. */
  parameters: Record<string, unknown>;
  /** Where the provider may send a callback, or null when we cannot be reached. */
  callbackUrl: string | null;
}

/** How to find a started generation again; stored with the attempt, at most 8 KB as JSON. */
export interface ProviderReference {
  id: string;
  pollUrl: string | null;
  cancelUrl: string | null;
}

/** What `started` reads out of the answer to a start request. */
export type Started =
  | { state: 'accepted'; reference: ProviderReference; costMicroUsd: MicroUsd | null }
  | { state: 'accepted-done'; reference: ProviderReference; outcome: Outcome }
  | Extract<Outcome, { state: 'failed' }>;

/** A callback as it arrived. */
export interface CallbackDelivery {
  headers: Record<string, string>;
  body: string;
}

/**
 * One upstream. Pure: builds requests and reads answers; never waits, retries, stores, bills or logs.
 * A callback is only a hint that it is worth polling now.
 */
export interface Provider {
  id: string;
  start(call: ProviderCall): ProviderRequest;
  started(answer: ProviderAnswer): Started;
  poll(reference: ProviderReference, baseUrl: string): ProviderRequest;
  polled(answer: ProviderAnswer): Outcome;
  cancel?(reference: ProviderReference, baseUrl: string): ProviderRequest | null;
  callback?(delivery: CallbackDelivery): ProviderReference | null;
  /** Looks for an attempt whose answer was lost; absent where the provider keeps no list. */
  find?(attempt: { attemptId: string; baseUrl: string; sentAt: number }): ProviderRequest;
  /** The reference when the provider knows the attempt, null when it surely does not, 'unsure' otherwise. */
  found?(answer: ProviderAnswer): ProviderReference | null | 'unsure';
  /** True where sending the same start request twice buys once (tier A). */
  deduplicates: boolean;
}
