import type { MicroUsd } from '../core/money.ts';
import type { FailureKind } from '../core/outcome.ts';
import type { Attempt } from './attempts.ts';
import type { RouteResult } from './route-health.ts';
import type { Run } from './run.ts';

/** Tells what a purchase has shown about its route. */
export function reportRoute(run: Run, attempt: Pick<Attempt, 'provider' | 'upstreamModel'>, result: RouteResult): void {
  if (result.state === 'failed' && isPlayed(run, attempt)) return;
  run.world.health.note(attempt, result);
}

/** The sandbox fails because a caller's magic word asked for it: that must not take it away from the others. */
function isPlayed(run: Run, { provider }: Pick<Attempt, 'provider'>): boolean {
  return run.world.catalog.providers.get(provider)?.sandbox === true;
}

/** Tells what an answer has shown about the key; failures that say nothing about it are left out. */
export function reportKey(
  run: Run,
  attempt: Pick<Attempt, 'provider' | 'providerKey'>,
  answer: { kind: 'ok' } | { kind: FailureKind; text: string; retryAfterMs: number | null },
): void {
  if (isPlayed(run, attempt)) return;
  const { keys } = run.world;
  const { providerKey } = attempt;
  if (answer.kind === 'ok') keys.report(providerKey, { kind: 'ok' });
  if (answer.kind === 'rate_limited')
    keys.report(providerKey, { kind: 'rate_limited', retryAfterMs: answer.retryAfterMs });
  if (answer.kind === 'unauthorized' || answer.kind === 'quota') {
    keys.report(providerKey, { kind: answer.kind, text: answer.text });
  }
}

/** Tells the log when a provider names a higher cost than the catalogue expects: a price list has changed. */
export function reportCost(run: Run, attempt: Attempt, costMicroUsd: MicroUsd | null): void {
  const { expectedCostMicroUsd: expected, provider, upstreamModel } = attempt;
  if (costMicroUsd === null || expected === null || costMicroUsd <= expected) return;
  const fields = { jobId: attempt.jobId, provider, upstreamModel, costMicroUsd, expectedMicroUsd: expected };
  run.world.log.warn('purchase.cost-above-expected', fields);
}
