import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { Provider, ProviderAnswer } from '../core/provider.ts';
import { postForm } from './form-request.ts';
import { inlinePicture } from './inline-picture.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import { stabilityRefusalKind } from './stability-failure.ts';
import { bare, costFrom, maybeText, outputsOf, referenceTo, seedFrom } from './upstream-json.ts';

const NAME = 'Stability';
const FILES = new Set(['image']);
/** A credit is a cent. */
const MICRO_USD_PER_CREDIT = 10_000;

const made = z.object({
  image: maybeText,
  finish_reason: maybeText,
  seed: z.union([z.number(), z.string()]).nullish().catch(null),
});
const complaints = z.object({ errors: z.array(z.unknown()) });
const balance = z.object({ credits: z.number() });

/**
 * Stability's own API for the Stable Diffusion 3 family: a form in, a picture in base64 out. Nothing can be looked up or
 * stopped: a lost answer stays lost.
 */
export const adapter: Provider = {
  id: 'stability',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters }) =>
    postForm(`${baseUrl}/v2beta/stable-image/generate/sd3`, { ...parameters, model: upstreamModel }, FILES),
  started: (answer) => {
    const outcome = answer.status >= 300 ? null : outcomeOf(answer);
    if (outcome === null) return notStarted(inPlainWords(answer), NAME, stabilityRefusalKind(answer));
    return { state: 'accepted-done', reference: referenceTo(''), outcome };
  },
  // There is nothing to poll; the engine keeps the outcome of a synchronous start and does not come here.
  poll: (_reference, baseUrl) => bare('GET', `${baseUrl}/v1/user/balance`),
  polled: (answer) =>
    answer.status < 300 && answer.json === null
      ? { state: 'pending', progress: null }
      : failure('unknown', 'The answer of a synchronous provider cannot be read again'),
  probe: (baseUrl) => bare('GET', `${baseUrl}/v1/user/balance`),
  probed: (answer) => {
    const read = balance.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(inPlainWords(answer), NAME, stabilityRefusalKind(answer));
    const { credits } = read.data;
    return { state: 'ok', text: `${credits} credits`, balanceMicroUsd: costFrom(credits * MICRO_USD_PER_CREDIT) };
  },
};

/** What came of it; null where the answer tells of neither a picture nor an end. A server may send the picture bare. */
function outcomeOf(answer: ProviderAnswer): Outcome | null {
  const read = made.safeParse(answer.json).data;
  const reason = read?.finish_reason ?? answer.headers['finish-reason'] ?? null;
  // What the filter has struck comes as well, made unrecognisable.
  if (reason === 'CONTENT_FILTERED') return failure('content_refused', `${NAME} withheld the picture: ${reason}`);
  const outputs = outputsOf([inlinePicture(read?.image, 'png') ?? pictureIn(answer)]);
  const seed = Number(read?.seed ?? answer.headers['seed'] ?? Number.NaN);
  if (outputs.length > 0) return { state: 'completed', outputs, costMicroUsd: null, seed: seedFrom(seed) };
  return reason === null ? null : failure('unknown', `${NAME} made no picture`);
}

function pictureIn({ file }: ProviderAnswer): string | null {
  return file?.startsWith('data:image/') === true ? file : null;
}

/** Its complaints are a list beside a name; our reader of refusals knows them by another word. */
function inPlainWords(answer: ProviderAnswer): ProviderAnswer {
  const read = complaints.safeParse(answer.json);
  return read.success ? { ...answer, json: { detail: read.data.errors } } : answer;
}
