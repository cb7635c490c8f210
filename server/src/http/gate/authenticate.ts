import { GatewayError } from '../../core/errors.ts';
import type { Authenticator, Caller } from '../../teams/authenticate.ts';

/** No key of ours is longer; anything beyond is not worth a look-up. */
const KEY_LENGTH_MAX = 256;

/** The caller behind `X-API-Key`, the only header that carries a key; throws 401 or 403. */
export function authenticate(
  authenticator: Pick<Authenticator, 'find'>,
  header: (name: string) => string | null,
): Promise<Caller> {
  const key = header('x-api-key');
  if (key === null || key === '') throw missingKey(header('authorization'));
  if (key.length > KEY_LENGTH_MAX) throw new GatewayError('key_invalid');
  return authenticator.find(key);
}

/** Other gateways take the key elsewhere; whoever comes from there is told at once. */
function missingKey(authorization: string | null): GatewayError {
  if (authorization === null) return new GatewayError('key_missing');
  return new GatewayError('key_missing', {
    text: 'API key is required: send it in the X-API-Key header, not in Authorization',
  });
}
