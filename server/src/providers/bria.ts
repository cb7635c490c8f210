import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { PollContext, Provider } from '../core/provider.ts';
import { briaError, briaFailureKind, briaRefusalKind, briaWords } from './bria-failure.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import { bare, maybeText, outputsOf, parseJson, postJson, referenceTo, upstreamId } from './upstream-json.ts';

const NAME = 'Bria';
/** New work may be unknown to the machine that is asked first; who looks too early hears that there is none. */
const LAG_MS_MAX = 30_000;
/** Work that nobody ever ordered: a look at it needs the key and costs nothing. */
const NO_WORK = '00000000-0000-0000-0000-000000000000';

const taken = z.object({ request_id: upstreamId });
const look = z.object({
  status: maybeText,
  result: z.object({ image_url: maybeText }).nullish().catch(null),
  error: briaError.nullish().catch(null),
});

/**
 * Bria's own API. A route's name of the model is the path below the version, such as `image/edit/remove_background`.
 * Everything is started without waiting and looked at by its id. It keeps no list and cannot cancel: its callback alone
 * rescues a purchase whose answer was lost.
 */
export const adapter: Provider = {
  id: 'bria',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters, callbackUrl }) =>
    postJson(`${baseUrl}/${upstreamModel}`, {
      ...parameters,
      sync: false,
      ...(callbackUrl === null ? {} : { webhook_url: callbackUrl }),
    }),
  started: (answer) => {
    const read = taken.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return notStarted(answer, NAME, briaRefusalKind(answer));
    return { state: 'accepted', reference: referenceTo(read.data.request_id), costMicroUsd: null };
  },
  poll: ({ id }, baseUrl) => bare('GET', `${baseUrl}/status/${encodeURIComponent(id)}`),
  polled: (answer, context) => {
    if (answer.status === 404) return missing(context);
    const read = look.safeParse(answer.json);
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data, context);
  },
  callback: (delivery) => {
    const read = taken.safeParse(parseJson(delivery.body));
    return read.success ? referenceTo(read.data.request_id) : null;
  },
  probe: (baseUrl) => bare('GET', `${baseUrl}/status/${NO_WORK}`),
  probed: (answer) => {
    const read = z.object({ status: z.string() }).safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(answer, NAME, briaRefusalKind(answer));
    return { state: 'ok', text: 'The key is accepted', balanceMicroUsd: null };
  },
};

function outcomeOf(read: z.infer<typeof look>, context: PollContext): Outcome {
  switch (read.status ?? impliedStatus(read)) {
    case 'COMPLETED':
      return completed(read);
    // The vendor’s own pages have both words.
    case 'ERROR':
    case 'FAILED': {
      const words = read.error == null ? '' : briaWords(read.error);
      return failure(briaFailureKind(read.error?.code, words), words === '' ? `${NAME} gave no reason` : words);
    }
    case 'UNKNOWN':
      return missing(context);
    // IN_PROGRESS and whatever comes next: the job's own deadline ends the waiting.
    default:
      return { state: 'pending', progress: null };
  }
}

/** Where no status is said, it is told by what is there. */
function impliedStatus({ error, result }: z.infer<typeof look>): string {
  if (error != null) return 'ERROR';
  return result == null ? 'IN_PROGRESS' : 'COMPLETED';
}

function completed({ result }: z.infer<typeof look>): Outcome {
  const outputs = outputsOf([result?.image_url]);
  if (outputs.length === 0) return failure('unknown', `${NAME} said that the work is done and gave no file`);
  return { state: 'completed', outputs, costMicroUsd: null, seed: null };
}

function missing(context: PollContext): Outcome {
  if (context.ageMs < LAG_MS_MAX) return { state: 'pending', progress: null };
  return failure('unknown', `${NAME} does not know the work, or has forgotten it`);
}
