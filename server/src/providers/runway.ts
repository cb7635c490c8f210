import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { Provider } from '../core/provider.ts';
import { missingWork } from './missing-work.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import { runwayFailureKind, runwayRefusalKind } from './runway-failure.ts';
import { bare, costFrom, maybeNumber, maybeText, named, outputsOf, postJson, referenceTo } from './upstream-json.ts';

const NAME = 'Runway';
/** The version of the API that requests and answers here are in. */
const VERSION = { 'x-runway-version': '2024-11-06' };
/** A credit is a cent. */
const MICRO_USD_PER_CREDIT = 10_000;

const task = z.object({
  status: z.string(),
  progress: maybeNumber,
  output: z.array(z.unknown()).nullish().catch(null),
  failure: maybeText,
  failureCode: maybeText,
  cost: z.object({ credits: maybeNumber }).nullish().catch(null),
});

/**
 * Runway's own API. A route's name of the model is `model@path`: the path says whether a video is made of words or of a
 * picture. Tasks are looked at by their id and can be stopped. It takes no id of ours, keeps no list that can be asked,
 * and never calls back.
 */
export const adapter: Provider = {
  id: 'runway',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters }) => {
    const [model = '', path = ''] = upstreamModel.split('@');
    return postJson(`${baseUrl}/${path}`, { model, ...parameters }, VERSION);
  },
  started: (answer) => {
    const read = named.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return notStarted(answer, NAME, runwayRefusalKind(answer));
    return { state: 'accepted', reference: referenceTo(read.data.id), costMicroUsd: null };
  },
  poll: ({ id }, baseUrl) => withVersion(bare('GET', `${baseUrl}/tasks/${encodeURIComponent(id)}`)),
  polled: (answer, context) => {
    if (answer.status === 404) return missingWork(context, NAME, 'task');
    const read = task.safeParse(answer.json);
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data);
  },
  cancel: ({ id }, baseUrl) => ({
    method: 'DELETE',
    url: `${baseUrl}/tasks/${encodeURIComponent(id)}`,
    headers: { ...VERSION },
    body: null,
  }),
  probe: (baseUrl) => withVersion(bare('GET', `${baseUrl}/organization`)),
  probed: (answer) => {
    const read = z.object({ creditBalance: z.number() }).safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(answer, NAME, runwayRefusalKind(answer));
    const balanceMicroUsd = costFrom(read.data.creditBalance * MICRO_USD_PER_CREDIT);
    return { state: 'ok', text: `${read.data.creditBalance} credits`, balanceMicroUsd };
  },
};

function withVersion(request: ReturnType<typeof bare>): ReturnType<typeof bare> {
  return { ...request, headers: { ...request.headers, ...VERSION } };
}

function outcomeOf(read: z.infer<typeof task>): Outcome {
  switch (read.status) {
    case 'SUCCEEDED': {
      const outputs = outputsOf(read.output ?? []);
      if (outputs.length === 0) return failure('unknown', `${NAME} said that the video is done and gave none`);
      const credits = read.cost?.credits;
      const costMicroUsd = credits == null ? null : costFrom(credits * MICRO_USD_PER_CREDIT);
      return { state: 'completed', outputs, costMicroUsd, seed: null };
    }
    case 'FAILED': {
      const words = [read.failureCode, read.failure].filter((text) => text != null && text.trim() !== '').join(': ');
      return failure(runwayFailureKind(read.failureCode ?? ''), words === '' ? `${NAME} gave no reason` : words);
    }
    case 'CANCELLED':
      return failure('timed_out', 'The task was stopped at Runway');
    // PENDING, THROTTLED, RUNNING and whatever comes next: the job's own deadline ends the waiting.
    default:
      return { state: 'pending', progress: percentOf(read.progress) };
  }
}

/** Progress is told as a share. */
function percentOf(share: number | null | undefined): number | null {
  return share == null ? null : Math.round(Math.max(0, Math.min(1, share)) * 100);
}
