import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { PollContext, Polled, Provider, ProviderAnswer } from '../core/provider.ts';
import { minimaxComplaint } from './minimax-failure.ts';
import { missingWork } from './missing-work.ts';
import { failure, kindOfStatus, notStarted, refusal, type Failed } from './read-failure.ts';
import { bare, maybeText, outputsOf, postJson, referenceTo, upstreamId } from './upstream-json.ts';

const NAME = 'MiniMax';
/** No task has this number: that the answer says so shows that the key is taken. */
const PROBE_TASK = '1';

const taken = z.object({ task_id: upstreamId });
const task = z.object({ status: z.string(), file_id: upstreamId.nullish().catch(null), error_msg: maybeText });
const file = z.object({ file: z.object({ download_url: maybeText }) });

/**
 * MiniMax's own API, in three steps: a task, its state, and the address of its file. What is wrong is said by a number
 * inside an answer of success. It takes no id of ours and keeps no list; its callbacks want a challenge to be answered
 * first, so none are asked for. It cannot cancel.
 */
export const adapter: Provider = {
  id: 'minimax',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters }) =>
    postJson(`${baseUrl}/video_generation`, { model: upstreamModel, ...parameters }),
  started: (answer) => {
    const complaint = minimaxComplaint(answer.json);
    const read = taken.safeParse(answer.json);
    if (answer.status >= 300 || complaint !== null || !read.success) return refused(answer);
    return { state: 'accepted', reference: referenceTo(read.data.task_id), costMicroUsd: null };
  },
  poll: ({ id }, baseUrl) => bare('GET', stateUrl(baseUrl, id)),
  polled: (answer, context) => {
    const made = file.safeParse(answer.json);
    if (answer.status < 300 && made.success) return delivered(made.data.file.download_url);
    if (answer.status === 404) return missingWork(context, NAME, 'task');
    const read = task.safeParse(answer.json);
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data, answer, context);
  },
  probe: (baseUrl) => bare('GET', stateUrl(baseUrl, PROBE_TASK)),
  probed: (answer) => {
    const kind = minimaxComplaint(answer.json)?.kind;
    const isRefused = kind === 'unauthorized' || kind === 'quota' || kind === 'rate_limited';
    if (answer.status >= 300 || isRefused) return refusal(answer, NAME, kind ?? kindOfStatus(answer.status));
    if (answer.json === null) return failure('unknown', `${NAME} answered what is no JSON`);
    return { state: 'ok', text: 'The key is accepted', balanceMicroUsd: null };
  },
};

function stateUrl(baseUrl: string, id: string): string {
  return `${baseUrl}/query/video_generation?task_id=${encodeURIComponent(id)}`;
}

/** An answer of success that gives a reason for a refusal is one; any other leaves open what was bought. */
function refused(answer: ProviderAnswer): Failed {
  const complaint = minimaxComplaint(answer.json);
  const isPlain = complaint !== null && complaint.kind !== 'unavailable' && complaint.kind !== 'unknown';
  if (answer.status < 300 && isPlain) return failure(complaint.kind, `${NAME} refused: ${complaint.words}`);
  return notStarted(answer, NAME, complaint?.kind ?? kindOfStatus(answer.status));
}

function outcomeOf(read: z.infer<typeof task>, answer: ProviderAnswer, { baseUrl }: PollContext): Polled {
  switch (read.status) {
    case 'Success': {
      if (read.file_id == null) return failure('unknown', `${NAME} said that the video is done and gave none`);
      const url = `${baseUrl}/files/retrieve?file_id=${encodeURIComponent(read.file_id)}`;
      return { state: 'follow', request: bare('GET', url) };
    }
    case 'Fail': {
      const complaint = minimaxComplaint(answer.json);
      const words = complaint?.words ?? read.error_msg ?? '';
      const kind = complaint === null || complaint.kind === 'unknown' ? 'unavailable' : complaint.kind;
      return failure(kind, words.trim() === '' ? `${NAME} gave no reason` : words);
    }
    // Preparing, Queueing, Processing and whatever comes next: the job's own deadline ends the waiting.
    default:
      return { state: 'pending', progress: null };
  }
}

function delivered(url: string | null | undefined): Outcome {
  const outputs = outputsOf([url]);
  if (outputs.length === 0) return failure('unknown', `${NAME} gave no address for the video`);
  return { state: 'completed', outputs, costMicroUsd: null, seed: null };
}
