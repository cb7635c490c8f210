import { Agent, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

/** A receiver has this long to answer. */
const ANSWER_MS_MAX = 5_000;
/** Callbacks on their way to one receiver at once; further ones wait for their turn. */
const SOCKETS_MAX = 64;

/** Sends callbacks. */
export interface CallbackSender {
  /** Resolves with the status, or null when there was no answer. Redirects are not followed. */
  post(url: string, message: { headers: Record<string, string>; body: string }): Promise<number | null>;
  close(): void;
}

/** A sender with connections of its own. */
export function createCallbackSender(): CallbackSender {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  return {
    close: () => agent.destroy(),
    post: (url, { headers, body }) =>
      new Promise((resolve) => {
        const target = URL.parse(url);
        if (target === null) return resolve(null);
        const isTls = target.protocol === 'https:';
        const request = (isTls ? requestHttps : requestHttp)(target, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
          timeout: ANSWER_MS_MAX,
          ...(isTls ? {} : { agent }),
        });
        request.on('timeout', () => request.destroy());
        request.on('error', () => resolve(null));
        request.on('response', (response) => {
          response.resume();
          resolve(response.statusCode ?? null);
        });
        request.end(body);
      }),
  };
}
