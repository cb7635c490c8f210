import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { Provider, ProviderAnswer, Started } from '../core/provider.ts';
import { complaintOf } from './failure-text.ts';
import { missingWork } from './missing-work.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import {
  bare,
  costFrom,
  maybeNumber,
  maybeText,
  outputsOf,
  postJson,
  referenceTo,
  upstreamId,
} from './upstream-json.ts';
import { xaiFailureKind, xaiRefusalKind } from './xai-failure.ts';

const NAME = 'xAI';
/** Costs are told in parts of a dollar of which ten thousand are a micro-dollar. */
const TICKS_PER_MICRO_USD = 10_000;

const usage = z.object({ cost_in_usd_ticks: maybeNumber }).nullish().catch(null);
const pictures = z.object({ data: z.array(z.object({ url: maybeText }).catch({ url: null })), usage });
const taken = z.object({ request_id: upstreamId });
const state = z.object({
  status: maybeText,
  progress: maybeNumber,
  video: z
    .object({ url: maybeText, respect_moderation: z.boolean().nullish().catch(null) })
    .nullish()
    .catch(null),
  usage,
  error: z.unknown().optional(),
});

/**
 * xAI's own API. A route's name of the model is `model@path`: pictures come with the answer to their start, a video is a
 * request that is looked at. It takes no id of ours, keeps no list, never calls back and cannot cancel; a video that its
 * moderation withholds is on the bill all the same.
 */
export const adapter: Provider = {
  id: 'xai',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters }) => {
    const [model = '', path = ''] = upstreamModel.split('@');
    return postJson(`${baseUrl}/${path}`, { model, ...parameters });
  },
  started: (answer, { upstreamModel }) => {
    if (answer.status >= 300) return notStarted(answer, NAME, xaiRefusalKind(answer));
    return (upstreamModel.includes('@images/') ? painted(answer) : begun(answer)) ?? notStarted(answer, NAME);
  },
  // What came at once has no id and is not asked for.
  poll: ({ id }, baseUrl) => bare('GET', `${baseUrl}/${id === '' ? 'models' : `videos/${encodeURIComponent(id)}`}`),
  polled: (answer, context) => {
    if (answer.status === 404) return missingWork(context, NAME, 'request');
    const read = state.safeParse(answer.json);
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data);
  },
  probe: (baseUrl) => bare('GET', `${baseUrl}/models`),
  probed: (answer) => {
    const read = z.object({ data: z.array(z.unknown()) }).safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(answer, NAME, xaiRefusalKind(answer));
    return { state: 'ok', text: 'The key is accepted', balanceMicroUsd: null };
  },
};

function begun(answer: ProviderAnswer): Started | null {
  const read = taken.safeParse(answer.json);
  return read.success ? { state: 'accepted', reference: referenceTo(read.data.request_id), costMicroUsd: null } : null;
}

function painted(answer: ProviderAnswer): Started | null {
  const read = pictures.safeParse(answer.json);
  if (!read.success) return null;
  const outputs = outputsOf(read.data.data.map(({ url }) => url));
  // An empty list says that nothing was made; items of another shape may be pictures that were paid for.
  if (outputs.length === 0 && read.data.data.length > 0) return null;
  const outcome: Outcome =
    outputs.length === 0
      ? failure('unknown', `${NAME} made no picture`)
      : { state: 'completed', outputs, costMicroUsd: costIn(read.data), seed: null };
  return { state: 'accepted-done', reference: referenceTo(''), outcome };
}

function costIn({ usage: used }: { usage?: z.infer<typeof usage> }): ReturnType<typeof costFrom> {
  const ticks = used?.cost_in_usd_ticks;
  return ticks == null ? null : costFrom(ticks / TICKS_PER_MICRO_USD);
}

function outcomeOf(read: z.infer<typeof state>): Outcome {
  const { status, video, progress, error } = read;
  if (video?.respect_moderation === false) return failure('content_refused', `${NAME} withheld the video`);
  switch (status ?? '') {
    case 'failed':
    case 'expired': {
      const words = complaintOf({ error });
      const text = words.trim() === '' ? `${NAME} gave no reason` : words;
      return failure(status === 'expired' ? 'timed_out' : xaiFailureKind(words), text);
    }
    case 'done': {
      const outputs = outputsOf([video?.url]);
      if (outputs.length === 0) return failure('unknown', `${NAME} said that the video is done and gave none`);
      return { state: 'completed', outputs, costMicroUsd: costIn(read), seed: null };
    }
    // pending and whatever comes next: the job's own deadline ends the waiting.
    default:
      return { state: 'pending', progress: progress == null ? null : Math.max(0, Math.min(100, progress)) };
  }
}
