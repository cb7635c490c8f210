import { GatewayError } from '../../core/errors.ts';

/** Long requests (streams, waits, uploads) are counted per key, as each holds a socket and memory while it lasts. */
export interface Slots {
  /** Takes one, and gives the way to return it, which may be called more than once. Throws `rate_limited` when all are taken. */
  take(keyId: string): () => void;
}

/** `max` at once for one key; `what` names them in the refusal. */
export function createSlots({ max, what }: { max: number; what: string }): Slots {
  const taken = new Map<string, number>();
  return {
    take(keyId) {
      const count = taken.get(keyId) ?? 0;
      if (count >= max) {
        throw new GatewayError('rate_limited', {
          text: `Rate limit exceeded: at most ${max} ${what} at once for one key`,
          retryAfterSeconds: 5,
        });
      }
      taken.set(keyId, count + 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (taken.get(keyId) ?? 1) - 1;
        if (left === 0) taken.delete(keyId);
        else taken.set(keyId, left);
      };
    },
  };
}
