import { z } from 'zod';

import type { FailureKind } from '../core/outcome.ts';
import type { ProviderAnswer } from '../core/provider.ts';
import { kindOfStatus } from './read-failure.ts';

const named = z.object({ name: z.string() });

/** Why Stability refused: its check of the content comes with the status of a key that may not, and its name tells. */
export function stabilityRefusalKind(answer: ProviderAnswer): FailureKind {
  const name = named.safeParse(answer.json).data?.name;
  return name === 'content_moderation' ? 'content_refused' : kindOfStatus(answer.status);
}
