import { z } from 'zod';

import { microUsd } from '../core/money.ts';
import { FAILURE_KINDS, type FailureKind, type Outcome } from '../core/outcome.ts';
import type { Provider, ProviderAnswer, ProviderReference, ProviderRequest, Started } from '../core/provider.ts';
import { failure } from './read-failure.ts';
import { bare, postJson } from './upstream-json.ts';

const NAME = 'The local tools';
/** A prompt stands in it, each character in up to twelve. */
const PATH_MAX = 30_000;

const started = z.object({ id: z.string().max(100), path: z.string().max(PATH_MAX) });
const refusal = z.object({ error: z.object({ kind: z.enum(FAILURE_KINDS), text: z.string() }) });
const seen = z.discriminatedUnion('status', [
  z.object({ status: z.literal('pending') }),
  z.object({
    status: z.literal('completed'),
    outputs: z.array(z.object({ url: z.string() })),
    seed: z.number().optional(),
  }),
  z.object({ status: z.literal('failed'), kind: z.enum(FAILURE_KINDS), text: z.string() }),
]);

/**
 * Tools that work inside this program. Takes our attempt's id as that of the work. The address of a look names all that the
 * work needs, so that a process which never heard of it does it anew.
 */
export const adapter: Provider = {
  id: 'local',
  deduplicates: true,
  start: (call) =>
    postJson(`${call.baseUrl}/v1/works`, { id: call.attemptId, tool: call.upstreamModel, ...call.parameters }),
  started: (answer) => {
    const read = started.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refused(answer);
    const { id, path } = read.data;
    return { state: 'accepted', reference: { id, pollUrl: path, cancelUrl: null }, costMicroUsd: microUsd(0) };
  },
  poll: (reference, baseUrl) => bare('GET', `${baseUrl}${pathOf(reference)}`),
  polled: (answer) => {
    const read = seen.safeParse(answer.json);
    return read.success && answer.status === 200 ? outcomeOf(read.data) : refused(answer);
  },
  cancel: (reference, baseUrl): ProviderRequest => ({
    ...bare('GET', `${baseUrl}${pathOf(reference)}`),
    method: 'DELETE',
  }),
  probe: (baseUrl) => bare('GET', `${baseUrl}/v1/works`),
  probed: (answer) =>
    answer.status === 200 ? { state: 'ok', text: `${NAME} are there`, balanceMicroUsd: null } : refused(answer),
};

/** A path on the base address, which is never left. */
function pathOf({ id, pollUrl }: ProviderReference): string {
  return pollUrl?.startsWith('/v1/works/') === true ? pollUrl : `/v1/works/${encodeURIComponent(id)}`;
}

function refused(answer: ProviderAnswer): Extract<Started, { state: 'failed' }> {
  const read = refusal.safeParse(answer.json);
  if (read.success) return failure(read.data.error.kind, read.data.error.text);
  const kind: FailureKind = answer.status >= 500 ? 'unavailable' : 'unknown';
  return failure(kind, `${NAME} answered ${answer.status}`);
}

function outcomeOf(read: z.infer<typeof seen>): Outcome {
  switch (read.status) {
    case 'pending':
      return { state: 'pending', progress: null };
    case 'completed':
      return { state: 'completed', outputs: read.outputs, costMicroUsd: microUsd(0), seed: read.seed ?? null };
    case 'failed':
      return failure(read.kind, read.text);
  }
}
