import { z } from 'zod';

import type { FailureKind, Outcome } from '../core/outcome.ts';
import type {
  Found,
  LostAttempt,
  Provider,
  ProviderAnswer,
  ProviderCall,
  ProviderReference,
} from '../core/provider.ts';
import { allowedUrl } from './allowed-url.ts';
import { complaintOf, failureText } from './failure-text.ts';
import { missingWork } from './missing-work.ts';
import { failure, kindOfStatus, notStarted, refusal, type Failed } from './read-failure.ts';
import { replicatePublished } from './published-models.ts';
import { replicateFailureKind } from './replicate-failure.ts';
import { isTraining, startTraining, trainedFrom, trainerOf, trainingReference } from './replicate-training.ts';
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
  created_at: maybeText,
  input: z.unknown().optional(),
});

const list = z.object({ results: z.array(z.unknown()), next: maybeText });

/** Replicate: predictions, and trainings beside them. Takes no idempotency key, but lists what was bought with a key. */
export const adapter: Provider = {
  id: 'replicate',
  deduplicates: false,
  start: (call) => (trainerOf(call.upstreamModel) === null ? startPrediction(call) : startTraining(call)),
  started: (answer, attempt) => {
    const read = named.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refused(answer);
    return { state: 'accepted', reference: referenceFor(read.data.id, attempt), costMicroUsd: null };
  },
  // Work is asked for by id alone: the addresses that answers hold are not needed, and so never trusted.
  poll: (reference, baseUrl) => bare('GET', addressOf(reference, baseUrl)),
  polled: (answer, context) => {
    const read = prediction.safeParse(answer.json);
    if (answer.status === 404 || answer.status === 410) return missingWork(context, NAME, wordFor(context.reference));
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data, context.reference);
  },
  cancel: (reference, baseUrl) => bare('POST', `${addressOf(reference, baseUrl)}/cancel`),
  callback: (delivery, attempt) => {
    const read = named.safeParse(parseJson(delivery.body));
    return read.success ? referenceFor(read.data.id, attempt) : null;
  },
  find: (attempt) => {
    // Only the list of predictions is known to take a limit.
    if (trainerOf(attempt.upstreamModel) !== null) return bare('GET', `${attempt.baseUrl}/trainings`);
    const since = new Date(soonest(attempt)).toISOString();
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

function startPrediction(call: ProviderCall): ReturnType<Provider['start']> {
  return postJson(
    startUrl(call),
    {
      ...versionOf(call),
      input: call.parameters,
      ...(call.callbackUrl === null ? {} : { webhook: call.callbackUrl, webhook_events_filter: ['completed'] }),
    },
    { 'cancel-after': CANCEL_AFTER },
  );
}

function referenceFor(id: string, attempt: { baseUrl: string; upstreamModel: string }): ProviderReference {
  return trainerOf(attempt.upstreamModel) === null ? referenceTo(id) : trainingReference(id, attempt.baseUrl);
}

/** On the base address of now, which need not be that of the start. */
function addressOf(reference: ProviderReference, baseUrl: string): string {
  return `${baseUrl}/${wordFor(reference)}s/${encodeURIComponent(reference.id)}`;
}

function wordFor(reference: ProviderReference): 'prediction' | 'training' {
  return isTraining(reference) ? 'training' : 'prediction';
}

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

function outcomeOf(read: z.infer<typeof prediction>, reference: ProviderReference): Outcome {
  switch (read.status) {
    case 'succeeded':
      return isTraining(reference) ? trainedFrom(read.output, NAME) : succeeded(read.output);
    case 'failed': {
      const words = typeof read.error === 'string' ? read.error : complaintOf({ error: read.error });
      return failure(replicateFailureKind(words), words.trim() === '' ? `${NAME} gave no reason` : words);
    }
    case 'canceled':
      return failure('timed_out', `The ${wordFor(reference)} was stopped at Replicate, at its deadline or by hand`);
    case 'aborted':
      return failure('timed_out', `The ${wordFor(reference)} had not begun at its deadline`);
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
  const isPast = (item: z.infer<typeof listed>): boolean => Date.parse(item.created_at ?? '') < soonest(attempt);
  const verdicts = seen.map((item) => {
    const verdict = item === undefined ? 'unknown' : isLost(item, attempt);
    return verdict === 'unknown' && item !== undefined && isPast(item) ? 'other' : verdict;
  });
  const candidates = seen.flatMap((item, index) =>
    item !== undefined && verdicts[index] === 'same' ? [referenceFor(item.id, attempt)] : [],
  );
  // Lists begin with the newest: behind older work nothing is ours.
  const further = seen.some((item) => item !== undefined && isPast(item)) ? null : next;
  const nextUrl = allowedUrl(further, { baseUrl: attempt.baseUrl, hosts: [] });
  // What cannot be told apart, and a page that cannot be asked for, may be the lost one: "not there" is not said then.
  const isOpen = verdicts.includes('unknown') || (further != null && nextUrl === null);
  if (isOpen && candidates.length === 0) return 'unsure';
  return { candidates, next: nextUrl === null ? null : bare('GET', nextUrl), isComplete: true };
}

function soonest({ sentAt }: LostAttempt): number {
  return sentAt - CLOCK_SLACK_MS;
}

/** The address that we asked to be called at is ours alone; where it is not listed, the model and the marks of its input tell. */
function isLost(item: z.infer<typeof listed>, attempt: LostAttempt): 'same' | 'other' | 'unknown' {
  if (item.webhook != null && attempt.callbackUrl !== null) {
    return item.webhook === attempt.callbackUrl ? 'same' : 'other';
  }
  const trainer = trainerOf(attempt.upstreamModel);
  const [model, version] = trainer === null ? attempt.upstreamModel.split(':') : [trainer.model, trainer.version];
  // Of a trainer it may run a newer version than it was asked for (grade D: one report).
  const isModel = version === undefined ? item.model === model : item.version === version || item.model === model;
  return isModel ? isSameInput(attempt.parameters, item.input) : 'other';
}
