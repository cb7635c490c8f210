import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

export interface SignatureInput {
  /** The delivery's id; the same at every try. */
  id: string;
  /** When this try is made, in UTC milliseconds; Standard Webhooks signs it in whole seconds. */
  at: number;
  /** Exactly the text that is sent. */
  body: string;
  /** SHA-256 of the API key that submitted the job: 32 bytes. */
  keyDigest: Buffer;
  /** Key of the compatible signature: the digest's bytes, or its 64 lower-case hex characters. */
  form: 'raw' | 'hex';
}

/**
 * The headers that prove who sent a webhook: the contract's `X-Webhook-Signature` (HMAC-SHA-256 of the body,
 * no time in it) and beside it the three of Standard Webhooks, which cover id and time and so stop replays.
 */
export function signatureHeaders({ id, at, body, keyDigest, form }: SignatureInput): Record<string, string> {
  const key = form === 'raw' ? keyDigest : keyDigest.toString('hex');
  return {
    'x-webhook-signature': `sha256=${createHmac('sha256', key).update(body).digest('hex')}`,
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at / 1000)),
    'webhook-signature': new Webhook(webhookSecret(keyDigest)).sign(id, new Date(at), body),
  };
}

/**
 * The Standard Webhooks secret that a receiver configures: `whsec_` and the base64 of the key's SHA-256, so that
 * it can be computed from the API key alone. It does not depend on the compatible signature's form.
 */
export function webhookSecret(keyDigest: Buffer): string {
  return `whsec_${keyDigest.toString('base64')}`;
}
