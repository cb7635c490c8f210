/** Longer addresses are no addresses of a queue, and a reference must stay below 8 KB. */
const URL_CHARACTERS_MAX = 2_000;

/**
 * The address, if our key may be sent there: on the origin of the base address, or by HTTPS on one of the hosts (a
 * name, or `*.name` for everything below it). null for any other, which came out of an answer and is not followed.
 */
export function allowedUrl(
  url: string | null | undefined,
  place: { baseUrl: string; hosts: readonly string[] },
): string | null {
  if (url == null || url.length > URL_CHARACTERS_MAX) return null;
  const parsed = URL.parse(url);
  if (parsed === null || parsed.username !== '' || parsed.password !== '') return null;
  if (parsed.origin !== 'null' && parsed.origin === URL.parse(place.baseUrl)?.origin) return parsed.href;
  const isListed = place.hosts.some((host) =>
    host.startsWith('*.') ? parsed.hostname.endsWith(host.slice(1)) : parsed.hostname === host,
  );
  return isListed && parsed.protocol === 'https:' && parsed.port === '' ? parsed.href : null;
}

/** An address out of an answer as it is kept in a reference, before anybody checks where it points; null if none. */
export function keptUrl(url: string | null | undefined): string | null {
  return url != null && url.length <= URL_CHARACTERS_MAX && URL.canParse(url) ? url : null;
}
