import type { IncomingHttpHeaders } from 'node:http';

/** The key in `Authorization: Bearer …`; null when there is none. */
export function bearerKey(headers: IncomingHttpHeaders): string | null {
  return /^bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}
