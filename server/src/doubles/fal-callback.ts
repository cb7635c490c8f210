import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';

import type { CallbackEvent, Desk } from './double.ts';
import { errorText, failureOf, filesOf, outputOf } from './fal-result.ts';

const USER_ID = 'double-user';
/** What comes before the 32 bytes of an Ed25519 key in PKCS #8. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** What fal posts when a request has ended, with its signature. */
export function writeFalCallback(
  { moment, generation, view }: CallbackEvent,
  desk: Desk,
): { headers: Record<string, string>; body: string } | null {
  if (moment === 'started') return null;
  const id = generation.shownId ?? '';
  const common = { request_id: id, gateway_request_id: id };
  const failure = failureOf(generation, view);
  const message =
    failure === null && view.state === 'done'
      ? { ...common, status: 'OK', error: null, payload: outputOf(generation, filesOf(view)) }
      : {
          ...common,
          status: 'ERROR',
          error: failure === null ? 'unknown' : errorText(failure),
          payload: failure?.body ?? null,
        };
  const body = JSON.stringify(message);
  const timestamp = String(Math.floor(desk.now() / 1_000));
  const signed = [id, USER_ID, timestamp, createHash('sha256').update(body).digest('hex')].join('\n');
  const headers = {
    'x-fal-webhook-request-id': id,
    'x-fal-webhook-user-id': USER_ID,
    'x-fal-webhook-timestamp': timestamp,
    'x-fal-webhook-signature': sign(null, Buffer.from(signed), signingKey()).toString('hex'),
  };
  return { headers, body };
}

/** The key that checks the signature, as a set of JSON Web Keys. */
export function publicKeys(): { keys: object[] } {
  return { keys: [{ ...createPublicKey(signingKey()).export({ format: 'jwk' }), kid: 'double', use: 'sig' }] };
}

/** Always the same: what a double signs proves nothing to anybody but its tests. */
function signingKey(): KeyObject {
  const seed = createHash('sha256').update('the signing key of a double of fal').digest();
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
}
