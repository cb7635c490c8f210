import { z } from 'zod';

import type { Outcome, ProviderOutput } from '../core/outcome.ts';
import type { Provider, ProviderReference } from '../core/provider.ts';
import { murekaFailureKind, murekaRefusalKind } from './mureka-failure.ts';
import { missingWork } from './missing-work.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import { bare, costFrom, maybeNumber, maybeText, named, outputsOf, postJson } from './upstream-json.ts';

const NAME = 'Mureka';
/** The end of an address to look at: songs and music without voices are looked at apart. */
const TASK_PATH = /\/v1\/(?:song|instrumental)\/query\/[^/?#]+$/;
const MICRO_USD_PER_CENT = 10_000;
/** What the label of a track may hold. */
const TRACK_ID_CHARACTERS_MAX = 100;
/** One request orders no more. */
const SONGS_MAX = 3;

const choice = z.object({ id: maybeText, url: maybeText }).catch({ id: null, url: null });
const task = z.object({
  status: z.string(),
  failed_reason: maybeText,
  choices: z.array(choice).nullish().catch(null),
});
const purse = z.object({ balance: z.number(), concurrent_request_limit: maybeNumber });

/**
 * Mureka's own API. A route's name of the model is the path on which work is started, such as `song/generate`: it decides
 * what is made and where it is looked at, while the version of the model is a parameter. It takes no id of ours, keeps no
 * list, never calls back and cannot cancel.
 */
export const adapter: Provider = {
  id: 'mureka',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters }) => postJson(`${baseUrl}/v1/${upstreamModel}`, parameters),
  started: (answer, attempt) => {
    const read = named.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return notStarted(answer, NAME, murekaRefusalKind(answer));
    return { state: 'accepted', reference: referenceTo(read.data.id, attempt), costMicroUsd: null };
  },
  poll: (reference, baseUrl) => bare('GET', `${baseUrl}${taskPath(reference)}`),
  polled: (answer, context) => {
    if (answer.status === 404) return missingWork(context, NAME, 'task');
    const read = task.safeParse(answer.json);
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data);
  },
  probe: (baseUrl) => bare('GET', `${baseUrl}/v1/account/billing`),
  probed: (answer) => {
    const read = purse.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(answer, NAME, murekaRefusalKind(answer));
    const { balance, concurrent_request_limit: atOnce } = read.data;
    const text = atOnce == null ? 'The key is accepted' : `The key is accepted, for ${atOnce} at once`;
    return { state: 'ok', text, balanceMicroUsd: costFrom(balance * MICRO_USD_PER_CENT) };
  },
};

/** An answer does not say where its task is looked at; the path of the start does. */
function referenceTo(id: string, attempt: { baseUrl: string; upstreamModel: string }): ProviderReference {
  const [kind = 'song'] = attempt.upstreamModel.split('/');
  return { id, pollUrl: `${attempt.baseUrl}/v1/${kind}/query/${encodeURIComponent(id)}`, cancelUrl: null };
}

/** The path alone is used: the base address may have been changed since. */
function taskPath({ id, pollUrl }: ProviderReference): string {
  return TASK_PATH.exec(pollUrl ?? '')?.[0] ?? `/v1/song/query/${encodeURIComponent(id)}`;
}

function outcomeOf(read: z.infer<typeof task>): Outcome {
  if (read.status === 'succeeded') return succeeded(read.choices ?? []);
  const words = read.failed_reason ?? '';
  const kind = murekaFailureKind(read.status, words);
  // preparing, queued, reviewing, running, streaming and whatever comes next: the job's own deadline ends the waiting.
  if (kind === null) return { state: 'pending', progress: null };
  return failure(kind, words.trim() === '' ? `${NAME} gave no reason: ${read.status}` : words);
}

function succeeded(choices: readonly z.infer<typeof choice>[]): Outcome {
  const outputs = choices
    .slice(0, SONGS_MAX)
    .flatMap(({ id, url }) => outputsOf([url]).map((output) => labelled(output, id)));
  if (outputs.length === 0) return failure('unknown', `${NAME} said that the work is done and gave no file`);
  return { state: 'completed', outputs, costMicroUsd: null, seed: null };
}

/** The name by which Mureka knows a song; it tells neither title nor style. */
function labelled(output: ProviderOutput, id: string | null | undefined): ProviderOutput {
  if (id == null || id === '' || id.length > TRACK_ID_CHARACTERS_MAX) return output;
  return { ...output, track: { id, title: null, tags: null } };
}
