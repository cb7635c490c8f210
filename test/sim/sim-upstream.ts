import type { ExchangeResult } from '../../server/src/core/net-port.ts';
import type { FailureKind } from '../../server/src/core/outcome.ts';
import type { ProviderRequest } from '../../server/src/core/provider.ts';
import type { ExchangeOptions, Upstream, UpstreamOptions } from '../../server/src/core/upstream-port.ts';
import { fileOf, simDownload } from './sim-downloads.ts';
import type { Seen } from './outcomes.ts';
import { buys, REFUSALS, UNSENT, type Course, type LookFault, type StartFault } from './sim-faults.ts';
import { COST_MICRO_USD_DEARER, SIM_PROVIDERS, type SimAnswer, type SimProviderId } from './sim-providers.ts';
import type { TimerOwner, VirtualTime } from './virtual-time.ts';

export type { Course, StartFault } from './sim-faults.ts';

/** One purchase as the provider's own books have it. */
export interface Generation {
  id: string;
  provider: SimProviderId;
  attemptId: string;
  /** Empty where it was given none. */
  callbackUrl: string;
  course: Course;
  boughtAt: number;
  endsAt: number;
  visibleAt: number;
  /** The provider has said that it failed, so that buying elsewhere buys nothing twice. */
  toldFailed: boolean;
  toldCompleted: boolean;
  isCancelled: boolean;
  /** The gateway has asked about it by its id, so it surely has the id in its store. */
  isAskedFor: boolean;
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
  look(): LookFault;
  /** For how long a new generation is missing in the provider's list. */
  listLagMs(): number;
  /** How many other generations that look alike a look-up finds, up to LOOKALIKES_MAX; none when absent. */
  lookalikes?(): number;
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
  /** Hears of things that a history wants to have seen. */
  onSeen?: (what: Seen) => void;
}

const SLOW_MS = 20_000;
const SLOW_LOOK_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Each page of a list holds as many. */
const LOOKALIKES_MAX = 2;

/** Providers in memory that keep books of what was bought from them. */
export function createSimUpstream(options: SimUpstreamOptions): SimUpstream {
  const { time, script } = options;
  const generations: Generation[] = [];
  const starts: SimUpstream['starts'] = [];
  // The providers' machines are not ours: they are never paused and never die.
  const owner: TimerOwner = { state: 'running', skewMs: 0 };
  const clock = time.clockOf(owner);

  async function exchange(id: string, request: ProviderRequest, limits: ExchangeOptions): Promise<ExchangeResult> {
    limits.onSending?.();
    if (limits.signal.aborted) return { kind: 'refused', reason: 'aborted', detail: 'aborted' };
    await clock.sleep(script.latencyMs(), limits.signal);
    if (limits.signal.aborted) return { kind: 'lost', reason: 'aborted', detail: 'aborted' };
    const url = new URL(request.url);
    // Safe: the engine only knows the providers of SIM_PROVIDERS.
    const provider = id as SimProviderId;
    if (request.method === 'POST') return start(provider, request, limits);
    return lookUp(provider, { method: request.method, path: url.pathname, page: url.searchParams.get('page') }, limits);
  }

  async function start(
    provider: SimProviderId,
    request: ProviderRequest,
    limits: UpstreamOptions,
  ): Promise<ExchangeResult> {
    // Safe: simAdapter wrote this body.
    const body = JSON.parse(request.body ?? '') as { attempt: string; callback: string | null };
    const fault = faultFor(provider, body.attempt);
    starts.push({ provider, attemptId: body.attempt, fault, at: time.now() });
    const refusal = REFUSALS[fault];
    if (refusal !== undefined) {
      const error = { kind: refusal.kind, text: fault };
      return answer(refusal.status, { error }, retryHeaders(fault, refusal.retryAfter));
    }
    const unsent = UNSENT[fault];
    if (unsent !== undefined) return { kind: 'refused', reason: unsent, detail: fault };
    const order = { attemptId: body.attempt, callbackUrl: body.callback, fault };
    const generation = buys(fault) ? buy(provider, order) : null;
    if (fault.startsWith('reset-')) return { kind: 'lost', reason: 'reset', detail: fault };
    if (fault.startsWith('error-')) return answer(500, {});
    if (fault.startsWith('timeout-')) {
      await clock.sleep(limits.timeoutMs, limits.signal);
      return { kind: 'lost', reason: limits.signal.aborted ? 'aborted' : 'timeout', detail: fault };
    }
    if (generation === null) throw new Error(`the double does not know what ${fault} means`);
    return answerToBuyer(generation, fault, limits);
  }

  async function answerToBuyer(
    generation: Generation,
    fault: StartFault,
    limits: UpstreamOptions,
  ): Promise<ExchangeResult> {
    const odd = ODD_ANSWERS[fault];
    if (odd !== undefined) return odd;
    if (fault === 'same-id-after') return answer(200, { ...stateOf(generation), ...idOfAnother(generation) });
    if (fault === 'slow') await clock.sleep(SLOW_MS, limits.signal);
    if (SIM_PROVIDERS[generation.provider].isSynchronous) {
      const leftMs = generation.endsAt - time.now();
      await clock.sleep(Math.min(limits.timeoutMs, Math.max(0, leftMs)), limits.signal);
      if (leftMs > limits.timeoutMs) return { kind: 'lost', reason: 'timeout', detail: fault };
    }
    return limits.signal.aborted
      ? { kind: 'lost', reason: 'aborted', detail: fault }
      : answer(200, stateOf(generation));
  }

  /** A provider that has the request refuses it no more: it knows that it took it. */
  function faultFor(provider: SimProviderId, attemptId: string): StartFault {
    const fault = script.start(provider);
    const isKnown = knownOf(provider, attemptId) !== undefined;
    return isKnown && (fault === 'input-rejected' || fault === 'content-refused') ? 'accept' : fault;
  }

  function knownOf(provider: SimProviderId, attemptId: string): Generation | undefined {
    if (!SIM_PROVIDERS[provider].deduplicates) return undefined;
    return generations.find((other) => other.provider === provider && other.attemptId === attemptId);
  }

  function buy(
    provider: SimProviderId,
    order: { attemptId: string; callbackUrl: string | null; fault: StartFault },
  ): Generation {
    const known = knownOf(provider, order.attemptId);
    if (known !== undefined) return known;
    const generation: Generation = {
      id: `g${generations.length + 1}-${provider}`,
      provider,
      attemptId: order.attemptId,
      callbackUrl: order.callbackUrl ?? '',
      course: script.course(provider),
      boughtAt: time.now(),
      endsAt: time.now() + (order.fault === 'accept-done' ? 0 : script.durationMs()),
      visibleAt: time.now() + script.listLagMs(),
      toldFailed: false,
      toldCompleted: false,
      isCancelled: false,
      isAskedFor: false,
      downloads: 0,
      looks: 0,
    };
    generations.push(generation);
    options.onBought?.(generation);
    return generation;
  }

  /** Generations of others of which the gateway surely knows whose they are: only these can it tell apart. */
  function lookalikesOf(generation: Generation): Generation[] {
    return generations.filter((one) => one.provider === generation.provider && one !== generation && one.isAskedFor);
  }

  function idOfAnother(generation: Generation): { id?: string } {
    const other = lookalikesOf(generation).at(-1);
    if (other === undefined) return {};
    options.onSeen?.('one id for two jobs');
    return { id: other.id };
  }

  async function lookUp(
    provider: SimProviderId,
    request: { method: string; path: string; page: string | null },
    limits: UpstreamOptions,
  ): Promise<ExchangeResult> {
    const [, what, id = ''] = request.path.split('/');
    const trouble = await lookTrouble(limits);
    if (trouble !== null) return trouble;
    const isSearch = what === 'find';
    const found = generations.find(
      (one) => one.provider === provider && (isSearch ? one.attemptId === id : one.id === id),
    );
    if (found === undefined || (isSearch && time.now() < found.visibleAt)) return answer(404, {});
    if (isSearch) return answer(200, listWith(found, request));
    found.isAskedFor = true;
    if (request.method === 'DELETE') found.isCancelled = true;
    return answer(200, stateOf(found));
  }

  async function lookTrouble(limits: UpstreamOptions): Promise<ExchangeResult | null> {
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
      case 'slow':
        await clock.sleep(Math.min(SLOW_LOOK_MS, limits.timeoutMs), limits.signal);
        return limits.timeoutMs < SLOW_LOOK_MS ? { kind: 'lost', reason: 'timeout', detail: 'look slow' } : null;
      case 'answer':
        return null;
    }
  }

  /** The list in which a lost generation is looked for; others that look alike may stand before it, on a page of their own. */
  function listWith(found: Generation, request: { path: string; page: string | null }): SimAnswer {
    if (request.page !== null) return { ids: [found.id] };
    const count = script.lookalikes?.() ?? 0;
    const others = count === 0 ? [] : lookalikesOf(found).slice(-count);
    const ids = others.map((one) => one.id);
    if (ids.length === 0) return { ids: [found.id] };
    if (ids.length < LOOKALIKES_MAX) {
      options.onSeen?.('a look-up finds several candidates');
      return { ids: [...ids, found.id] };
    }
    options.onSeen?.('a look-up goes on to the next page');
    return { ids, nextPage: `${request.path}?page=2` };
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
    if (!isOver) return unfinished(generation, share);
    if (course === 'failed-after-success' && generation.toldCompleted) return fail('unknown');
    generation.toldCompleted = true;
    const cost = course === 'dearer' ? { costMicroUsd: COST_MICRO_USD_DEARER } : {};
    return { id, status: 'completed', outputs: outputsOf(generation), ...cost };
  }

  return {
    generations,
    starts,
    baseUrl: (provider) => `https://${provider}.invalid`,
    canReachUs: () => true,
    exchange,
    download: simDownload({ clock, script, generations }),
  };

  function retryHeaders(fault: StartFault, retryAfter: string | undefined): Record<string, string> {
    if (retryAfter !== undefined) return { 'retry-after': retryAfter };
    if (fault !== 'rate-limited-by-date') return {};
    // The provider's clock is an hour ahead of everybody's.
    const [now, until] = [time.now() + HOUR_MS, time.now() + HOUR_MS + 2_000];
    return { date: new Date(now).toUTCString(), 'retry-after': new Date(until).toUTCString() };
  }
}

function unfinished({ id, course, looks }: Generation, share: number): SimAnswer {
  const progress = Math.floor(share * 100);
  if (course === 'unknown-status' && looks % 3 === 0) return { id, status: 'dreaming' };
  const isFalling = course === 'progress-falls' && looks % 2 === 0;
  return { id, status: 'pending', progress: isFalling ? progress >> 1 : progress };
}

function outputsOf(generation: Generation): { url: string }[] {
  const { course, id, provider, looks } = generation;
  if (course === 'no-output') return [];
  const url = SIM_PROVIDERS[provider].isSynchronous
    ? `data:image/jpeg;base64,${fileOf(generation).toString('base64')}`
    : `https://${provider}.invalid/files/${id}?${generation.course === 'link-expires' ? linkNumber(looks) : '0'}`;
  return course === 'more-outputs' ? [{ url }, { url }, { url }] : [{ url }];
}

/** Links of odd looks have run out when they are used, those of even ones are good. */
function linkNumber(looks: number): string {
  return looks % 2 === 1 ? '1' : '2';
}

function answer(
  status: number,
  body: SimAnswer,
  headers: Record<string, string> = {},
): Extract<ExchangeResult, { kind: 'answer' }> {
  return { kind: 'answer', status, headers, body: Buffer.from(JSON.stringify(body)), truncated: false };
}

function unreadable(): Extract<ExchangeResult, { kind: 'answer' }> {
  return { kind: 'answer', status: 200, headers: {}, body: Buffer.from('<html>please wait</html>'), truncated: false };
}

/** Answers to requests that were taken, from which nobody can tell that they were. */
const ODD_ANSWERS: Partial<Record<StartFault, ExchangeResult>> = {
  'unreadable-after': unreadable(),
  'empty-after': { ...unreadable(), body: new Uint8Array() },
  'cut-after': { ...unreadable(), body: Buffer.from('{"id":"'), truncated: true },
  'wrong-shape-after': { ...unreadable(), body: Buffer.from('["surprise"]') },
  'null-id-after': answer(200, { id: null }),
};
