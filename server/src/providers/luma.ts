import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { Provider } from '../core/provider.ts';
import { lumaFailureKind, lumaRefusalKind } from './luma-failure.ts';
import { missingWork } from './missing-work.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import {
  bare,
  costFrom,
  maybeText,
  named,
  outputsOf,
  parseJson,
  postJson,
  referenceTo,
  upstreamId,
} from './upstream-json.ts';

const NAME = 'Luma';
/** The balance is told in cents. */
const MICRO_USD_PER_CENT = 10_000;

const generation = z.object({
  id: upstreamId,
  state: z.string(),
  failure_reason: maybeText,
  assets: z.object({ video: maybeText }).nullish().catch(null),
});

/**
 * Luma's Dream Machine. A generation is looked at by its id and tells its callback address of each change. It takes no
 * id of ours; nothing confirms that a lost purchase can be told apart in its list, so its callback alone rescues.
 */
export const adapter: Provider = {
  id: 'luma',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters, callbackUrl }) =>
    postJson(`${baseUrl}/generations/video`, {
      model: upstreamModel,
      ...parameters,
      ...(callbackUrl === null ? {} : { callback_url: callbackUrl }),
    }),
  started: (answer) => {
    const read = named.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return notStarted(answer, NAME, lumaRefusalKind(answer));
    return { state: 'accepted', reference: referenceTo(read.data.id), costMicroUsd: null };
  },
  poll: ({ id }, baseUrl) => bare('GET', `${baseUrl}/generations/${encodeURIComponent(id)}`),
  polled: (answer, context) => {
    if (answer.status === 404) return missingWork(context, NAME, 'generation');
    const read = generation.safeParse(answer.json);
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data);
  },
  cancel: ({ id }, baseUrl) => ({
    method: 'DELETE',
    url: `${baseUrl}/generations/${encodeURIComponent(id)}`,
    headers: {},
    body: null,
  }),
  callback: (delivery) => {
    const read = named.safeParse(parseJson(delivery.body));
    return read.success ? referenceTo(read.data.id) : null;
  },
  probe: (baseUrl) => bare('GET', `${baseUrl}/credits`),
  probed: (answer) => {
    const read = z.object({ credit_balance: z.number() }).safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(answer, NAME, lumaRefusalKind(answer));
    const balanceMicroUsd = costFrom(read.data.credit_balance * MICRO_USD_PER_CENT);
    return { state: 'ok', text: 'The key is accepted', balanceMicroUsd };
  },
};

function outcomeOf({ state, failure_reason: reason, assets }: z.infer<typeof generation>): Outcome {
  switch (state) {
    case 'completed': {
      const outputs = outputsOf([assets?.video]);
      if (outputs.length === 0) return failure('unknown', `${NAME} said that the video is done and gave none`);
      return { state: 'completed', outputs, costMicroUsd: null, seed: null };
    }
    case 'failed': {
      const words = reason ?? '';
      return failure(lumaFailureKind(words), words.trim() === '' ? `${NAME} gave no reason` : words);
    }
    // queued, dreaming and whatever comes next: the job's own deadline ends the waiting.
    default:
      return { state: 'pending', progress: null };
  }
}
