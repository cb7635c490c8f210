import type { Readable } from 'node:stream';
import type { ExchangeResult, OutboundLimits, OutboundRequest, RefusedReason } from '../core/net-port.ts';
import { decodeBody } from './decode-body.ts';
import { startEnding, type Ending } from './ending.ts';
import { detailOf, lostReason, reasonOfProblem, refusedReason } from './failure-reason.ts';
import { HEADERS_MS, nextHop, sendHop, type Hop, type NetWorld } from './hop.ts';

type Answer = Extract<ExchangeResult, { kind: 'answer' }>;

/** Sends one request once, follows redirects where that is allowed, and reads the answer up to the limit. */
export async function exchange(
  world: NetWorld,
  request: OutboundRequest,
  limits: OutboundLimits,
): Promise<ExchangeResult> {
  const admission = world.admit(request.url, limits.trust);
  if (!admission.ok) return refused(reasonOfProblem(admission.problem));
  const ending = startEnding({ clock: world.clock, totalMs: limits.totalMs, signal: limits.signal });
  try {
    const first: Hop = {
      url: admission.url,
      isOperators: admission.isOperators,
      method: request.method,
      headers: withoutCompression(request.headers),
      body: request.body,
    };
    return await followHops(world, first, { limits, ending });
  } finally {
    ending.close();
  }
}

async function followHops(
  world: NetWorld,
  first: Hop,
  options: { limits: OutboundLimits; ending: Ending },
): Promise<ExchangeResult> {
  const { limits } = options;
  let hop = first;
  let redirect: Answer | null = null;
  for (let redirects = 0; ; redirects += 1) {
    const onSending = redirect === null ? limits.onSending : undefined;
    const result = await exchangeHop(world, hop, { ...options, onSending });
    // Hop one had its answer: a redirect that could not be followed is that answer, not "nothing was sent".
    if (result.kind === 'refused' && redirect !== null) return redirect;
    if (result.kind !== 'answer' || redirects >= limits.redirectsMax) return result;
    const next = nextHop(world, hop, result, limits.trust);
    if (next === null || 'problem' in next) return result;
    redirect = result;
    hop = next;
  }
}

async function exchangeHop(
  world: NetWorld,
  hop: Hop,
  { limits, ending, onSending }: { limits: OutboundLimits; ending: Ending; onSending: (() => void) | undefined },
): Promise<ExchangeResult> {
  const sent = await sendHop(world, hop, { ending, headersMs: limits.headersMs ?? HEADERS_MS, onSending });
  if (sent.kind === 'failed') {
    if (sent.sent) return lost(lostReason(sent.error));
    const reason = refusedReason(sent.error);
    if (reason === null) throw sent.error;
    return refused(reason);
  }
  try {
    const hasBody = hop.method !== 'HEAD' && sent.status !== 204 && sent.status !== 304;
    const coding = hasBody ? sent.headers['content-encoding'] : undefined;
    const body = await readUpTo(decodeBody(sent.body, coding), limits.bodyBytesMax);
    return { kind: 'answer', status: sent.status, headers: sent.headers, ...body };
  } catch (error) {
    // An answer that breaks off is no answer: it may have said anything.
    return lost(lostReason(error));
  }
}

async function readUpTo(body: Readable, bytesMax: number): Promise<{ body: Uint8Array; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    // Safe: both the answer's stream and the decoders give buffers.
    const bytes = chunk as Buffer;
    const room = bytesMax - sizeBytes;
    if (bytes.length > room) {
      chunks.push(bytes.subarray(0, room));
      return { body: Buffer.concat(chunks), truncated: true };
    }
    chunks.push(bytes);
    sizeBytes += bytes.length;
  }
  return { body: Buffer.concat(chunks), truncated: false };
}

function withoutCompression(headers: Record<string, string>): Record<string, string> {
  // Answers are small and files are compressed already; who compresses all the same is still understood.
  return Object.keys(headers).some((name) => name.toLowerCase() === 'accept-encoding')
    ? headers
    : { ...headers, 'accept-encoding': 'identity' };
}

function refused(reason: RefusedReason): ExchangeResult {
  return { kind: 'refused', reason, detail: detailOf(reason) };
}

function lost(reason: 'timeout' | 'reset' | 'aborted'): ExchangeResult {
  return { kind: 'lost', reason, detail: detailOf(reason) };
}
