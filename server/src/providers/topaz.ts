import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { PollContext, Polled, Provider, ProviderRequest } from '../core/provider.ts';
import { postForm } from './form-request.ts';
import { missingWork } from './missing-work.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import { topazFailureKind, topazRefusalKind } from './topaz-failure.ts';
import { bare, maybeNumber, outputsOf, parseJson, referenceTo, upstreamId } from './upstream-json.ts';

const NAME = 'Topaz';
const FILES = new Set(['image']);

const taken = z.object({ process_id: upstreamId });
const work = z.object({ status: z.string(), progress: maybeNumber });
const link = z.object({ download_url: z.string() });

/**
 * Topaz Labs' own API for pictures. A route's name of the model is the path of the kind of work, such as `enhance/async`;
 * which model runs is a parameter. Starts are forms with the picture inside. A result lies behind a link that is asked for
 * apart, once the work is done. There is a list of past work, but nothing of ours stands in it: the callback alone rescues.
 */
export const adapter: Provider = {
  id: 'topaz',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters, callbackUrl }) =>
    postForm(
      `${baseUrl}/image/v1/${upstreamModel}`,
      { ...parameters, ...(callbackUrl === null ? {} : { webhook_url: callbackUrl }) },
      FILES,
    ),
  started: (answer) => {
    const read = taken.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return notStarted(answer, NAME, topazRefusalKind(answer.status));
    return { state: 'accepted', reference: referenceTo(read.data.process_id), costMicroUsd: null };
  },
  poll: ({ id }, baseUrl) => bare('GET', placeOf('status', id, baseUrl)),
  polled: (answer, context) => {
    if (answer.status === 404) return missingWork(context, NAME, 'work');
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on, and a link
    // that is not there yet comes as a conflict.
    if (answer.status >= 300) return { state: 'pending', progress: null };
    const file = link.safeParse(answer.json);
    return file.success ? completed(file.data.download_url) : standing(work.safeParse(answer.json).data, context);
  },
  cancel: ({ id }, baseUrl) => ({ ...bare('GET', placeOf('cancel', id, baseUrl)), method: 'DELETE' }),
  callback: (delivery) => {
    const read = taken.safeParse(parseJson(delivery.body));
    return read.success ? referenceTo(read.data.process_id) : null;
  },
  probe: (baseUrl) => bare('GET', `${baseUrl}/image/v1/status?paginated=true&limit=1`),
  probed: (answer) => {
    const read = z.object({ data: z.array(z.unknown()) }).safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(answer, NAME, topazRefusalKind(answer.status));
    return { state: 'ok', text: 'The key is accepted', balanceMicroUsd: null };
  },
};

function placeOf(what: 'status' | 'download' | 'cancel', id: string, baseUrl: string): string {
  return `${baseUrl}/image/v1/${what}/${encodeURIComponent(id)}`;
}

function standing(read: z.infer<typeof work> | undefined, { reference, baseUrl }: PollContext): Polled {
  if (read?.status === 'Completed') return { state: 'follow', request: linkRequest(reference.id, baseUrl) };
  const kind = read === undefined ? null : topazFailureKind(read.status);
  // Pending, Processing and whatever comes next: the job's own deadline ends the waiting.
  if (kind === null) return { state: 'pending', progress: percentOf(read?.progress) };
  return failure(kind, `${NAME} gave no reason: ${read?.status ?? ''}`);
}

/** It comes in percent. */
function percentOf(progress: number | null | undefined): number | null {
  return progress == null ? null : Math.max(0, Math.min(100, progress));
}

function linkRequest(id: string, baseUrl: string): ProviderRequest {
  return bare('GET', placeOf('download', id, baseUrl));
}

function completed(url: string): Outcome {
  const outputs = outputsOf([url]);
  if (outputs.length === 0) return failure('unknown', `${NAME} said that the picture is ready and gave none`);
  return { state: 'completed', outputs, costMicroUsd: null, seed: null };
}
