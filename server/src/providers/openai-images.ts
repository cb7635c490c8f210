import { z } from 'zod';

import type { FailureKind, Outcome } from '../core/outcome.ts';
import type { Provider, ProviderAnswer } from '../core/provider.ts';
import { complaintOf } from './failure-text.ts';
import { inlinePicture } from './inline-picture.ts';
import { openAiPublished } from './published-models.ts';
import { failure, kindOfStatus, notStarted, refusal } from './read-failure.ts';
import { stripTagsInParameters } from './strip-prompt-tags.ts';
import { bare, maybeText, outputsOf, postJson, referenceTo } from './upstream-json.ts';

const NAME = 'The image service';

/** One picture: in base64, as an address, or why there is none (some servers judge each picture by itself). */
const picture = z.object({ b64_json: maybeText, url: maybeText, error: z.unknown().optional() });

const pictures = z.object({ data: z.array(z.unknown()), output_format: maybeText });

const errorCode = z.object({ error: z.object({ code: maybeText, type: maybeText }) });

/** Codes that say more than the status they come with. */
const KIND_OF_CODE: ReadonlyMap<string, FailureKind> = new Map([
  ['moderation_blocked', 'content_refused'],
  ['content_policy_violation', 'content_refused'],
  ['insufficient_quota', 'quota'],
  ['billing_hard_limit_reached', 'quota'],
  ['rate_limit_exceeded', 'rate_limited'],
  ['invalid_api_key', 'unauthorized'],
  ['model_not_found', 'retired'],
]);

/**
 * Everything that speaks the OpenAI Images shape. The answer to a start is the result, and nothing can be looked up or
 * stopped: a lost answer stays lost. Prompts lose the tags that some servers obey, because nobody knows what stands
 * behind an operator's address.
 */
export const adapter: Provider = {
  id: 'openai-images',
  deduplicates: false,
  start: (call) =>
    postJson(`${call.baseUrl}/images/generations`, {
      ...stripTagsInParameters(call.parameters),
      model: call.upstreamModel,
    }),
  started: (answer) => {
    const read = pictures.safeParse(answer.json);
    if (answer.status >= 300 || !read.success || !isReadable(read.data)) {
      return notStarted(answer, NAME, kindOfRefusal(answer));
    }
    return { state: 'accepted-done', reference: referenceTo(''), outcome: outcomeOf(read.data) };
  },
  // There is nothing to poll; the engine keeps the outcome of a synchronous start and does not come here.
  poll: (_reference, baseUrl) => bare('GET', `${baseUrl}/models`),
  polled: (answer) =>
    answer.status < 300 && answer.json === null
      ? { state: 'pending', progress: null }
      : failure('unknown', 'The answer of a synchronous provider cannot be read again'),
  published: openAiPublished,
  probe: (baseUrl) => bare('GET', `${baseUrl}/models`),
  probed: (answer) => {
    const count = countModels(answer.json);
    if (answer.status >= 300 || count === null) return refusal(answer, NAME, kindOfRefusal(answer));
    return { state: 'ok', text: count === 1 ? '1 model' : `${count} models`, balanceMicroUsd: null };
  },
};

function itemsOf(read: z.infer<typeof pictures>): z.infer<typeof picture>[] {
  return read.data.flatMap((item) => picture.safeParse(item).data ?? []);
}

/** An empty list says that nothing was made; items of another shape may be pictures that were paid for. */
function isReadable(read: z.infer<typeof pictures>): boolean {
  const isKnown = itemsOf(read).some((item) => item.b64_json != null || item.url != null || item.error != null);
  return isKnown || read.data.length === 0;
}

function outcomeOf(read: z.infer<typeof pictures>): Outcome {
  const items = itemsOf(read);
  const outputs = outputsOf(items.map((item) => inlinePicture(item.b64_json, read.output_format) ?? item.url));
  if (outputs.length > 0) return { state: 'completed', outputs, costMicroUsd: null, seed: null };
  const refused = items.find((item) => item.error != null);
  const words = refused === undefined ? '' : complaintOf({ error: refused.error });
  const kind = refused === undefined ? undefined : kindOfCode({ error: refused.error });
  return failure(kind ?? 'unknown', [`${NAME} made no picture`, words].filter((text) => text !== '').join(': '));
}

function kindOfRefusal(answer: ProviderAnswer): FailureKind {
  return kindOfCode(answer.json) ?? kindOfStatus(answer.status);
}

/** Some servers write the code into `type` and leave `code` empty. */
function kindOfCode(json: unknown): FailureKind | undefined {
  const read = errorCode.safeParse(json);
  if (!read.success) return undefined;
  const { code, type } = read.data.error;
  return KIND_OF_CODE.get(code ?? '') ?? KIND_OF_CODE.get(type ?? '');
}

/** Most answer with an object that holds the list, Together with the list itself. */
function countModels(json: unknown): number | null {
  if (Array.isArray(json)) return json.length;
  const read = z.object({ data: z.array(z.unknown()) }).safeParse(json);
  return read.success ? read.data.data.length : null;
}
