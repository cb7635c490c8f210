import { GatewayError } from '../../core/errors.ts';

const VISIBLE = /^[\x21-\x7e]{1,255}$/;

/** The header's value, or null where there is none. Throws for one that is empty, too long or not visible ASCII. */
export function idempotencyKeyFrom(header: string | null): string | null {
  if (header === null) return null;
  if (VISIBLE.test(header)) return header;
  const text = 'Idempotency-Key must be 1 to 255 visible ASCII characters without spaces';
  throw new GatewayError('idempotency_key_invalid', { text, details: { 'Idempotency-Key': [text] } });
}
