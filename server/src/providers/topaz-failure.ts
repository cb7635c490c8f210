import type { FailureKind } from '../core/outcome.ts';
import { kindOfStatus } from './read-failure.ts';

/** Why Topaz refused, by the status: two of them mean the account's money. */
export function topazRefusalKind(status: number): FailureKind {
  // There is no subscription that pays for it.
  if (status === 412) return 'quota';
  // More credits are being bought for the account at this moment.
  return status === 425 ? 'rate_limited' : kindOfStatus(status);
}

/** How work ended without a picture, by its status; null where it has not ended so. No reason is told. */
export function topazFailureKind(status: string): FailureKind | null {
  switch (status) {
    case 'Failed':
      return 'unavailable';
    // By somebody else: the engine does not look at what it stopped itself.
    case 'Cancelled':
      return 'unknown';
    default:
      return null;
  }
}
