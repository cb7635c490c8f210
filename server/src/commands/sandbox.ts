import path from 'node:path';

import { startMedia } from '../files/media/start-media.ts';
import { createNet } from '../net/net.ts';
import { openGenerationStore } from '../sandbox/generation-store.ts';
import { createSandbox } from '../sandbox/sandbox-service.ts';
import { serveOverHttp } from '../sandbox/serve-sandbox.ts';
import { DRAW_MODULE } from './build-engine.ts';
import { downloadTo } from './fetch-input.ts';
import type { CommandWorld } from './serve.ts';
import { readWords, wholeNumber } from './words.ts';

const CALLBACK_MS_MAX = 10_000;

/** `lumegate sandbox`: the sandbox provider by itself, for a gateway with `LUMEGATE_PROVIDER_SANDBOX_URL` at it. */
export async function serveSandbox({ machine, output, stopped }: CommandWorld, words: string[]): Promise<void> {
  const { values } = readWords(words, { port: { type: 'string' } });
  const { settings, clock, random, log } = machine;
  const media = startMedia({ drawModule: DRAW_MODULE, clock, log });
  // Callers of a test gateway live on this machine.
  const net = createNet({ allowPrivate: true, clock, log });
  const trust = { operatorOrigins: [] };
  const closing = new AbortController();
  const service = createSandbox({
    store: await openGenerationStore(path.join(path.resolve(settings.dataFolder), 'sandbox-provider')),
    media,
    clock,
    random,
    log,
    durationMs: settings.sandboxMs,
    closing: closing.signal,
    fetchInput: (url, to) => downloadTo(net, url, to),
    sendCallback: async (url, body) => {
      const headers = { 'content-type': 'application/json' };
      const limits = { totalMs: CALLBACK_MS_MAX, bodyBytesMax: 64 * 1024, redirectsMax: 0, trust };
      await net.exchange({ method: 'POST', url, headers, body }, limits);
    },
  });
  const port = wholeNumber(values.port ?? '3900', '--port', { min: 0, max: 65_535 });
  const server = await serveOverHttp(service, { host: '127.0.0.1', port });
  output.say(`The sandbox provider listens at ${server.url}`);
  await stopped();
  closing.abort();
  await server.close();
  await Promise.all([media.close(), net.close()]);
}
