import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { Provider, ProviderAnswer, ProviderReference } from '../core/provider.ts';
import { klingFailureKind, klingRefusalKind } from './kling-failure.ts';
import { missingWork } from './missing-work.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import { bare, maybeText, outputsOf, parseJson, postJson, upstreamId } from './upstream-json.ts';

const NAME = 'Kling';
/** The end of an address to look at: the kind of work, and the task. */
const TASK_PATH = /\/v1\/(?:videos|images)\/[a-z0-9-]{1,40}\/[^/?#]+$/;

const taken = z.object({ code: z.literal(0), data: z.object({ task_id: upstreamId }) });
const files = z
  .array(z.object({ url: maybeText }).catch({ url: null }))
  .nullish()
  .catch(null);
const task = z.object({
  code: z.literal(0),
  data: z.object({
    task_status: z.string(),
    task_status_msg: maybeText,
    task_result: z.object({ videos: files, images: files }).nullish().catch(null),
  }),
});
const called = z.object({ task_id: upstreamId });

/**
 * Kling's own API. A route's name of the model is `model@path`, as in `kling-v2-6@videos/text2video`: the path decides
 * what is made and where it is looked at. It takes our attempt's id along, but nothing confirms that a purchase can be
 * found by it; its callback alone rescues. It cannot cancel.
 */
export const adapter: Provider = {
  id: 'kling',
  deduplicates: false,
  start: ({ attemptId, baseUrl, upstreamModel, parameters, callbackUrl }) => {
    const { model, path } = partsOf(upstreamModel);
    return postJson(`${baseUrl}/v1/${path}`, {
      // The route of the pictures lets the caller name another version.
      model_name: model,
      ...parameters,
      external_task_id: attemptId,
      ...(callbackUrl === null ? {} : { callback_url: callbackUrl }),
    });
  },
  started: (answer, attempt) => {
    const read = taken.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refused(answer);
    return { state: 'accepted', reference: referenceIn(read.data.data.task_id, attempt), costMicroUsd: null };
  },
  poll: (reference, baseUrl) => bare('GET', `${baseUrl}${taskPath(reference)}`),
  polled: (answer, context) => {
    if (answer.status === 404) return missingWork(context, NAME, 'task');
    const read = task.safeParse(answer.json);
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data.data);
  },
  callback: (delivery, attempt) => {
    const read = called.safeParse(parseJson(delivery.body));
    return read.success ? referenceIn(read.data.task_id, attempt) : null;
  },
  probe: (baseUrl) => bare('GET', `${baseUrl}/v1/videos/text2video?pageNum=1&pageSize=1`),
  probed: (answer) => {
    const isGood = answer.status < 300 && z.object({ code: z.literal(0) }).safeParse(answer.json).success;
    if (!isGood) return refusal(answer, NAME, klingRefusalKind(answer) ?? 'unknown');
    return { state: 'ok', text: 'The key is accepted', balanceMicroUsd: null };
  },
};

function partsOf(upstreamModel: string): { model: string; path: string } {
  const [model = '', path = ''] = upstreamModel.split('@');
  return { model, path };
}

/** An answer does not say where its task is looked at; the path of the start does. */
function referenceIn(id: string, attempt: { baseUrl: string; upstreamModel: string }): ProviderReference {
  const { path } = partsOf(attempt.upstreamModel);
  return { id, pollUrl: `${attempt.baseUrl}/v1/${path}/${encodeURIComponent(id)}`, cancelUrl: null };
}

/** The path alone is used: the base address may have been changed since. */
function taskPath({ id, pollUrl }: ProviderReference): string {
  return TASK_PATH.exec(pollUrl ?? '')?.[0] ?? `/v1/videos/text2video/${encodeURIComponent(id)}`;
}

/** An answer of success that gives a reason for a refusal is one; any other leaves open what was bought. */
function refused(answer: ProviderAnswer): ReturnType<typeof refusal> {
  const kind = klingRefusalKind(answer);
  const isPlain = answer.status < 300 && kind !== null && kind !== 'unavailable';
  return isPlain ? refusal(answer, NAME, kind) : notStarted(answer, NAME, kind ?? undefined);
}

function outcomeOf(read: z.infer<typeof task>['data']): Outcome {
  switch (read.task_status) {
    case 'succeed':
      return succeeded(read);
    case 'failed': {
      const words = read.task_status_msg ?? '';
      return failure(klingFailureKind(words), words.trim() === '' ? `${NAME} gave no reason` : words);
    }
    // submitted, processing and whatever comes next: the job's own deadline ends the waiting.
    default:
      return { state: 'pending', progress: null };
  }
}

function succeeded({ task_result: made }: z.infer<typeof task>['data']): Outcome {
  const outputs = outputsOf([...(made?.videos ?? []), ...(made?.images ?? [])].map(({ url }) => url));
  if (outputs.length === 0) return failure('unknown', `${NAME} said that the work is done and gave no file`);
  return { state: 'completed', outputs, costMicroUsd: null, seed: null };
}
