import { z } from 'zod';

import type { FailureKind, Outcome } from '../core/outcome.ts';
import type { Found, LostAttempt, Provider, ProviderAnswer, ProviderCall } from '../core/provider.ts';
import { allowedUrl } from './allowed-url.ts';
import { complaintOf, failureText } from './failure-text.ts';
import { missingWork } from './missing-work.ts';
import { failure, kindOfStatus, notStarted, refusal, type Failed } from './read-failure.ts';
import { replicatePublished } from './published-models.ts';
import { replicateFailureKind } from './replicate-failure.ts';
import { boundedWait } from './retry-after.ts';
import { isSameInput } from './same-input.ts';
import { bare, maybeText, named, outputsOf, parseJson, postJson, referenceTo, upstreamId } from './upstream-json.ts';

const NAME = 'Replicate';
/** Work that has not ended by then is stopped there: its files would be deleted after an hour anyway. */
const CANCEL_AFTER = '60m';
/** A list is asked for from a little before we sent, so that two clocks need not agree to the second. */
const CLOCK_SLACK_MS = 5_000;
/** The end of the log shows how far a model is. */
const LOG_CHARACTERS_READ = 2_000;

const prediction = z.object({
  id: upstreamId,
  status: z.string(),
  output: z.unknown().optional(),
  error: z.unknown().optional(),
  logs: maybeText,
});

const listed = z.object({
  id: upstreamId,
  model: maybeText,
  version: maybeText,
  webhook: maybeText,
  input: z.unknown().optional(),
});

const list = z.object({ results: z.array(z.unknown()), next: maybeText });

/** Replicate. Takes no idempotency key, but lists what was bought with a key. */
export const adapter: Provider = {
  id: 'replicate',
  deduplicates: false,
  start: (call) =>
    postJson(
      startUrl(call),
      {
        ...versionOf(call),
        input: call.parameters,
        ...(call.callbackUrl === null ? {} : { webhook: call.callbackUrl, webhook_events_filter: ['completed'] }),
      },
      { 'cancel-after': CANCEL_AFTER },
    ),
  started: (answer) => {
    const read = named.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refused(answer);
    return { state: 'accepted', reference: referenceTo(read.data.id), costMicroUsd: null };
  },
  // Predictions are asked for by id alone: the addresses that answers hold are not needed, and so never trusted.
  poll: (reference, baseUrl) => bare('GET', `${baseUrl}/predictions/${encodeURIComponent(reference.id)}`),
  polled: (answer, context) => {
    const read = prediction.safeParse(answer.json);
    if (answer.status === 404 || answer.status === 410) return missingWork(context, NAME, 'prediction');
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data);
  },
  cancel: (reference, baseUrl) => bare('POST', `${baseUrl}/predictions/${encodeURIComponent(reference.id)}/cancel`),
  callback: (delivery) => {
    const read = named.safeParse(parseJson(delivery.body));
    return read.success ? referenceTo(read.data.id) : null;
  },
  find: (attempt) => {
    const since = new Date(attempt.sentAt - CLOCK_SLACK_MS).toISOString();
    return bare('GET', `${attempt.baseUrl}/predictions?created_after=${encodeURIComponent(since)}`);
  },
  found: foundIn,
  published: replicatePublished,
  probe: (baseUrl) => bare('GET', `${baseUrl}/account`),
  probed: (answer) => {
    const read = z.object({ type: z.string(), username: z.string() }).safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusedRead(answer);
    return { state: 'ok', text: failureText(`${read.data.type} ${read.data.username}`), balanceMicroUsd: null };
  },
};

/** `owner/name` for models that Replicate keeps warm itself, `owner/name:version` for everybody else's. */
function startUrl({ baseUrl, upstreamModel }: ProviderCall): string {
  return upstreamModel.includes(':') ? `${baseUrl}/predictions` : `${baseUrl}/models/${upstreamModel}/predictions`;
}

function versionOf({ upstreamModel }: ProviderCall): { version?: string } {
  const [, version] = upstreamModel.split(':');
  return version === undefined ? {} : { version };
}

function refused(answer: ProviderAnswer): Failed {
  return withWait(answer, notStarted(answer, NAME, kindOfRefusal(answer)));
}

function refusedRead(answer: ProviderAnswer): Failed {
  return withWait(answer, refusal(answer, NAME, kindOfRefusal(answer)));
}

/** Where no header says how long to wait, the text does. */
function withWait(answer: ProviderAnswer, failed: Failed): Failed {
  if (answer.status !== 429 || failed.retryAfterMs !== null) return failed;
  const seconds = /resets in ~?(\d{1,6})s/.exec(complaintOf(answer.json))?.[1];
  return seconds === undefined ? failed : { ...failed, retryAfterMs: boundedWait(Number(seconds) * 1000) };
}

function kindOfRefusal(answer: ProviderAnswer): FailureKind {
  const words = complaintOf(answer.json);
  if (answer.status === 403 && /credit|billing|payment/i.test(words)) return 'quota';
  if (answer.status === 422 && /version\b.*(not exist|not permitted|disabled)/i.test(words)) return 'retired';
  return kindOfStatus(answer.status);
}

function outcomeOf(read: z.infer<typeof prediction>): Outcome {
  switch (read.status) {
    case 'succeeded':
      return succeeded(read.output);
    case 'failed': {
      const words = typeof read.error === 'string' ? read.error : complaintOf({ error: read.error });
      return failure(replicateFailureKind(words), words.trim() === '' ? `${NAME} gave no reason` : words);
    }
    case 'canceled':
      return failure('timed_out', 'The prediction was stopped at Replicate, at its deadline or by hand');
    case 'aborted':
      return failure('timed_out', 'The prediction had not begun at its deadline');
    // starting, processing and whatever comes next: the job's own deadline ends the waiting.
    default:
      return { state: 'pending', progress: progressIn(read.logs) };
  }
}

/** By model, the output is an address, a list of them, or an object that holds them. */
function succeeded(output: unknown): Outcome {
  const values = typeof output === 'object' && output !== null ? Object.values(output).flat() : [output];
  const outputs = outputsOf(values);
  if (outputs.length === 0) return failure('unknown', `${NAME} said that the work is done and gave no file`);
  return { state: 'completed', outputs, costMicroUsd: null, seed: null };
}

/** Many models draw a progress bar into their log. */
function progressIn(logs: string | null | undefined): number | null {
  const percents = logs?.slice(-LOG_CHARACTERS_READ).matchAll(/\b(\d{1,3})%\|/g) ?? [];
  const last = [...percents].at(-1)?.[1];
  return last === undefined ? null : Math.min(100, Number(last));
}

function foundIn(answer: ProviderAnswer, attempt: LostAttempt): Found {
  const read = list.safeParse(answer.json);
  if (answer.status >= 300 || !read.success) return 'unsure';
  const { results, next } = read.data;
  const seen = results.map((item) => listed.safeParse(item).data);
  const verdicts = seen.map((item) => (item === undefined ? 'unknown' : isLost(item, attempt)));
  const candidates = seen.flatMap((item, index) =>
    item !== undefined && verdicts[index] === 'same' ? [referenceTo(item.id)] : [],
  );
  const nextUrl = allowedUrl(next, { baseUrl: attempt.baseUrl, hosts: [] });
  // What cannot be told apart, and a page that cannot be asked for, may be the lost one: "not there" is not said then.
  const isOpen = verdicts.includes('unknown') || (next != null && nextUrl === null);
  if (isOpen && candidates.length === 0) return 'unsure';
  return { candidates, next: nextUrl === null ? null : bare('GET', nextUrl), isComplete: true };
}

/** The address that we asked to be called at is ours alone; where it is not listed, model, prompt and seed tell. */
function isLost(item: z.infer<typeof listed>, attempt: LostAttempt): 'same' | 'other' | 'unknown' {
  if (item.webhook != null && attempt.callbackUrl !== null) {
    return item.webhook === attempt.callbackUrl ? 'same' : 'other';
  }
  const [model, version] = attempt.upstreamModel.split(':');
  const isModel = version === undefined ? item.model === model : item.version === version || item.model === model;
  return isModel ? isSameInput(attempt.parameters, item.input) : 'other';
}
