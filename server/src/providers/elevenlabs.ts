import { z } from 'zod';

import type { Provider, ProviderAnswer } from '../core/provider.ts';
import { elevenlabsRefusalKind } from './elevenlabs-failure.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import { bare, maybeNumber, postJson, referenceTo, upstreamId } from './upstream-json.ts';

const NAME = 'ElevenLabs';

/** A sound by its header, or octets that are none of anything else. */
const SOUND = /^data:(?:audio\/|application\/octet-stream;)/;

const subscription = z.object({ character_count: maybeNumber, character_limit: maybeNumber });

/**
 * ElevenLabs' music: the body of the answer to a start is the sound itself. What kind of sound is wanted stands in the
 * address, everything else in the body. Nothing can be looked up or stopped: a lost answer stays lost.
 */
export const adapter: Provider = {
  id: 'elevenlabs',
  deduplicates: false,
  start: ({ baseUrl, upstreamModel, parameters: { output_format: format, ...asked } }) => {
    const query = typeof format === 'string' ? `?output_format=${encodeURIComponent(format)}` : '';
    const request = postJson(`${baseUrl}/v1/music${query}`, { ...asked, model_id: upstreamModel });
    return { ...request, headers: { ...request.headers, accept: 'audio/*, application/json' } };
  },
  started: (answer) => {
    const { status, file } = answer;
    if (status >= 300 || file === undefined || !SOUND.test(file)) {
      return notStarted(answer, NAME, elevenlabsRefusalKind(answer));
    }
    const outputs = [{ url: file, track: { id: songIn(answer), title: null, tags: null } }];
    const outcome = { state: 'completed', outputs, costMicroUsd: null, seed: null } as const;
    return { state: 'accepted-done', reference: referenceTo(''), outcome };
  },
  // There is nothing to poll; the engine keeps the outcome of a synchronous start and does not come here.
  poll: (_reference, baseUrl) => bare('GET', `${baseUrl}/v1/user/subscription`),
  polled: (answer) =>
    answer.status < 300 && answer.json === null
      ? { state: 'pending', progress: null }
      : failure('unknown', 'The answer of a synchronous provider cannot be read again'),
  probe: (baseUrl) => bare('GET', `${baseUrl}/v1/user/subscription`),
  probed: (answer) => {
    const read = subscription.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(answer, NAME, elevenlabsRefusalKind(answer));
    const { character_count: used, character_limit: limit } = read.data;
    const isTold = used != null && limit != null;
    const text = isTold ? `The key is accepted; ${used} of ${limit} credits are used` : 'The key is accepted';
    return { state: 'ok', text, balanceMicroUsd: null };
  },
};

/** The song's id stands in a header, since the body is the song. */
function songIn({ headers }: ProviderAnswer): string | null {
  const read = upstreamId.max(100).safeParse(headers['song-id']);
  return read.success ? read.data : null;
}
