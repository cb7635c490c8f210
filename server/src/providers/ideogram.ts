import { z } from 'zod';

import type { FailureKind, Outcome } from '../core/outcome.ts';
import type { Provider, ProviderAnswer } from '../core/provider.ts';
import { complaintOf } from './failure-text.ts';
import { postForm } from './form-request.ts';
import { ideogramRefusalKind } from './ideogram-failure.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import { bare, maybeNumber, maybeText, outputsOf, postJson, referenceTo, seedFrom } from './upstream-json.ts';

const NAME = 'Ideogram';
/** The one path that takes JSON alone; all others take forms. */
const JSON_PATH = 'generate';
const FILES = new Set(['image', 'image_file', 'mask', 'style_reference_images', 'character_reference_images']);

const picture = z.object({ url: maybeText, is_image_safe: z.boolean().nullish().catch(null), seed: maybeNumber });
const pictures = z.object({ data: z.array(z.unknown()) });

/**
 * Ideogram's own API. A route's name of the model is the path of what is done, as in `v1/ideogram-v3/generate`; which
 * version runs and how fast stands in the parameters. The answer to a start is the result, and nothing can be looked up
 * or stopped: a lost answer stays lost.
 */
export const adapter: Provider = {
  id: 'ideogram',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters }) => {
    const url = `${baseUrl}/${upstreamModel}`;
    return upstreamModel === JSON_PATH ? postJson(url, parameters) : postForm(url, parameters, FILES);
  },
  started: (answer) => {
    const read = pictures.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return notStarted(answer, NAME, kindOfRefusal(answer));
    const items = read.data.data.flatMap((item) => picture.safeParse(item).data ?? []);
    const isReadable = items.some(({ url, is_image_safe: isSafe }) => url != null || isSafe != null);
    // An empty list says that nothing was made; items of another shape may be pictures that were paid for.
    if (!isReadable && read.data.data.length > 0) return notStarted(answer, NAME);
    return { state: 'accepted-done', reference: referenceTo(''), outcome: outcomeOf(items) };
  },
  // There is nothing to poll; the engine keeps the outcome of a synchronous start and does not come here.
  poll: (_reference, baseUrl) => bare('GET', `${baseUrl}/datasets`),
  polled: (answer) =>
    answer.status < 300 && answer.json === null
      ? { state: 'pending', progress: null }
      : failure('unknown', 'The answer of a synchronous provider cannot be read again'),
  // The list of the account's own training pictures: it costs nothing and wants the key.
  probe: (baseUrl) => bare('GET', `${baseUrl}/datasets`),
  probed: (answer) => {
    const isGood = answer.status < 300 && z.object({}).safeParse(answer.json).success;
    if (!isGood) return refusal(answer, NAME, kindOfRefusal(answer));
    return { state: 'ok', text: 'The key is accepted', balanceMicroUsd: null };
  },
};

function kindOfRefusal(answer: ProviderAnswer): FailureKind {
  return ideogramRefusalKind(answer.status, complaintOf(answer.json));
}

/** What was withheld has no address, and says so. */
function outcomeOf(items: readonly z.infer<typeof picture>[]): Outcome {
  const outputs = outputsOf(items.filter(({ is_image_safe: isSafe }) => isSafe !== false).map(({ url }) => url));
  if (outputs.length > 0) {
    return { state: 'completed', outputs, costMicroUsd: null, seed: seedFrom(items[0]?.seed) };
  }
  const isWithheld = items.some(({ is_image_safe: isSafe }) => isSafe === false);
  return isWithheld
    ? failure('content_refused', `${NAME} withheld the picture: it did not pass the safety check`)
    : failure('unknown', `${NAME} made no picture`);
}
