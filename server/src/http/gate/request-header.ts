import type { IncomingMessage } from 'node:http';

import type { Context } from 'hono';

/**
 * One header of the request, by its lower-case name; null when it was not sent. Read from the server's own request
 * where there is one: the standard `Headers` object would be built for each poll, to read two of them.
 */
export function requestHeader(context: Context, name: string): string | null {
  // Safe: `listen` hands the server's own request in; without a socket (tests) there is none.
  const environment = context.env as { incoming?: IncomingMessage } | undefined;
  const headers = environment?.incoming?.headers;
  if (headers === undefined) return context.req.raw.headers.get(name);
  const value = headers[name];
  return value === undefined ? null : String(value);
}
