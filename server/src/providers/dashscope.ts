import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { PollContext, Provider, ProviderAnswer, Started } from '../core/provider.ts';
import { dashscopeKind, dashscopeRefusalKind } from './dashscope-failure.ts';
import { missingWork } from './missing-work.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import { bare, maybeText, outputsOf, postJson, referenceTo, upstreamId } from './upstream-json.ts';

const NAME = 'Alibaba Model Studio';
const VIDEO = 'video-generation/video-synthesis';
/** Work that nobody ever ordered: a look at it needs the key and costs nothing. */
const NO_TASK = '00000000-0000-0000-0000-000000000000';

const taken = z.object({ output: z.object({ task_id: upstreamId }) });
const painted = z.object({ output: z.object({ choices: z.array(z.unknown()) }) });
const choice = z.object({
  message: z.object({ content: z.array(z.object({ image: maybeText }).catch({ image: null })) }),
});
const task = z.object({
  output: z.object({ task_status: z.string(), video_url: maybeText, code: maybeText, message: maybeText }),
});

/**
 * Alibaba's Model Studio (DashScope), international. A route's name of the model is `model@path`: pictures come with the
 * answer to their start, a video is a task that is looked at. It takes no id of ours and calls nobody back; only what
 * waits can be cancelled.
 */
export const adapter: Provider = {
  id: 'dashscope',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters }) => {
    const [model = '', path = ''] = upstreamModel.split('@');
    const headers = path === VIDEO ? { 'x-dashscope-async': 'enable' } : {};
    return postJson(`${baseUrl}/services/aigc/${path}`, { model, ...parameters }, headers);
  },
  started: (answer, { upstreamModel }) => {
    if (answer.status >= 300) return notStarted(answer, NAME, dashscopeRefusalKind(answer));
    return (upstreamModel.endsWith(`@${VIDEO}`) ? begun(answer) : made(answer)) ?? notStarted(answer, NAME);
  },
  // What came at once has no id and is not asked for.
  poll: ({ id }, baseUrl) => bare('GET', `${baseUrl}/tasks/${encodeURIComponent(id === '' ? NO_TASK : id)}`),
  polled: (answer, context) => {
    if (answer.status === 404) return missingWork(context, NAME, 'task');
    const read = task.safeParse(answer.json);
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data.output, context);
  },
  cancel: ({ id }, baseUrl) => (id === '' ? null : bare('POST', `${baseUrl}/tasks/${encodeURIComponent(id)}/cancel`)),
  probe: (baseUrl) => bare('GET', `${baseUrl}/tasks/${NO_TASK}`),
  probed: (answer) => {
    const isGood = answer.status < 300 && task.safeParse(answer.json).success;
    if (!isGood) return refusal(answer, NAME, dashscopeRefusalKind(answer));
    return { state: 'ok', text: 'The key is accepted', balanceMicroUsd: null };
  },
};

function begun(answer: ProviderAnswer): Started | null {
  const read = taken.safeParse(answer.json);
  if (!read.success) return null;
  return { state: 'accepted', reference: referenceTo(read.data.output.task_id), costMicroUsd: null };
}

function made(answer: ProviderAnswer): Started | null {
  const read = painted.safeParse(answer.json);
  if (!read.success) return null;
  const { choices } = read.data.output;
  const items = choices.flatMap((item) => choice.safeParse(item).data?.message.content ?? []);
  const outputs = outputsOf(items.map(({ image }) => image));
  // An empty list says that nothing was made; items of another shape may be pictures that were paid for.
  if (outputs.length === 0 && choices.length > 0) return null;
  const outcome: Outcome =
    outputs.length === 0
      ? failure('unknown', `${NAME} made no picture`)
      : { state: 'completed', outputs, costMicroUsd: null, seed: null };
  return { state: 'accepted-done', reference: referenceTo(''), outcome };
}

function outcomeOf(output: z.infer<typeof task>['output'], context: PollContext): Outcome {
  switch (output.task_status) {
    case 'SUCCEEDED': {
      const outputs = outputsOf([output.video_url]);
      if (outputs.length === 0) return failure('unknown', `${NAME} said that the video is done and gave none`);
      return { state: 'completed', outputs, costMicroUsd: null, seed: null };
    }
    case 'FAILED': {
      const words = output.message ?? '';
      const kind = dashscopeKind(output.code) ?? 'unavailable';
      return failure(kind, words.trim() === '' ? `${NAME} gave no reason` : words);
    }
    case 'CANCELED':
      return failure('timed_out', `The task was stopped at ${NAME}`);
    case 'UNKNOWN':
      return missingWork(context, NAME, 'task');
    // PENDING, RUNNING, SUSPENDED and whatever comes next: the job's own deadline ends the waiting.
    default:
      return { state: 'pending', progress: null };
  }
}
