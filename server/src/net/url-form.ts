import type { UrlProblem } from '../core/net-port.ts';

/** A longer URL is refused; the reference client and most servers stop at the same length. */
export const URL_CHARACTERS_MAX = 2048;
/** The ports that strangers' URLs may name. Others are where databases and admin pages live. */
export const PUBLIC_PORTS: readonly number[] = [80, 443, 8080, 8443];

export type UrlForm = { ok: true; url: URL } | { ok: false; problem: NonNullable<UrlProblem> };

/**
 * Parses a URL and checks everything that can be seen without asking anybody: length, scheme, user name,
 * port. `ports` is null when any port from 1 up may be used.
 */
export function checkUrlForm(text: string, ports: readonly number[] | null): UrlForm {
  if (text.length > URL_CHARACTERS_MAX) {
    return refuse('too-long', `The URL is longer than ${URL_CHARACTERS_MAX} characters.`);
  }
  // The URL parser silently drops tabs and line breaks and reads a backslash as a slash; other parsers, such as
  // those of providers to whom a URL is handed on, do not. Who sends them means to be read in two ways.
  // oxlint-disable-next-line no-control-regex -- finding control characters is the purpose.
  if (/[\u0000-\u001f\u007f\\]/.test(text)) {
    return refuse('url-invalid', 'The URL contains control characters or backslashes.');
  }
  const url = URL.parse(text);
  // This parser finds the host of `http:///x` and `http:x` in what others take for a path.
  if (/^\s*https?:(?!\/\/[^/])/i.test(text)) return refuse('url-invalid', 'This is not a valid absolute URL.');
  if (url === null) return refuse('url-invalid', 'This is not a valid absolute URL.');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return refuse('scheme', 'The URL must start with https:// or http://.');
  }
  // Both schemes always have a host name: the parser has refused those without.
  if (url.username !== '' || url.password !== '') {
    return refuse('credentials', 'The URL must not contain a user name or password.');
  }
  const port = portOf(url);
  if (port < 1 || (ports !== null && !ports.includes(port))) {
    return refuse('port', 'The URL names a port that may not be used.');
  }
  return { ok: true, url };
}

/** The port a URL means, the scheme's own where it names none. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function refuse(reason: NonNullable<UrlProblem>['reason'], detail: string): UrlForm {
  return { ok: false, problem: { reason, detail } };
}
