import type { Outcome } from '../core/outcome.ts';
import type { PollContext } from '../core/provider.ts';
import { failure } from './read-failure.ts';

/** New work may be unknown to the machine that is asked first. */
const LAG_MS_MAX = 10_000;

/** What it means that a provider knows nothing of work that it took: too early to tell, or forgotten. */
export function missingWork({ ageMs }: PollContext, name: string, what: string): Outcome {
  if (ageMs < LAG_MS_MAX) return { state: 'pending', progress: null };
  return failure('unknown', `${name} does not know the ${what}, or has forgotten it`);
}
