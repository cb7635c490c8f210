import { GatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log-port.ts';
import { StoreUnavailable } from '../../database/database.ts';
import { json, type Answer } from './answer.ts';

/** A store that is busy or restarting is usually back by then. */
const UNAVAILABLE_RETRY_SECONDS = 2;

/** What went wrong, as a GatewayError; what was not foreseen becomes `internal` and goes to the log alone. */
export function asGatewayError(error: unknown, { log, requestId }: { log: Log; requestId: string }): GatewayError {
  if (error instanceof GatewayError) {
    if (error.status >= 500)
      log.error('http.failed', { requestId, code: error.code, reason: error.message }, error.cause);
    return error;
  }
  if (error instanceof StoreUnavailable) {
    log.warn('http.store_unavailable', { requestId, reason: error.message });
    return new GatewayError('unavailable', { retryAfterSeconds: UNAVAILABLE_RETRY_SECONDS, cause: error });
  }
  log.error('http.failed', { requestId, code: 'internal' }, error);
  return new GatewayError('internal', { cause: error });
}

/** The one place where a refusal becomes an answer: the contract's envelope, and `Retry-After` where waiting helps. */
export function errorAnswer(error: GatewayError): Answer {
  const { details, credits } = error.options;
  const retryAfterSeconds =
    error.options.retryAfterSeconds ?? (error.status === 503 ? UNAVAILABLE_RETRY_SECONDS : undefined);
  return json(
    error.status,
    {
      error: error.publicText,
      ...(details === undefined ? {} : { details }),
      ...(credits === undefined ? {} : { creditsRequired: credits.required, creditsAvailable: credits.available }),
    },
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
  );
}
