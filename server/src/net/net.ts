import { Agent } from 'undici';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log-port.ts';
import type { AddressTrust, Net, UrlProblem } from '../core/net-port.ts';
import { isLocalhostName, isPublicAddress, literalAddress } from './address.ts';
import { createConnector, type Dial } from './connector.ts';
import { download } from './download.ts';
import { startEnding, orEnd } from './ending.ts';
import { exchange } from './exchange.ts';
import type { Admission, NetWorld } from './hop.ts';
import { publicResolver, resolveBySystem, type Resolve } from './resolver.ts';
import { checkUrlForm, PUBLIC_PORTS } from './url-form.ts';

export interface NetOptions {
  /** Lets every address through (development); forms and limits are still checked. */
  allowPrivate: boolean;
  /** Where this process listens: never reachable through a stranger's URL, even on a public address. */
  ownListeners?: () => { host: string; port: number }[];
  /** How names become addresses; the name servers for strangers' names and the system for the operator's if absent. */
  resolve?: Resolve;
  /** The ports that strangers' URLs may name; 80, 443, 8080 and 8443 if absent. */
  publicPorts?: readonly number[];
  /** Opens TCP connections; a seam for tests. */
  dial?: Dial;
  clock: Clock;
  log: Log;
}

/** What the look-up inside `checkUrl` may take; a slower name is left to the check at connection time. */
const LOOKUP_MS = 3_000;
/** Sockets to one origin. More requests than that wait, which is still "nothing sent". */
const CONNECTIONS_PER_ORIGIN_MAX = 1_024;
/** All headers of an answer together. */
const HEADER_BYTES_MAX = 32 * 1024;
/** An idle socket is dropped before most servers drop it, as a request on a dying socket is a lost one. */
const IDLE_MS = 4_000;
const IDLE_MS_MAX = 30_000;

/** Opens the only way out of the process. */
export function createNet(options: NetOptions): Net {
  const resolvePublic = options.resolve ?? (options.allowPrivate ? resolveBySystem : publicResolver());
  const agents = {
    operator: createAgent(options, { resolve: options.resolve ?? resolveBySystem, onlyPublic: false }),
    public: createAgent(options, { resolve: resolvePublic, onlyPublic: !options.allowPrivate }),
  };
  const world: NetWorld = {
    clock: options.clock,
    agents,
    admit: (url, trust) => admit(options, url, trust),
  };
  return {
    exchange: (request, limits) => exchange(world, request, limits),
    download: (url, sink, limits) => download(world, url, sink, limits),
    checkUrl: async (url, trust) => {
      const admission = admit(options, url, trust);
      if (!admission.ok) return admission.problem;
      if (options.allowPrivate || admission.isOperators) return null;
      return checkNames(options.clock, resolvePublic, admission.url.hostname);
    },
    close: async () => {
      await Promise.all([agents.operator.destroy(), agents.public.destroy()]);
    },
  };
}

function createAgent(options: NetOptions, { resolve, onlyPublic }: { resolve: Resolve; onlyPublic: boolean }): Agent {
  return new Agent({
    connect: createConnector({
      clock: options.clock,
      resolve,
      onlyPublic,
      ownListeners: options.ownListeners ?? (() => []),
      dial: options.dial,
      onForbidden: (host) => options.log.warn('net.address_forbidden', { host }),
    }),
    allowH2: false,
    pipelining: 1,
    connections: CONNECTIONS_PER_ORIGIN_MAX,
    maxHeaderSize: HEADER_BYTES_MAX,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS_MAX,
  });
}

function admit(options: NetOptions, text: string, trust: AddressTrust): Admission {
  // The origin decides which ports are allowed, so the form is first read without asking about ports.
  const form = checkUrlForm(text, null);
  if (!form.ok) return form;
  const isOperators = trust.operatorOrigins.some((origin) => URL.parse(origin)?.origin === form.url.origin);
  if (!isOperators && !options.allowPrivate) {
    const strict = checkUrlForm(text, options.publicPorts ?? PUBLIC_PORTS);
    if (!strict.ok) return strict;
    const problem = checkHostname(form.url.hostname);
    if (problem !== null) return { ok: false, problem };
  }
  return { ok: true, url: form.url, isOperators };
}

const FORBIDDEN = { reason: 'address-forbidden', detail: 'The address may not be used.' } as const;

function checkHostname(hostname: string): UrlProblem {
  const literal = literalAddress(hostname);
  const isFine = literal === null ? !isLocalhostName(hostname) : isPublicAddress(literal);
  return isFine ? null : FORBIDDEN;
}

async function checkNames(clock: Clock, resolve: Resolve, hostname: string): Promise<UrlProblem> {
  if (literalAddress(hostname) !== null) return null;
  const ending = startEnding({ clock, totalMs: LOOKUP_MS });
  try {
    const found = await orEnd(resolve(hostname), ending.signal);
    return found.every(({ address }) => isPublicAddress(address)) ? null : FORBIDDEN;
  } catch {
    // Not known now is not wrong: the name may exist by the time it is used, and is checked again then.
    return null;
  } finally {
    ending.close();
  }
}
