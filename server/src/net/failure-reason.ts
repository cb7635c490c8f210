import type { DownloadResult, RefusedReason, UrlProblem } from '../core/net-port.ts';
import { ConnectRefused } from './connector.ts';
import { Ended } from './ending.ts';

/** Why nothing was sent, or null when the error is a mistake in the request itself (a fault of ours). */
export function refusedReason(error: unknown): RefusedReason | null {
  if (error instanceof ConnectRefused) return error.reason;
  if (error instanceof Ended) return error.reason === 'aborted' ? 'aborted' : 'timeout';
  const code = codeOf(error);
  // The client was closed while the request waited for a socket.
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return 'aborted';
  if (code.startsWith('UND_ERR_SOCKET') || /^E[A-Z]+$/.test(code)) return 'connection-refused';
  return null;
}

/** Why an answer did not arrive although the request may have. */
export function lostReason(error: unknown): 'timeout' | 'reset' | 'aborted' {
  if (error instanceof Ended) return error.reason === 'aborted' ? 'aborted' : 'timeout';
  const code = codeOf(error);
  return code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED' ? 'aborted' : 'reset';
}

/** Why a body that had begun did not end as announced. */
export function brokenBodyReason(error: unknown): 'timeout' | 'aborted' | 'too-slow' | 'truncated' | 'reset' {
  if (error instanceof Ended) return error.reason;
  const code = codeOf(error);
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return 'aborted';
  // Socket ended in the middle, other length than announced, chunks or compressed data that break off.
  if (code === 'UND_ERR_SOCKET' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return 'truncated';
  return code.startsWith('HPE_') || code.startsWith('Z_') || code.startsWith('ERR_') ? 'truncated' : 'reset';
}

/** The coarse reason of a URL that may not be used; why exactly is in the problem's own detail. */
export function reasonOfProblem(problem: NonNullable<UrlProblem>): RefusedReason {
  return problem.reason === 'address-forbidden' ? 'address-forbidden' : 'url-invalid';
}

/**
 * One short sentence per reason, the same whatever was behind it: a caller must not learn from it what
 * answers inside our network.
 */
export function detailOf(reason: Extract<DownloadResult, { kind: 'failed' }>['reason']): string {
  return DETAILS[reason];
}

const DETAILS: Record<Extract<DownloadResult, { kind: 'failed' }>['reason'], string> = {
  'address-forbidden': 'The address may not be used.',
  'url-invalid': 'The URL may not be used.',
  'name-unresolved': 'The host could not be reached.',
  'connection-refused': 'The host could not be reached.',
  tls: 'The host could not be reached securely.',
  timeout: 'The host did not answer in time.',
  aborted: 'The request was ended from our side.',
  status: 'The host answered with an error.',
  'too-large': 'The file is too large.',
  'too-slow': 'The host sent the file too slowly.',
  reset: 'The connection broke.',
  truncated: 'The file is incomplete.',
  'too-many-redirects': 'The host redirected too often.',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
