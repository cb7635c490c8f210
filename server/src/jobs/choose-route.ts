import type { Route } from '../catalog/model.ts';
import { hasDestination } from '../catalog/routes.ts';
import { FAILURE_KINDS, type FailureKind } from '../core/outcome.ts';
import type { ProviderKey } from '../core/provider-keys-port.ts';
import type { Provider } from '../core/provider.ts';
import { AFTER_FAILURE, afterFailure, type NextStep } from './after-failure.ts';
import type { Attempt } from './attempts.ts';
import { destinationsOf, routesOf } from './call-plan.ts';
import { isRefused } from './place.ts';
import { ownerOf, type Run } from './run.ts';

/** Purchases of one job, on all its routes together. */
const ATTEMPTS_MAX = 12;
/** A route whose keys wait for their limit is looked at again after this. */
const KEY_PAUSE_MS = 1_000;

/** Where the next purchase is to be made. */
export interface RouteChoice {
  route: Route;
  provider: Provider;
  key: ProviderKey;
}

/** What comes next: a purchase, a wait for a route that is not ready, or nothing, since every route has had its tries. */
export type NextRoute =
  | { state: 'buy'; choice: RouteChoice }
  | { state: 'wait'; waitMs: number }
  | { state: 'none'; because: FailureKind | null };

/**
 * The next route to try: the one with the fewest tries behind it comes first, then the job’s own order. A route that
 * must rest (its circuit is open, its keys wait for a limit) is passed over while another is ready.
 */
export function chooseRoute(run: Run, attempts: readonly Attempt[]): NextRoute {
  if (attempts.length >= ATTEMPTS_MAX) return { state: 'none', because: null };
  const { world, job } = run;
  const owner = ownerOf(job);
  const open = candidates(run, attempts);
  let waitMs: number | null = null;
  let isAnyRefused = false;
  for (const route of open) {
    const provider = world.providers.get(route.provider);
    if (provider === undefined) continue;
    if (isRefused(world, route.provider, owner)) {
      isAnyRefused = true;
      continue;
    }
    const restMs = Math.max(world.health.waitMs(route), run.restMs(route.provider));
    const [key] = preferred(freshKeys(run, route.provider, attempts), job.providerKey);
    if (restMs <= 0 && key !== undefined) {
      return { state: 'buy', choice: { route, provider, key } };
    }
    waitMs = Math.min(waitMs ?? Number.POSITIVE_INFINITY, restMs > 0 ? restMs : KEY_PAUSE_MS);
  }
  if (waitMs !== null) return { state: 'wait', waitMs };
  return { state: 'none', because: isAnyRefused ? 'unauthorized' : null };
}

function candidates(run: Run, attempts: readonly Attempt[]): Route[] {
  const { job } = run;
  const tries = (route: Route): number => triesOn(attempts, route.provider);
  const destinations = destinationsOf(run.world);
  const routes = routesOf(job.model, job.plan)
    .filter((route) => hasDestination(route, destinations))
    .filter((route) => stepOn(run, route, attempts) !== 'fail');
  return routes.toSorted((a, b) => tries(a) - tries(b) || claimedFirst(job.provider, a, b));
}

/** The claim has counted the job at one provider: equally good routes begin there. */
function claimedFirst(provider: string | null, a: Route, b: Route): number {
  return Number(b.provider === provider) - Number(a.provider === provider);
}

/** Failures of a key, which say nothing about the provider's other keys. */
const OF_THE_KEY: ReadonlySet<string | null> = new Set<FailureKind>(['quota', 'unauthorized']);

/** Keys that may be used now and have not been refused to this job before. */
function freshKeys(run: Run, provider: string, attempts: readonly Attempt[]): ProviderKey[] {
  const refused = new Set(
    attempts.filter((one) => OF_THE_KEY.has(one.failureKind)).map(({ providerKey }) => providerKey),
  );
  return run.world.keys.usable(provider, ownerOf(run.job)).filter(({ id }) => !refused.has(id));
}

/** Whether a key that was not refused to this job is there, or will be once its limit lets it. */
function hasOtherKey(run: Run, provider: string, attempts: readonly Attempt[]): boolean {
  const owner = ownerOf(run.job);
  const isWaiting = run.world.keys.usable(provider, owner).length === 0 && !isRefused(run.world, provider, owner);
  return isWaiting || freshKeys(run, provider, attempts).length > 0;
}

/** The key that the job is counted at comes first. */
function preferred(keys: readonly ProviderKey[], keyId: string | null): ProviderKey[] {
  return keys.toSorted((a, b) => Number(b.id === keyId) - Number(a.id === keyId));
}

/** 'retry' while the route has tries left, 'fail' otherwise. */
function stepOn(run: Run, route: Route, attempts: readonly Attempt[]): NextStep {
  const last = attempts.findLast((attempt) => attempt.provider === route.provider);
  if (last === undefined) return 'retry';
  if (last.failureKind === WRITTEN_OFF) return mayBuyOnceMore(run, attempts, route.provider) ? 'retry' : 'fail';
  if (OF_THE_KEY.has(last.failureKind)) return hasOtherKey(run, route.provider, attempts) ? 'retry' : 'fail';
  const verdict = verdictOn(run, last, { tries: triesOn(attempts, route.provider), retryAfterMs: null, jitter: 0 });
  return verdict.step === 'retry' ? 'retry' : 'fail';
}

/** Marks an attempt that was lost and never found. */
export const WRITTEN_OFF = 'written-off';

/**
 * Whether a job may buy anew although a purchase of it was lost for good: once, where the operator accepts that he may
 * pay twice, or where a generation costs him nothing.
 */
export function mayBuyOnceMore(run: Run, attempts: readonly Attempt[], provider: string): boolean {
  const isAccepted =
    run.world.settings.ambiguous === 'retry-once' || run.world.catalog.providers.get(provider)?.ownMachine === true;
  return isAccepted && attempts.filter((attempt) => attempt.failureKind === WRITTEN_OFF).length <= 1;
}

/** Tries so far at a provider. */
export function triesOn(attempts: readonly Attempt[], provider: string): number {
  return attempts.filter((attempt) => attempt.provider === provider).length;
}

/** What follows upon a closed attempt, the `tries`-th on its route. */
export function verdictOn(
  run: Run,
  attempt: Attempt,
  timing: { tries: number; retryAfterMs: number | null; jitter: number },
): ReturnType<typeof afterFailure> {
  return afterFailure({
    kind: kindOf(attempt),
    bought: attempt.acceptedAt !== null,
    contentRefused: run.world.settings.contentRefused,
    ...timing,
  });
}

/** The kind under which the caller learns of the job’s failure, with its text. */
export function failureOf(last: Attempt | undefined, because: FailureKind | null): { kind: FailureKind; text: string } {
  if (last === undefined)
    return because === null
      ? { kind: 'unavailable', text: 'No provider on this gateway can serve this model at present' }
      : { kind: because, text: AFTER_FAILURE[because].text };
  const kind = kindOf(last);
  const detail = kind === 'input_rejected' && last.failureText !== null ? `: ${last.failureText}` : '';
  return { kind, text: AFTER_FAILURE[kind].text + detail };
}

function kindOf(attempt: Attempt): FailureKind {
  return FAILURE_KINDS.find((kind) => kind === attempt.failureKind) ?? 'unknown';
}
