import type { MicroUsd } from './money.ts';

/** Why a provider did not deliver; the closed list that `jobs/after-failure.ts` decides upon. */
export const FAILURE_KINDS = [
  'input_rejected',
  'content_refused',
  'rate_limited',
  'quota',
  'unavailable',
  'timed_out',
  'unauthorized',
  'retired',
  'unknown',
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** What a file is: a result itself, all pictures of a run as one, or the picture that goes with a track. */
export type OutputRole = 'result' | 'grid' | 'cover';

/**
 * One file that a provider says it made. The URL is hostile until `net` has checked it; a provider that sends the file
 * inside its answer gives a `data:` URL in base64.
 */
export interface ProviderOutput {
  url: string;
  /** At `url` is a plain tar, and the file of this name in it, in whatever folder, is the result; absent for a file as it is. */
  member?: string;
  /** `result` where absent. The first cover belongs to the first result, and so on. */
  role?: OutputRole;
  /** What a provider tells of a track; null or absent where it tells nothing. */
  track?: TrackFacts;
}

/** What stands on the label of a piece of music. */
export interface TrackFacts {
  /** The provider's own name for the track, at most 100 characters. */
  id: string | null;
  title: string | null;
  tags: string | null;
}

/** What reading a provider's answer can tell us. */
export type Outcome =
  | { state: 'pending'; progress: number | null }
  | { state: 'completed'; outputs: ProviderOutput[]; costMicroUsd: MicroUsd | null; seed: number | null }
  | { state: 'failed'; kind: FailureKind; text: string; retryAfterMs: number | null };
