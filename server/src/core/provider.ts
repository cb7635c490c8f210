import type { MicroUsd } from './money.ts';
import type { FailureKind, Outcome } from './outcome.ts';

/** A request to a provider, before credentials: the engine adds the key's header itself. */
export interface ProviderRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Absolute, on the provider's base address or (for polls) on a host its facts file allows. */
  url: string;
  headers: Record<string, string>;
  /** JSON text, or null for none. */
  body: string | null;
  /** Sent as `multipart/form-data`, with its header, where it is there; `body` is null then. */
  form?: readonly FormPart[];
}

/** One part of a form: a text, perhaps of a type of its own, or a file as a `data:` URL in base64. */
export type FormPart = { name: string; text: string; type?: string } | { name: string; dataUrl: string };

/** A provider's answer as the adapter sees it: JSON already parsed when it was JSON, else null. */
export interface ProviderAnswer {
  status: number;
  headers: Record<string, string>;
  json: unknown;
  /** The first 2,000 characters of the body, for error texts; empty where the body is a file. */
  text: string;
  /** A body that is a picture, a sound, a video or mere octets by its header, as a `data:` URL in base64; absent for all others. */
  file?: string;
}

/** What the adapter needs to start one generation. */
export interface ProviderCall {
  /** Our attempt's id; sent along wherever the provider can carry or deduplicate by it. */
  attemptId: string;
  baseUrl: string;
  /** The provider's own name of the model. */
  upstreamModel: string;
  operation: string;
  /** Parameters after the route's map, in the provider's own names, with files already inlined where the route says so. */
  parameters: Record<string, unknown>;
  /** Where the provider may send a callback, or null when we cannot be reached. */
  callbackUrl: string | null;
  /** What the route's file brings along for the adapter (a workflow graph with slots); null for most. */
  template: unknown;
  /** The name, as `owner/name`, under which the operator wants kept what is trained; null where the route needs none. */
  destination: string | null;
}

/** How to find a started generation again; stored with the attempt, at most 8 KB as JSON. */
export interface ProviderReference {
  /** The provider's own id, never given twice; empty where it gives none, as synchronous ones do. */
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

/** Where and since when a generation is looked at. */
export interface PollContext {
  reference: ProviderReference;
  baseUrl: string;
  /** Milliseconds since the provider took the request. */
  ageMs: number;
}

/** What a look tells: an outcome, or that the rest stands behind a further request (at most two in a row). */
export type Polled = Outcome | { state: 'follow'; request: ProviderRequest };

/** A purchase whose answer was lost, as it was sent: what a look-up can recognise it by. */
export interface LostAttempt {
  attemptId: string;
  baseUrl: string;
  upstreamModel: string;
  /** As in the call, with our seed where the route takes one; files are left out. */
  parameters: Record<string, unknown>;
  callbackUrl: string | null;
  /** UTC milliseconds. */
  sentAt: number;
}

/**
 * What a look-up found: generations that may be the lost one, likeliest first (the engine leaves out those that belong
 * to other attempts), and the request for the next page; 'unsure' when the answer tells nothing. `isComplete` where the
 * list holds everything that was bought, what is still under way too: only then does absence prove anything.
 */
export type Found = { candidates: ProviderReference[]; next: ProviderRequest | null; isComplete: boolean } | 'unsure';

/** What a cheap call with a key told about it. */
export type Probed =
  | { state: 'ok'; text: string; balanceMicroUsd: MicroUsd | null }
  | { state: 'failed'; kind: FailureKind; text: string };

/** What a provider publishes about one of its models. */
export type Published =
  /** `input` is the JSON Schema of a request, whose references lead into `document`; null where none is published. */
  | { state: 'listed'; isDeprecated: boolean; schema: { input: unknown; document: unknown } | null }
  | { state: 'gone' }
  /** The answer says neither; `text` holds what it does say, and may name the key. */
  | { state: 'unsure'; text: string };

/** How a provider is asked what it publishes. */
export interface PublishedModels {
  /** Models with the same request are in the same answer. */
  request(baseUrl: string, upstreamModel: string): ProviderRequest;
  read(answer: ProviderAnswer, upstreamModel: string): Published;
}

/**
 * One upstream. Pure: builds requests and reads answers; never waits, retries, stores, bills or logs.
 * A callback is only a hint that it is worth polling now.
 */
export interface Provider {
  id: string;
  start(call: ProviderCall): ProviderRequest;
  /** `attempt` is what the answer belongs to, for providers that do not say where work can be looked at. */
  started(answer: ProviderAnswer, attempt: { baseUrl: string; upstreamModel: string }): Started;
  poll(reference: ProviderReference, baseUrl: string): ProviderRequest;
  /** Answers of 5xx and 429 to the first request of a look never come here; to a followed one they do. */
  polled(answer: ProviderAnswer, context: PollContext): Polled;
  cancel?(reference: ProviderReference, baseUrl: string): ProviderRequest | null;
  /** Which generation the callback to this attempt's address speaks of; null when it does not say. */
  callback?(delivery: CallbackDelivery, attempt: { baseUrl: string; upstreamModel: string }): ProviderReference | null;
  /** Looks for an attempt whose answer was lost; absent where the provider keeps no list. */
  find?(attempt: LostAttempt): ProviderRequest;
  found?(answer: ProviderAnswer, attempt: LostAttempt): Found;
  /** Absent where the provider publishes nothing about its models that a program can read. */
  published?: PublishedModels;
  /** The cheapest call that needs the key. */
  probe(baseUrl: string): ProviderRequest;
  probed(answer: ProviderAnswer): Probed;
  /** True where sending the same start request twice buys once (tier A). */
  deduplicates: boolean;
}
