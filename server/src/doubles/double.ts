import type { IncomingHttpHeaders } from 'node:http';

import type { Random } from '../core/random.ts';
import type { Fields } from './check-fields.ts';
import type { Fault } from './fault.ts';

/**
 * One provider played on this machine: its routes, its checks, its words. Time, money, files, callbacks and faults are
 * the desk's, the same for all; a double says only how its provider would put things.
 */
export interface Double {
  /** The name of the vendor, as in the list of them. */
  id: string;
  /** The key that it accepts, itself and with `-` and more behind it; null where the provider wants none. */
  key: string | null;
  /** Environment variables that point Lumegate at this double. */
  settings(url: string): Record<string, string>;
  /** How long a result link lives, in milliseconds, unless a script says otherwise. */
  linkMs: number;
  /** An id in the provider's own form. */
  newId(random: Random): string;
  /** The key in a request, in the provider's header; null when there is none. */
  keyOf(headers: IncomingHttpHeaders): string | null;
  /** Paths that answer without a key. Result links and control routes never need one. */
  isOpen?(path: string): boolean;
  /** A refusal in the provider's own form. `Retry-After` is added by the desk. */
  refuse(refusal: Refusal): DoubleAnswer;
  /** Answers one request with the right key. Buys through `desk.sell` and in no other way. */
  handle(request: DoubleRequest, desk: Desk): DoubleAnswer | Promise<DoubleAnswer>;
  /** What a start may hold, by the provider's name of the model; absent where a fixture or the double's code says it. */
  inputs?: Readonly<Record<string, { fields: Fields }>>;
  /** How the provider calls back; absent where it never does. */
  callback?: DoubleCallback;
}

/** Why a double refuses before it looks at the content. `status` is what a 5xx fault wants, else the provider's own. */
export interface Refusal {
  kind: 'wrong-key' | 'no-route' | 'rate-limited' | 'no-funds' | 'unavailable' | 'too-large';
  status?: number;
}

export interface DoubleCallback {
  /** How often one message is tried in all; waits between tries double from 100 ms. */
  triesMax: number;
  /** The message, or null when the provider says nothing at this moment. */
  write(event: CallbackEvent, desk: Desk): { headers: Record<string, string>; body: string } | null;
}

/** Something that is told to a callback address. */
export interface CallbackEvent {
  moment: 'started' | 'ended';
  generation: Generation;
  view: View;
}

/** One request as a double sees it. */
export interface DoubleRequest {
  method: string;
  /** On the double's own address. */
  url: URL;
  /** Path without query, as it was sent. */
  path: string;
  headers: IncomingHttpHeaders;
  /** At most 64 MB. */
  body: Buffer;
  /** The body as JSON; undefined when it is none. */
  json: unknown;
  /** The key that it came with; empty where the provider wants none. */
  key: string;
}

/** What goes back over the wire. */
export type DoubleAnswer =
  | { kind: 'whole'; status: number; headers: Record<string, string>; body: string | Uint8Array }
  /** Sent as the client takes it; `content-length` stands in the headers. */
  | { kind: 'stream'; status: number; headers: Record<string, string>; chunks: AsyncIterable<Uint8Array> }
  /** Taken and never answered, until the client leaves. */
  | { kind: 'hang' }
  /** The connection is reset. */
  | { kind: 'reset' };

export type PictureFormat = 'png' | 'jpeg' | 'webp';

/** `tar`: weights, packed with what a trainer has beside them. */
export type FileFormat = PictureFormat | 'mp4' | 'mp3' | 'safetensors' | 'tar';

/** One file that was asked for: exactly these pixels (none of a sound), this format and this length. */
export interface FileOrder {
  width: number;
  height: number;
  format: FileFormat;
  /** How long a video or a sound plays; 1 where absent. */
  seconds?: number;
}

/** What somebody wants to buy, after the double has checked it. */
export interface Order {
  /** The provider's name of the model. */
  model: string;
  prompt: string;
  seed: number | null;
  /** The input as it came, without the callback's address; texts over 4,000 characters are cut once it is kept. */
  input: Readonly<Record<string, unknown>>;
  files: readonly FileOrder[];
  callbackUrl: string | null;
  /** The moments that the caller wants to hear of; all of them when left out. */
  callbackMoments?: readonly CallbackEvent['moment'][];
  costMicroUsd: number;
  /** An id that the caller chose; the same id twice buys once and gets the first generation. */
  id?: string;
  /** The answer leaves when the work is done, or after `waitMsMax`. */
  isSynchronous?: boolean;
  waitMsMax?: number;
  /** What has not ended this long after it was bought is stopped by the provider; for the double to act upon. */
  deadlineMs?: number;
  /** Ends in this refusal in place of files: for providers that check an input only when they come to it. */
  rejection?: unknown;
}

/** Something that was bought. Its state is computed from the time, not kept: see `Desk.look`. */
export interface Generation {
  id: string;
  /** The id as answers name it: null with the fault p6-null-id. */
  shownId: string | null;
  order: Order;
  /** What goes wrong with it; null for nothing. */
  fault: Fault | null;
  /** When it was bought, in UTC milliseconds of the provider's clock, which the fault p22-clock moves by an hour. */
  createdAt: number;
  /** The same, of the true clock. */
  boughtAt: number;
  /** Infinity for one that never ends. */
  durationMs: number;
  costMicroUsd: number;
  /** In milliseconds after it was bought; null when it was not cancelled. */
  cancelledAfterMs: number | null;
  /** Size that each picture is padded to; null for as small as it gets. */
  pictureBytes: number | null;
  /** How often it has been looked at, and how often since it was done. */
  looks: number;
  doneLooks: number;
}

/** What a look at a generation shows. Instants are of the provider's clock, in UTC milliseconds. */
export type View =
  | { state: 'waiting' }
  /** Progress from 0 to 99, whole; `isStrange` asks for a status word that nobody knows. */
  | { state: 'running'; progress: number; startedAt: number; isStrange: boolean }
  | { state: 'done'; files: ResultFile[]; startedAt: number; endedAt: number }
  /** The provider's moderation refused the finished picture. */
  | { state: 'refused'; startedAt: number; endedAt: number }
  | { state: 'failed'; text: string; startedAt: number; endedAt: number }
  | { state: 'cancelled'; endedAt: number };

/** A finished picture behind a link. */
export interface ResultFile extends FileOrder {
  /** Absolute; serves the file until it expires. */
  url: string;
  index: number;
}

/** What the framework does for every double. */
export interface Desk {
  /** Base of the double: `http://127.0.0.1:<port>`, without a slash. */
  url: string;
  random: Random;
  /** UTC milliseconds. */
  now(): number;
  /**
   * Sells: plays what the script says, writes the purchase to the ledger, then lets `accepted` write the answer. With
   * `isSynchronous` it asks for the answer only when the work is done.
   */
  sell(
    request: DoubleRequest,
    order: Order,
    accepted: (generation: Generation) => DoubleAnswer | Promise<DoubleAnswer>,
  ): Promise<DoubleAnswer>;
  /** The generation with this id; undefined for an unknown one, and while the fault not-found-at-first hides it. */
  find(id: string): Generation | undefined;
  /** Generations, newest first, without those whose answers are all lost. */
  list(): Iterable<Generation>;
  /** How it stands; each call counts as one look, and as one at the result unless `isStatusOnly`. */
  look(generation: Generation, options?: { isStatusOnly: boolean }): View;
  /** An answer about a generation, spoiled when its fault spoils polls; give the answers of poll routes through it. */
  tell(generation: Generation, answer: DoubleAnswer): DoubleAnswer;
  /** Whether its result links have expired and its data are removed. */
  isExpired(generation: Generation): boolean;
  /** Cancels it; false when it had already ended. */
  cancel(generation: Generation): boolean;
  /** A result file as an answer, with what its fault does to files; for providers that serve files on routes of their own. */
  file(generation: Generation, index: number): Promise<DoubleAnswer>;
  /** A result file's bytes, for providers that put them into their answer; spoiled where the fault says so. */
  bytes(generation: Generation, index: number): Promise<Uint8Array>;
}
