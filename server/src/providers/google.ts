import { z } from 'zod';

import type { FailureKind, Outcome } from '../core/outcome.ts';
import type { Provider, ProviderAnswer, Started } from '../core/provider.ts';
import { complaintOf } from './failure-text.ts';
import { inlinePicture } from './inline-picture.ts';
import { googlePublished } from './published-models.ts';
import { missingWork } from './missing-work.ts';
import { failure, kindOfStatus, notStarted, refusal, type Failed } from './read-failure.ts';
import { bare, maybeNumber, maybeText, outputsOf, postJson, referenceTo, upstreamId } from './upstream-json.ts';

const NAME = 'Google';

/** Reasons to end that are a judgement of the content. */
const REFUSED = new Set(['SAFETY', 'IMAGE_SAFETY', 'PROHIBITED_CONTENT', 'RECITATION', 'NO_IMAGE']);

const KIND_OF_WORD: ReadonlyMap<string, FailureKind> = new Map([
  ['INVALID_ARGUMENT', 'input_rejected'],
  ['RESOURCE_EXHAUSTED', 'rate_limited'],
]);

const part = z.object({
  text: maybeText,
  thought: z.boolean().nullish().catch(null),
  inlineData: z.object({ mimeType: maybeText, data: maybeText }).nullish().catch(null),
});
type Part = z.infer<typeof part>;

const candidate = z.object({
  content: z
    .object({ parts: z.array(z.unknown()).nullish().catch(null) })
    .nullish()
    .catch(null),
  finishReason: maybeText,
});

const generated = z.object({
  candidates: z.array(z.unknown()).nullish().catch(null),
  promptFeedback: z.object({ blockReason: z.string() }).nullish().catch(null),
});

/** An operation's name: segments of which each can stand in a path. */
const operation = z.object({ name: z.string().regex(/^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*){1,7}$/) });

const operationState = z.object({
  done: z.boolean().nullish().catch(null),
  error: z.object({ message: maybeText, status: maybeText }).nullish().catch(null),
  response: z
    .object({
      generateVideoResponse: z
        .object({
          generatedSamples: z.array(z.unknown()).nullish().catch(null),
          raiMediaFilteredCount: maybeNumber,
          raiMediaFilteredReasons: z.array(z.string()).nullish().catch(null),
        })
        .nullish()
        .catch(null),
    })
    .nullish()
    .catch(null),
});

const sample = z.object({ video: z.object({ uri: z.string() }) });

/**
 * Google's Gemini API. Pictures and music come inside the answer to a start; a video is an operation that is looked at,
 * and its file is fetched with the key. A route names the method behind the model where it is not `generateContent`:
 * `veo-3.1-generate-preview:predictLongRunning`. Takes no idempotency key, keeps no list and never calls back.
 */
export const adapter: Provider = {
  id: 'google',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters }) => {
    const [model = '', method = 'generateContent'] = upstreamModel.split(':');
    return postJson(`${baseUrl}/models/${model}:${method}`, parameters);
  },
  started: (answer) => {
    if (answer.status >= 300) return notStarted(answer, NAME, kindOfRefusal(answer));
    return startedOperation(answer) ?? finished(answer) ?? notStarted(answer, NAME);
  },
  // A reference holds the operation's name with `~` for each slash; what came at once has none and is not asked for.
  poll: ({ id }, baseUrl) => bare('GET', `${baseUrl}/${id === '' ? 'models' : id.split('~').join('/')}`),
  polled: (answer, context) => {
    if (answer.status === 404) return missingWork(context, NAME, 'operation');
    const read = operationState.safeParse(answer.json);
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success || read.data.done !== true) return { state: 'pending', progress: null };
    return outcomeOf(read.data);
  },
  published: googlePublished,
  probe: (baseUrl) => bare('GET', `${baseUrl}/models`),
  probed: (answer) => {
    const read = z.object({ models: z.array(z.unknown()) }).safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(answer, NAME, kindOfRefusal(answer));
    return { state: 'ok', text: 'The key is accepted', balanceMicroUsd: null };
  },
};

/** A bad key comes with the status of a bad request, an account that cannot pay with that of a bad key. */
function kindOfRefusal(answer: ProviderAnswer): FailureKind {
  if (answer.status === 400 && answer.text.includes('API_KEY_INVALID')) return 'unauthorized';
  if (answer.status === 403 && /billing/i.test(complaintOf(answer.json))) return 'quota';
  return kindOfStatus(answer.status);
}

function startedOperation(answer: ProviderAnswer): Started | null {
  const read = operation.safeParse(answer.json);
  const id = upstreamId.safeParse(read.data?.name.replaceAll('/', '~'));
  return id.success ? { state: 'accepted', reference: referenceTo(id.data), costMicroUsd: null } : null;
}

/** What came at once; null where the answer tells of neither a result nor a refusal. */
function finished(answer: ProviderAnswer): Started | null {
  const read = generated.safeParse(answer.json);
  if (!read.success) return null;
  const { candidates, promptFeedback } = read.data;
  const known = (candidates ?? []).flatMap((item) => candidate.safeParse(item).data ?? []);
  if (promptFeedback == null && known.every(({ content, finishReason }) => content == null && finishReason == null)) {
    return null;
  }
  const outcome = resultOf(known) ?? refused(promptFeedback?.blockReason, known);
  return { state: 'accepted-done', reference: referenceTo(''), outcome };
}

/** The files among the parts; those of the model's thoughts are drafts. */
function resultOf(candidates: readonly z.infer<typeof candidate>[]): Outcome | null {
  const parts = candidates.flatMap(partsOf).filter(({ thought }) => thought !== true);
  const outputs = outputsOf(parts.map(({ inlineData }) => inlineFile(inlineData)));
  return outputs.length === 0 ? null : { state: 'completed', outputs, costMicroUsd: null, seed: null };
}

function partsOf({ content }: z.infer<typeof candidate>): Part[] {
  return (content?.parts ?? []).flatMap((item) => part.safeParse(item).data ?? []);
}

/** Pictures are known by their first bytes; of a sound the answer's word is taken. */
function inlineFile(inlineData: Part['inlineData']): string | null {
  const { mimeType, data } = inlineData ?? {};
  const type = /^(audio|video)\/[a-z0-9.+-]+/i.exec(mimeType ?? '')?.[0];
  if (type === undefined) return inlinePicture(data, mimeType?.replace(/^image\//, ''));
  return data == null || data === '' ? null : `data:${type};base64,${data}`;
}

function refused(blockReason: string | undefined, candidates: readonly z.infer<typeof candidate>[]): Failed {
  if (blockReason !== undefined) return failure('content_refused', `${NAME} refused the request: ${blockReason}`);
  const reason = candidates.find(({ finishReason }) => REFUSED.has(finishReason ?? ''))?.finishReason;
  if (reason != null) return failure('content_refused', `${NAME} refused the result: ${reason}`);
  const words = candidates.flatMap(partsOf).find(({ text }) => text != null)?.text;
  return failure('unknown', [`${NAME} made no file`, ...(words == null ? [] : [words])].join(': '));
}

function outcomeOf({ error, response }: z.infer<typeof operationState>): Outcome {
  if (error != null) {
    const kind = KIND_OF_WORD.get(error.status ?? '') ?? 'unavailable';
    return failure(kind, [`${NAME} failed`, ...(error.message == null ? [] : [error.message])].join(': '));
  }
  const { generatedSamples, raiMediaFilteredCount, raiMediaFilteredReasons } = response?.generateVideoResponse ?? {};
  const outputs = outputsOf((generatedSamples ?? []).map((item) => sample.safeParse(item).data?.video.uri));
  if (outputs.length > 0) return { state: 'completed', outputs, costMicroUsd: null, seed: null };
  const reasons = raiMediaFilteredReasons ?? [];
  if ((raiMediaFilteredCount ?? 0) > 0 || reasons.length > 0) {
    return failure('content_refused', [`${NAME} withheld the video`, ...reasons].join(': '));
  }
  return failure('unknown', `${NAME} said that the video is ready and gave none`);
}
