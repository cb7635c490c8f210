import type { Agent } from 'undici';
import type { Clock } from '../core/clock.ts';
import type { AddressTrust, OutboundRequest, UrlProblem } from '../core/net-port.ts';
import { afterMs, type Ending } from './ending.ts';
import { sendOnce, type SendResult } from './send-once.ts';

/** Longest wait for an answer's headers where the caller names none. */
export const HEADERS_MS = 10_000;

/** What every exchange and download needs; made once by `createNet`. */
export interface NetWorld {
  clock: Clock;
  /** Checks the form of a URL and says whether the operator vouches for its origin. */
  admit(url: string, trust: AddressTrust): Admission;
  /** Sockets opened under one kind of trust are never used under the other. */
  agents: { operator: Agent; public: Agent };
}

export type Admission = { ok: true; url: URL; isOperators: boolean } | { ok: false; problem: NonNullable<UrlProblem> };

/** One request of a chain of redirects. */
export interface Hop {
  url: URL;
  /** True while every hop so far went to an origin that the operator named. */
  isOperators: boolean;
  method: OutboundRequest['method'];
  headers: Record<string, string>;
  /** Sent beside the headers until the chain leaves this origin. */
  secretHeaders?: Readonly<Record<string, string>>;
  body: string | Uint8Array | null;
}

export interface SendHopOptions {
  ending: Ending;
  headersMs: number;
  onSending?: (() => void) | undefined;
}

/** Sends one hop and waits for its headers at most `headersMs`. */
export async function sendHop(world: NetWorld, hop: Hop, options: SendHopOptions): Promise<SendResult> {
  let stopTimer = (): void => {};
  const onSending = (): void => {
    options.onSending?.();
    stopTimer = afterMs(world.clock, options.headersMs, () => options.ending.end('timeout'));
  };
  try {
    return await sendOnce({
      dispatcher: hop.isOperators ? world.agents.operator : world.agents.public,
      url: hop.url,
      method: hop.method,
      headers: { ...hop.headers, ...hop.secretHeaders },
      body: hop.body,
      signal: options.ending.signal,
      onSending,
    });
  } finally {
    stopTimer();
  }
}

/** The next hop, a problem with its URL, or null when the answer is no redirect. */
export function nextHop(
  world: NetWorld,
  hop: Hop,
  answer: { status: number; headers: Record<string, string> },
  trust: AddressTrust,
): Hop | { problem: NonNullable<UrlProblem> } | null {
  const location = answer.headers['location'];
  if (!REDIRECTS.has(answer.status) || location === undefined) return null;
  const target = URL.parse(location, hop.url.href);
  if (target === null) return { problem: { reason: 'url-invalid', detail: 'The redirect has no valid target.' } };
  target.hash = '';
  // Trust is only ever lost: a public host that redirects to the operator's own address is an attack.
  const admission = world.admit(target.href, hop.isOperators ? trust : { operatorOrigins: [] });
  if (!admission.ok) return { problem: admission.problem };
  const becomesGet = answer.status === 303 || (hop.method === 'POST' && answer.status < 303);
  return {
    url: admission.url,
    isOperators: admission.isOperators,
    method: becomesGet && hop.method !== 'HEAD' ? 'GET' : hop.method,
    headers: headersForHop(hop, admission.url, { withoutBody: becomesGet }),
    secretHeaders: admission.url.origin === hop.url.origin ? (hop.secretHeaders ?? {}) : {},
    body: becomesGet ? null : hop.body,
  };
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Headers that carry a secret of ours; they are for the origin they were made for alone. */
const CREDENTIAL_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization', 'x-api-key', 'x-key', 'api-key']);

function headersForHop(hop: Hop, to: URL, { withoutBody }: { withoutBody: boolean }): Record<string, string> {
  const isSameOrigin = to.origin === hop.url.origin;
  return Object.fromEntries(
    Object.entries(hop.headers).filter(([name]) => {
      const lower = name.toLowerCase();
      if (!isSameOrigin && CREDENTIAL_HEADERS.has(lower)) return false;
      return !(withoutBody && lower.startsWith('content-'));
    }),
  );
}
