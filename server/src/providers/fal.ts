import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type {
  Found,
  LostAttempt,
  PollContext,
  Polled,
  Provider,
  ProviderAnswer,
  ProviderReference,
} from '../core/provider.ts';
import { allowedUrl, keptUrl } from './allowed-url.ts';
import { falFailureKind, isFalError } from './fal-failure.ts';
import { falFiles, isEmptyResult } from './fal-files.ts';
import { publishedAt } from './published-models.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import { isSameInput } from './same-input.ts';
import { bare, maybeNumber, maybeText, parseJson, postJson, seedFrom, upstreamId } from './upstream-json.ts';

const NAME = 'fal';
const QUEUE_ORIGIN = 'https://queue.fal.run';
/** Lists and prices are served by another host than the queue. */
const PLATFORM_ORIGIN = 'https://api.fal.ai';
const HOSTS = ['*.fal.run', '*.fal.ai'];
/** Work that has not begun by then is not wanted any more. */
const START_SECONDS_MAX = 1_800;
/** A list is asked for from a little before we sent, so that two clocks need not agree to the second. */
const CLOCK_SLACK_MS = 5_000;
const PAGE_ITEMS = 100;
const STATUS_PATH = /^(\/[\w-]+){2,4}\/requests\/[\w-]+\/status$/;
/** A new request may be unknown to the machine that is asked first. */
const LAG_MS_MAX = 10_000;

const queued = z.object({ request_id: upstreamId, status_url: z.url(), cancel_url: maybeText });
const status = z.object({ status: z.string(), response_url: maybeText });
const made = z.object({ seed: maybeNumber, has_nsfw_concepts: z.array(z.unknown()).nullish().catch(null) });
const listed = z.object({ request_id: upstreamId, endpoint_id: maybeText, json_input: z.unknown().optional() });
const list = z.object({
  items: z.array(z.unknown()),
  next_cursor: maybeText,
  has_more: z.boolean().nullish().catch(null),
});

const called = z.object({ request_id: upstreamId });

/**
 * fal's queue. Takes no idempotency key, but lists what was bought with a key. Its addresses hold the model, which a
 * callback does not name and the attempt does.
 */
export const adapter: Provider = {
  id: 'fal',
  deduplicates: false,
  start: (call) =>
    postJson(
      `${call.baseUrl}/${call.upstreamModel}${call.callbackUrl === null ? '' : `?fal_webhook=${encodeURIComponent(call.callbackUrl)}`}`,
      call.parameters,
      // Its own repeats would hide how often a model fails, and what that costs.
      { 'x-fal-no-retry': '1', 'x-fal-request-timeout': String(START_SECONDS_MAX) },
    ),
  started: (answer) => {
    const read = queued.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return notStarted(answer, NAME, falFailureKind(answer));
    const { request_id: id, status_url: pollUrl, cancel_url: cancelUrl } = read.data;
    const reference = { id, pollUrl: keptUrl(pollUrl), cancelUrl: keptUrl(cancelUrl) };
    return { state: 'accepted', reference, costMicroUsd: null };
  },
  poll: (reference, baseUrl) => bare('GET', statusUrl(reference, baseUrl)),
  polled,
  cancel: (reference, baseUrl) => {
    const url = allowedUrl(reference.cancelUrl, { baseUrl, hosts: HOSTS });
    return url === null ? null : bare('PUT', url);
  },
  find: (attempt) => bare('GET', listUrl(attempt, null)),
  found: foundIn,
  callback: (delivery, attempt) => {
    const read = called.safeParse(parseJson(delivery.body));
    return read.success ? referenceIn(read.data.request_id, attempt) : null;
  },
  published: publishedAt(platformOrigin),
  probe: (baseUrl) =>
    bare('GET', `${platformOrigin(baseUrl)}/v1/models/requests/by-endpoint?endpoint_id=fal-ai%2Fflux%2Fdev&limit=1`),
  probed: (answer) => {
    if (answer.status >= 300 || !list.safeParse(answer.json).success)
      return refusal(answer, NAME, falFailureKind(answer));
    return { state: 'ok', text: 'The key is accepted', balanceMicroUsd: null };
  },
};

/** The address that the queue gave; of one on a foreign host the path alone, which holds the model. */
function statusUrl({ id, pollUrl }: ProviderReference, baseUrl: string): string {
  const url = allowedUrl(pollUrl, { baseUrl, hosts: HOSTS });
  if (url !== null) return url;
  const path = URL.parse(pollUrl ?? '')?.pathname ?? '';
  return `${baseUrl}${STATUS_PATH.test(path) ? path : `/requests/${encodeURIComponent(id)}/status`}`;
}

/**
 * Reads both answers of a look: the queue's, and behind it that of the result's address, which is the model's output
 * or, with a status of 4xx or 5xx, the failure.
 */
function polled(answer: ProviderAnswer, context: PollContext): Polled {
  if (answer.status >= 300) return failed(answer, context);
  const outcome = completed(answer.json);
  if (outcome !== null) return outcome;
  if (isEmptyResult(answer.json)) return failure('unknown', `${NAME} said that the work is done and gave no file`);
  const read = status.safeParse(answer.json);
  if (answer.status !== 200 || !read.success || read.data.status !== 'COMPLETED')
    return { state: 'pending', progress: null };
  const url = responseUrl(read.data.response_url, context);
  return url === null ? { state: 'pending', progress: null } : { state: 'follow', request: bare('GET', url) };
}

/** Where the result lies: as the queue says, or beside the address of the status. */
function responseUrl(said: string | null | undefined, { reference, baseUrl }: PollContext): string | null {
  const place = { baseUrl, hosts: HOSTS };
  const beside = reference.pollUrl?.endsWith('/status') === true ? reference.pollUrl.slice(0, -'/status'.length) : null;
  return allowedUrl(said, place) ?? allowedUrl(beside, place);
}

function completed(json: unknown): Outcome | null {
  const outputs = falFiles(json);
  if (outputs.length === 0) return null;
  const read = made.safeParse(json);
  // A refused picture comes as success with a black picture.
  if (read.data?.has_nsfw_concepts?.includes(true) === true) {
    return failure('content_refused', `${NAME} flagged the result as unsafe and blackened it`);
  }
  return { state: 'completed', outputs, costMicroUsd: null, seed: seedFrom(read.data?.seed) };
}

/** Work that is paid for is given up only for fal's own word that it has failed or is gone. */
function failed(answer: ProviderAnswer, context: PollContext): Outcome {
  const goingOn: Outcome = { state: 'pending', progress: null };
  const isAboutWork = answer.status >= 400 && ![401, 403, 408, 425, 429].includes(answer.status);
  if (!isAboutWork || !isFalError(answer) || /still in progress/i.test(answer.text)) return goingOn;
  if (answer.status === 404 && context.ageMs < LAG_MS_MAX) return goingOn;
  return refusal(answer, NAME, answer.status === 404 ? 'unknown' : falFailureKind(answer));
}

/** Whoever stands in for the queue serves the lists as well. */
function platformOrigin(baseUrl: string): string {
  const { origin } = new URL(baseUrl);
  return origin === QUEUE_ORIGIN ? PLATFORM_ORIGIN : origin;
}

function listUrl(attempt: LostAttempt, cursor: string | null): string {
  const query = new URLSearchParams({
    endpoint_id: attempt.upstreamModel,
    start: new Date(attempt.sentAt - CLOCK_SLACK_MS).toISOString(),
    expand: 'payloads',
    limit: String(PAGE_ITEMS),
    ...(cursor === null ? {} : { cursor }),
  });
  return `${platformOrigin(attempt.baseUrl)}/v1/models/requests/by-endpoint?${query.toString()}`;
}

function foundIn(answer: ProviderAnswer, attempt: LostAttempt): Found {
  const read = list.safeParse(answer.json);
  if (answer.status >= 300 || !read.success) return 'unsure';
  const candidates = read.data.items.flatMap((item) => {
    const { data } = listed.safeParse(item);
    if (data === undefined || isSameInput(attempt.parameters, data.json_input) !== 'same') return [];
    return [referenceIn(data.request_id, attempt)];
  });
  const cursor = read.data.has_more === false ? null : (read.data.next_cursor ?? null);
  const next = cursor === null || cursor === '' ? null : bare('GET', listUrl(attempt, cursor));
  // Requests are listed by the time at which they ended: one that is missing may still be going on.
  return { candidates, next, isComplete: false };
}

/** The queue's addresses hold the owner and the app of a model, and nothing of what follows. */
function referenceIn(
  id: string,
  { baseUrl, upstreamModel }: Pick<LostAttempt, 'baseUrl' | 'upstreamModel'>,
): ProviderReference {
  const app = upstreamModel.split('/').slice(0, 2).join('/');
  const url = `${baseUrl}/${app}/requests/${encodeURIComponent(id)}`;
  return { id, pollUrl: `${url}/status`, cancelUrl: `${url}/cancel` };
}
