import type { ExchangeResult } from '../../server/src/core/net-port.ts';
import type { FailureKind } from '../../server/src/core/outcome.ts';
import type { ProviderRequest } from '../../server/src/core/provider.ts';
import type { Upstream, UpstreamOptions } from '../../server/src/core/upstream-port.ts';
import { simPicture } from './memory-media.ts';
import { SIM_PROVIDERS, type SimAnswer, type SimProviderId } from './sim-providers.ts';
import type { TimerOwner, VirtualTime } from './virtual-time.ts';

/** What the provider makes of one start request. */
export const START_FAULTS = [
  'accept',
  'accept-done',
  'slow',
  'reset-before',
  'reset-after',
  'timeout-before',
  'timeout-after',
  'rate-limited',
  'rate-limited-for-ages',
  'input-rejected',
  'content-refused',
  'quota',
  'unauthorized',
  'retired',
  'unavailable',
  'error-after',
  'error-before',
  'connection-refused',
  'unreadable-after',
  'cut-after',
] as const;
export type StartFault = (typeof START_FAULTS)[number];

/** How a generation goes on once it was bought. */
export const COURSES = [
  'plain',
  'never',
  'refused-late',
  'overloaded-late',
  'progress-falls',
  'failed-after-success',
  'no-output',
  'cut-file',
  'empty-file',
  'wrong-type',
  'file-missing',
  'download-reset-once',
  'download-hangs',
] as const;
export type Course = (typeof COURSES)[number];

/** One purchase as the provider's own books have it. */
export interface Generation {
  id: string;
  provider: SimProviderId;
  attemptId: string;
  callbackUrl: string;
  course: Course;
  boughtAt: number;
  endsAt: number;
  visibleAt: number;
  /** The provider has said that it failed, so that buying elsewhere buys nothing twice. */
  toldFailed: boolean;
  toldCompleted: boolean;
  isCancelled: boolean;
  downloads: number;
  looks: number;
}

/** Chooses what happens; a history takes it from its seed, a test from its script. */
export interface Script {
  start(provider: SimProviderId): StartFault;
  course(provider: SimProviderId): Course;
  durationMs(): number;
  latencyMs(): number;
  /** For polls, look-ups and cancels. */
  look(): 'answer' | 'error' | 'rate-limited' | 'lost' | 'refused' | 'unreadable';
  /** For how long a new generation is missing in the provider's list. */
  listLagMs(): number;
}

export interface SimUpstream extends Upstream {
  generations: Generation[];
  /** Start requests in the order of their arrival, those that bought nothing included. */
  starts: { provider: SimProviderId; attemptId: string; fault: StartFault; at: number }[];
}

export interface SimUpstreamOptions {
  time: VirtualTime;
  script: Script;
  /** Hears of each purchase at the instant in which the provider makes it. */
  onBought?: (generation: Generation) => void;
}

const REFUSALS: Partial<Record<StartFault, { status: number; kind: FailureKind; retryAfter?: string }>> = {
  'rate-limited': { status: 429, kind: 'rate_limited', retryAfter: '2' },
  'rate-limited-for-ages': { status: 429, kind: 'rate_limited', retryAfter: '1000000000' },
  'input-rejected': { status: 422, kind: 'input_rejected' },
  'content-refused': { status: 400, kind: 'content_refused' },
  quota: { status: 402, kind: 'quota' },
  unauthorized: { status: 401, kind: 'unauthorized' },
  retired: { status: 410, kind: 'retired' },
  unavailable: { status: 503, kind: 'unavailable' },
};

/** Faults in which the provider acts, whatever the gateway learns of it. */
const ACTS = new Set<StartFault>([
  'accept',
  'accept-done',
  'slow',
  'reset-after',
  'timeout-after',
  'error-after',
  'unreadable-after',
  'cut-after',
]);
const SLOW_MS = 20_000;

/** Three providers in memory that keep books of what was bought from them. */
export function createSimUpstream(options: SimUpstreamOptions): SimUpstream {
  const { time, script } = options;
  const generations: Generation[] = [];
  const starts: SimUpstream['starts'] = [];
  const providers = new Set<string>(Object.keys(SIM_PROVIDERS));
  // The providers' machines are not ours: they are never paused and never die.
  const owner: TimerOwner = { state: 'running', skewMs: 0 };
  const clock = time.clockOf(owner);

  async function exchange(id: string, request: ProviderRequest, limits: UpstreamOptions): Promise<ExchangeResult> {
    limits.onSending?.();
    await clock.sleep(script.latencyMs(), limits.signal);
    if (limits.signal.aborted) return { kind: 'lost', reason: 'aborted', detail: 'aborted' };
    const path = new URL(request.url).pathname;
    // Safe: the engine only knows the providers of SIM_PROVIDERS.
    const provider = id as SimProviderId;
    if (request.method === 'POST') return start(provider, request, limits);
    return lookUp(provider, { method: request.method, path }, limits);
  }

  async function start(
    provider: SimProviderId,
    request: ProviderRequest,
    limits: UpstreamOptions,
  ): Promise<ExchangeResult> {
    // Safe: simAdapter wrote this body.
    const body = JSON.parse(request.body ?? '') as { attempt: string; callback: string };
    const fault = script.start(provider);
    starts.push({ provider, attemptId: body.attempt, fault, at: time.now() });
    const refusal = REFUSALS[fault];
    if (refusal !== undefined) {
      const headers: Record<string, string> =
        refusal.retryAfter === undefined ? {} : { 'retry-after': refusal.retryAfter };
      return answer(refusal.status, { error: { kind: refusal.kind, text: fault } }, headers);
    }
    if (fault === 'connection-refused') return { kind: 'refused', reason: 'connection-refused', detail: fault };
    const generation = ACTS.has(fault)
      ? buy(provider, { attemptId: body.attempt, callbackUrl: body.callback, fault })
      : null;
    if (fault.startsWith('reset-')) return { kind: 'lost', reason: 'reset', detail: fault };
    if (fault.startsWith('error-')) return answer(500, {});
    if (fault.startsWith('timeout-')) {
      await clock.sleep(limits.timeoutMs, limits.signal);
      return { kind: 'lost', reason: limits.signal.aborted ? 'aborted' : 'timeout', detail: fault };
    }
    if (fault === 'unreadable-after') return unreadable();
    if (fault === 'cut-after') return { ...answer(200, {}), body: Buffer.from('{"id":"'), truncated: true };
    if (fault === 'slow') await clock.sleep(SLOW_MS, limits.signal);
    if (generation === null) throw new Error(`the double does not know what ${fault} means`);
    return answer(200, stateOf(generation));
  }

  function buy(
    provider: SimProviderId,
    order: { attemptId: string; callbackUrl: string; fault: StartFault },
  ): Generation {
    const known = generations.find((other) => other.provider === provider && other.attemptId === order.attemptId);
    if (known !== undefined && SIM_PROVIDERS[provider].deduplicates) return known;
    const generation: Generation = {
      id: `g${generations.length + 1}-${provider}`,
      provider,
      attemptId: order.attemptId,
      callbackUrl: order.callbackUrl,
      course: script.course(provider),
      boughtAt: time.now(),
      endsAt: time.now() + (order.fault === 'accept-done' ? 0 : script.durationMs()),
      visibleAt: time.now() + script.listLagMs(),
      toldFailed: false,
      toldCompleted: false,
      isCancelled: false,
      downloads: 0,
      looks: 0,
    };
    generations.push(generation);
    options.onBought?.(generation);
    return generation;
  }

  async function lookUp(
    provider: SimProviderId,
    request: { method: string; path: string },
    limits: UpstreamOptions,
  ): Promise<ExchangeResult> {
    switch (script.look()) {
      case 'error':
        return answer(500, {});
      case 'rate-limited':
        return answer(429, {}, { 'retry-after': '1' });
      case 'lost':
        await clock.sleep(limits.timeoutMs, limits.signal);
        return { kind: 'lost', reason: 'timeout', detail: 'look lost' };
      case 'refused':
        return { kind: 'refused', reason: 'connection-refused', detail: 'look refused' };
      case 'unreadable':
        return unreadable();
      case 'answer':
    }
    const [, what, id] = request.path.split('/');
    const found = generations.find(
      (generation) =>
        generation.provider === provider && (what === 'find' ? generation.attemptId === id : generation.id === id),
    );
    if (found === undefined || (what === 'find' && time.now() < found.visibleAt)) return answer(404, {});
    if (request.method === 'DELETE') found.isCancelled = true;
    return answer(200, what === 'find' ? { id: found.id } : stateOf(found));
  }

  function stateOf(generation: Generation): SimAnswer {
    const { id, course } = generation;
    generation.looks += 1;
    const share = (time.now() - generation.boughtAt) / Math.max(1, generation.endsAt - generation.boughtAt);
    const isOver = time.now() >= generation.endsAt;
    const fail = (kind: FailureKind): SimAnswer => {
      generation.toldFailed = true;
      return { id, status: 'failed', error: { kind, text: course } };
    };
    if (generation.isCancelled && !generation.toldCompleted) return fail('unknown');
    if (course === 'never') return { id, status: 'pending', progress: Math.min(90, Math.floor(share * 30)) };
    if (course === 'refused-late' && share > 0.9) return fail('content_refused');
    if (course === 'overloaded-late' && share > 0.5) return fail('unavailable');
    if (!isOver) {
      const progress = Math.floor(share * 100);
      return {
        id,
        status: 'pending',
        progress: course === 'progress-falls' && generation.looks % 2 === 0 ? progress >> 1 : progress,
      };
    }
    if (course === 'failed-after-success' && generation.toldCompleted) return fail('unknown');
    generation.toldCompleted = true;
    const outputs = course === 'no-output' ? [] : [{ url: `https://${generation.provider}.invalid/files/${id}` }];
    return { id, status: 'completed', outputs };
  }

  const download: Upstream['download'] = async (_provider, url, sink, limits) => {
    await clock.sleep(script.latencyMs(), limits.signal);
    const generation = generations.find((candidate) => url.endsWith(`/${candidate.id}`));
    const failure = (reason: 'status' | 'reset' | 'timeout' | 'aborted', status: number | null = null) =>
      ({ kind: 'failed', reason, status, detail: reason }) as const;
    if (generation === undefined || generation.course === 'file-missing') return failure('status', 404);
    generation.downloads += 1;
    const whole = generation.course === 'wrong-type' ? Buffer.from('<html>') : simPicture('jpg', generation.id, 1);
    if (generation.course === 'download-hangs') {
      await clock.sleep(limits.timeoutMs, limits.signal);
      return failure(limits.signal.aborted ? 'aborted' : 'timeout');
    }
    const isCut =
      generation.course === 'cut-file' || (generation.course === 'download-reset-once' && generation.downloads === 1);
    const bytes = generation.course === 'empty-file' ? Buffer.alloc(0) : whole.subarray(0, isCut ? 10 : whole.length);
    await sink(bytes.subarray(0, 5));
    await clock.sleep(script.latencyMs(), limits.signal);
    if (limits.signal.aborted) return failure('aborted');
    await sink(bytes.subarray(5));
    if (generation.course === 'download-reset-once' && isCut) return failure('reset');
    return { kind: 'done', sizeBytes: bytes.length, headers: {}, finalUrl: url };
  };

  return {
    generations,
    starts,
    baseUrl: (provider) => `https://${provider}.invalid`,
    ready: () => providers,
    exchange,
    download,
  };
}

function answer(
  status: number,
  body: SimAnswer,
  headers: Record<string, string> = {},
): Extract<ExchangeResult, { kind: 'answer' }> {
  return { kind: 'answer', status, headers, body: Buffer.from(JSON.stringify(body)), truncated: false };
}

function unreadable(): ExchangeResult {
  return { kind: 'answer', status: 200, headers: {}, body: Buffer.from('<html>please wait</html>'), truncated: false };
}
