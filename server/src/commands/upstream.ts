import type { Catalog } from '../catalog/load-catalog.ts';
import type { ProviderFacts } from '../catalog/model.ts';
import type { AddressTrust, Net } from '../core/net-port.ts';
import type { ProviderRequest } from '../core/provider.ts';
import type { Upstream } from '../core/upstream-port.ts';
import type { SandboxService } from '../sandbox/sandbox-service.ts';

/** A provider's answer is JSON of a few kilobytes; result files are downloaded apart. */
const ANSWER_BYTES_MAX = 10 * 1024 * 1024;
/** A result that drips slower than this will not arrive in time. */
const BYTES_PER_10S_MIN = 10_000;
const REDIRECTS_MAX = 3;

/** The way to the providers: over the network, or to the sandbox inside this process. */
export function createUpstream(world: {
  net: Net;
  catalog: Catalog;
  /** Base addresses that the operator has set. */
  providerUrls: Readonly<Record<string, string>>;
  /** Serves the provider `sandbox` unless the operator has set another address for it. */
  sandbox: SandboxService;
}): Upstream {
  const { net, catalog, providerUrls, sandbox } = world;
  const baseUrl = (provider: string): string => {
    const facts = catalog.providers.get(provider);
    const base = providerUrls[provider] ?? facts?.baseUrl;
    if (base === undefined) throw new Error(`unknown provider "${provider}"`);
    return base;
  };
  const isInside = (provider: string): boolean => provider === 'sandbox' && providerUrls[provider] === undefined;
  const trust = (provider: string): AddressTrust => {
    const own = providerUrls[provider];
    return { operatorOrigins: own === undefined ? [] : [new URL(own).origin] };
  };
  // Providers that want a key are ready once one is configured; so far none of them is.
  const ready = new Set(
    [...catalog.providers.values()].filter((facts) => facts.authHeader === null).map((facts) => facts.id),
  );

  return {
    baseUrl,
    ready: () => ready,
    exchange: async (provider, request, options) => {
      if (isInside(provider))
        return exchangeInside(sandbox, { request, base: baseUrl(provider), onSending: options.onSending });
      return net.exchange(request, {
        totalMs: options.timeoutMs,
        // Synchronous providers answer when the work is done.
        headersMs: options.timeoutMs,
        bodyBytesMax: ANSWER_BYTES_MAX,
        redirectsMax: 0,
        trust: trust(provider),
        signal: options.signal,
        ...(options.onSending === undefined ? {} : { onSending: options.onSending }),
      });
    },
    download: async (provider, url, sink, options) => {
      if (isInside(provider)) return downloadInside(sandbox, { url, sink });
      if (!isResultHost(catalog.providers.get(provider), { url, base: baseUrl(provider) })) {
        return { kind: 'failed', reason: 'address-forbidden', status: null, detail: 'not a host of this provider' };
      }
      return net.download(url, sink, {
        totalMs: options.timeoutMs,
        bytesMax: options.bytesMax,
        bytesPer10sMin: BYTES_PER_10S_MIN,
        redirectsMax: REDIRECTS_MAX,
        trust: trust(provider),
        signal: options.signal,
      });
    },
  };
}

/** A provider's result may lie only where its facts say that its results lie. */
function isResultHost(facts: ProviderFacts | undefined, place: { url: string; base: string }): boolean {
  const host = URL.parse(place.url)?.hostname;
  if (host === undefined || facts === undefined) return false;
  return facts.resultHosts.some((allowed) => {
    if (allowed === 'self') return host === URL.parse(place.base)?.hostname;
    return allowed.startsWith('*.') ? host.endsWith(allowed.slice(1)) : host === allowed;
  });
}

async function exchangeInside(
  sandbox: SandboxService,
  call: { request: ProviderRequest; base: string; onSending: (() => void) | undefined },
): Promise<Awaited<ReturnType<Upstream['exchange']>>> {
  const { request, base, onSending } = call;
  onSending?.();
  const path = request.url.slice(base.length);
  const answer = await sandbox.handle({ method: request.method, path, base, body: request.body });
  if (answer.kind === 'lost') return { kind: 'lost', reason: 'reset', detail: 'the connection was reset' };
  return {
    kind: 'answer',
    status: answer.status,
    headers: answer.headers,
    body: Buffer.from(answer.body),
    truncated: false,
  };
}

async function downloadInside(
  sandbox: SandboxService,
  file: { url: string; sink: (chunk: Uint8Array) => Promise<void> | void },
): Promise<Awaited<ReturnType<Upstream['download']>>> {
  const found = await sandbox.file(new URL(file.url).pathname);
  if (found === null) return { kind: 'failed', reason: 'status', status: 404, detail: 'no such file' };
  await file.sink(found.bytes);
  return {
    kind: 'done',
    sizeBytes: found.bytes.length,
    headers: { 'content-type': found.contentType },
    finalUrl: file.url,
  };
}
