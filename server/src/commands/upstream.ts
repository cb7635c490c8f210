import type { Catalog } from '../catalog/load-catalog.ts';
import type { ProviderFacts } from '../catalog/model.ts';
import type { InsideProvider } from '../core/inside-port.ts';
import type { AddressTrust, Net, OutboundRequest } from '../core/net-port.ts';
import type { ProviderKeys } from '../core/provider-keys-port.ts';
import type { ProviderRequest } from '../core/provider.ts';
import type { Upstream } from '../core/upstream-port.ts';
import { isDataUrl, unpackDataUrl } from './data-url.ts';
import { encodeForm } from './form-body.ts';
import { downloadInside, exchangeInside } from './inside.ts';

/** A provider's answer is JSON of a few kilobytes; result files are downloaded apart. */
const ANSWER_BYTES_MAX = 10 * 1024 * 1024;
/** Where the files come inside the answer: four pictures of some megapixels in base64. */
const ANSWER_BYTES_MAX_INLINE = 48 * 1024 * 1024;
/** A result that drips slower than this will not arrive in time. */
const BYTES_PER_10S_MIN = 10_000;
const REDIRECTS_MAX = 3;

/** The way to the providers: over the network, or to what works inside this process. */
export function createUpstream(world: {
  net: Net;
  catalog: Catalog;
  keys: Pick<ProviderKeys, 'secret'>;
  /** Base addresses that the operator has set. */
  providerUrls: Readonly<Record<string, string>>;
  publicUrl: () => string;
  /** Providers inside this process, by their names; each unless the operator has set another address for it. */
  inside: Readonly<Record<string, InsideProvider>>;
}): Upstream {
  const { net, catalog, keys, providerUrls, publicUrl } = world;
  const baseUrl = (provider: string): string => {
    const base = providerUrls[provider] ?? catalog.providers.get(provider)?.baseUrl;
    if (base == null) throw new Error(`no address is known for provider "${provider}"`);
    return base;
  };
  const insideOf = (provider: string): InsideProvider | undefined =>
    providerUrls[provider] === undefined ? world.inside[provider] : undefined;
  const trust = (provider: string): AddressTrust => {
    const own = providerUrls[provider];
    return { operatorOrigins: own === undefined ? [] : [new URL(own).origin] };
  };

  return {
    baseUrl,
    // A provider at a plain address of the operator's own stands in his network, as we do.
    canReachUs: (provider) =>
      insideOf(provider) !== undefined || providerUrls[provider]?.startsWith('http:') === true || isPublic(publicUrl()),
    exchange: async (provider, request, options) => {
      const base = baseUrl(provider);
      const inside = insideOf(provider);
      if (inside !== undefined)
        return exchangeInside(inside, { request, base, onSending: options.onSending, signal: options.signal });
      const facts = catalog.providers.get(provider);
      if (facts === undefined || !isKeyHost(facts, { url: request.url, base })) {
        return { kind: 'refused', reason: 'address-forbidden', detail: 'not a host of this provider' };
      }
      return net.exchange(withKey(encoded(request), { facts, secret: keys.secret(options.keyId) }), {
        totalMs: options.timeoutMs,
        // Synchronous providers answer when the work is done.
        headersMs: options.timeoutMs,
        bodyBytesMax: facts.inlineResults ? ANSWER_BYTES_MAX_INLINE : ANSWER_BYTES_MAX,
        redirectsMax: 0,
        trust: trust(provider),
        signal: options.signal,
        ...(options.onSending === undefined ? {} : { onSending: options.onSending }),
      });
    },
    download: async (provider, url, sink, options) => {
      if (isDataUrl(url)) return unpackDataUrl(url, { sink, bytesMax: options.bytesMax });
      const inside = insideOf(provider);
      if (inside !== undefined) return downloadInside(inside, { url, sink });
      const base = baseUrl(provider);
      const facts = catalog.providers.get(provider);
      if (facts === undefined || !isResultHost(facts, { url, base })) {
        return { kind: 'failed', reason: 'address-forbidden', status: null, detail: 'not a host of this provider' };
      }
      const isKeyed = facts.resultsNeedKey === true && URL.parse(url)?.origin === URL.parse(base)?.origin;
      return net.download(url, sink, {
        secretHeaders: isKeyed ? keyHeader(facts, keys.secret(options.keyId)) : {},
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

/** Providers call back, and fetch files of ours, over https at a public address alone. */
function isPublic(url: string): boolean {
  return url.startsWith('https://');
}

/** The request as it leaves: a form as the bytes that it is. */
function encoded({ method, url, headers, body, form }: ProviderRequest): OutboundRequest {
  if (form === undefined) return { method, url, headers, body };
  const { type, bytes } = encodeForm(form);
  return { method, url, headers: { ...headers, 'content-type': type }, body: bytes };
}

function withKey(request: OutboundRequest, key: { facts: ProviderFacts; secret: string | null }): OutboundRequest {
  return { ...request, headers: { ...request.headers, ...keyHeader(key.facts, key.secret) } };
}

/** The header that carries the key; empty where there is none. */
function keyHeader({ authHeader }: ProviderFacts, secret: string | null): Record<string, string> {
  return authHeader === null || secret === null ? {} : { [authHeader.name]: `${authHeader.prefix}${secret}` };
}

/** A key goes to the origin of the base address, and to the provider's own hosts over https. */
function isKeyHost(facts: ProviderFacts, place: { url: string; base: string }): boolean {
  const url = URL.parse(place.url);
  if (url === null) return false;
  if (url.origin === URL.parse(place.base)?.origin) return true;
  return url.protocol === 'https:' && facts.keyHosts.some((allowed) => isHost(url.hostname, allowed));
}

/** A provider's result may lie only where its facts say that its results lie. */
function isResultHost(facts: ProviderFacts, place: { url: string; base: string }): boolean {
  const host = URL.parse(place.url)?.hostname;
  if (host === undefined) return false;
  return facts.resultHosts.some((allowed) =>
    allowed === 'self' ? host === URL.parse(place.base)?.hostname : isHost(host, allowed),
  );
}

/** `*.name` stands for every host below the name, not for the name itself. */
function isHost(host: string, allowed: string): boolean {
  return allowed.startsWith('*.') ? host.endsWith(allowed.slice(1)) : host === allowed;
}
