import { z } from 'zod';

import type { FailureKind } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { kindOfStatus } from './read-failure.ts';

const coded = z.object({ detail: z.object({ status: z.string() }) });

/** Words that say more than the status they come with. */
const KIND_OF_WORD: ReadonlyMap<string, FailureKind> = new Map([
  ['bad_prompt', 'content_refused'],
  ['bad_composition_plan', 'content_refused'],
  ['quota_exceeded', 'quota'],
  ['invalid_api_key', 'unauthorized'],
  ['missing_permissions', 'unauthorized'],
  ['detected_unusual_activity', 'unauthorized'],
  // The account's plan does not have it: others may, and the key is none the worse.
  ['output_format_not_allowed', 'quota'],
  ['too_many_concurrent_requests', 'rate_limited'],
  ['system_busy', 'rate_limited'],
]);

/** Why ElevenLabs refused: an empty account comes with the status of a bad key, and only its word tells them apart. */
export function elevenlabsRefusalKind(answer: ProviderAnswer): FailureKind {
  const word = coded.safeParse(answer.json).data?.detail.status;
  return KIND_OF_WORD.get(word ?? '') ?? kindOfStatus(answer.status);
}
