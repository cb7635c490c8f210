import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { Provider, ProviderAnswer, ProviderRequest, Started } from '../core/provider.ts';
import { byteplusKind, byteplusRefusalKind } from './byteplus-failure.ts';
import { missingWork } from './missing-work.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import {
  bare,
  maybeNumber,
  maybeText,
  named,
  outputsOf,
  parseJson,
  postJson,
  referenceTo,
  seedFrom,
} from './upstream-json.ts';

const NAME = 'BytePlus';
const TASKS = 'contents/generations/tasks';

const problem = z.object({ code: maybeText, message: maybeText });
/** One picture, or why there is none: each is judged by itself. */
const picture = z.object({ url: maybeText, error: problem.nullish().catch(null) });
const pictures = z.object({ data: z.array(z.unknown()) });
const task = z.object({
  status: z.string(),
  content: z.object({ video_url: maybeText }).nullish().catch(null),
  error: problem.nullish().catch(null),
  seed: maybeNumber,
});

/**
 * BytePlus ModelArk. A route's name of the model is `model@path`: pictures come with the answer to their start, a video
 * is a task that is looked at and tells its callback address of each change. It takes no id of ours and its list shows
 * no prompts, so that a lost purchase cannot be told apart in it. Only what waits can be cancelled.
 */
export const adapter: Provider = {
  id: 'byteplus',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters, callbackUrl }) => {
    const [model = '', path = ''] = upstreamModel.split('@');
    const callback = path === TASKS && callbackUrl !== null ? { callback_url: callbackUrl } : {};
    return postJson(`${baseUrl}/${path}`, { model, ...parameters, ...callback });
  },
  started: (answer, { upstreamModel }) => {
    if (answer.status >= 300) return notStarted(answer, NAME, byteplusRefusalKind(answer));
    return (upstreamModel.endsWith(`@${TASKS}`) ? begun(answer) : painted(answer)) ?? notStarted(answer, NAME);
  },
  // What came at once has no id and is not asked for.
  poll: ({ id }, baseUrl) => (id === '' ? anyTask(baseUrl) : bare('GET', taskUrl(id, baseUrl))),
  polled: (answer, context) => {
    if (answer.status === 404) return missingWork(context, NAME, 'task');
    const read = task.safeParse(answer.json);
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data);
  },
  cancel: ({ id }, baseUrl) =>
    id === '' ? null : { method: 'DELETE', url: taskUrl(id, baseUrl), headers: {}, body: null },
  callback: (delivery) => {
    const read = named.safeParse(parseJson(delivery.body));
    return read.success ? referenceTo(read.data.id) : null;
  },
  probe: anyTask,
  probed: (answer) => {
    const isGood = answer.status < 300 && z.object({ total: z.number() }).safeParse(answer.json).success;
    if (!isGood) return refusal(answer, NAME, byteplusRefusalKind(answer));
    return { state: 'ok', text: 'The key is accepted', balanceMicroUsd: null };
  },
};

function taskUrl(id: string, baseUrl: string): string {
  return `${baseUrl}/${TASKS}/${encodeURIComponent(id)}`;
}

function anyTask(baseUrl: string): ProviderRequest {
  return bare('GET', `${baseUrl}/${TASKS}?page_num=1&page_size=1`);
}

function begun(answer: ProviderAnswer): Started | null {
  const read = named.safeParse(answer.json);
  return read.success ? { state: 'accepted', reference: referenceTo(read.data.id), costMicroUsd: null } : null;
}

function painted(answer: ProviderAnswer): Started | null {
  const read = pictures.safeParse(answer.json);
  if (!read.success) return null;
  const items = read.data.data.flatMap((item) => picture.safeParse(item).data ?? []);
  const outputs = outputsOf(items.map(({ url }) => url));
  const refused = items.find(({ error }) => error != null)?.error;
  // An empty list says that nothing was made; items of another shape may be pictures that were paid for.
  if (outputs.length === 0 && refused == null && read.data.data.length > 0) return null;
  const outcome: Outcome =
    outputs.length > 0
      ? { state: 'completed', outputs, costMicroUsd: null, seed: null }
      : failure(byteplusKind(refused?.code) ?? 'unknown', refused?.message ?? `${NAME} made no picture`);
  return { state: 'accepted-done', reference: referenceTo(''), outcome };
}

function outcomeOf({ status, content, error, seed }: z.infer<typeof task>): Outcome {
  switch (status) {
    case 'succeeded': {
      const outputs = outputsOf([content?.video_url]);
      if (outputs.length === 0) return failure('unknown', `${NAME} said that the video is done and gave none`);
      return { state: 'completed', outputs, costMicroUsd: null, seed: seedFrom(seed) };
    }
    case 'failed': {
      const words = error?.message ?? '';
      return failure(
        byteplusKind(error?.code) ?? 'unavailable',
        words.trim() === '' ? `${NAME} gave no reason` : words,
      );
    }
    case 'cancelled':
      return failure('timed_out', `The task was stopped at ${NAME}`);
    case 'expired':
      return failure('timed_out', `The task was not done at its deadline at ${NAME}`);
    // queued, running and whatever comes next: the job's own deadline ends the waiting.
    default:
      return { state: 'pending', progress: null };
  }
}
