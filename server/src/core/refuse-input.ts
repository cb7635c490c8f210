import { GatewayError, type ErrorCode } from './errors.ts';

/** More messages than this help nobody, and a hostile body could ask for thousands. */
const DETAILS_MAX = 100;

/** The path of the body itself. */
export const WHOLE_BODY = '$';

/** The 400 of a request that is JSON and yet not right: the first problem in `error`, all of them in `details`. */
export function refuseInput(details: Record<string, string[]>, code: ErrorCode = 'validation_failed'): GatewayError {
  const listed = Object.entries(details).slice(0, DETAILS_MAX);
  const [path, messages] = listed[0] ?? [WHOLE_BODY, ['Invalid input']];
  const place = path === WHOLE_BODY ? '' : `${path}: `;
  return new GatewayError(code, {
    text: `Validation error: ${place}${messages[0] ?? 'Invalid input'}`,
    details: Object.fromEntries(listed),
  });
}
