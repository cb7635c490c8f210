import type { Route } from '../catalog/model.ts';
import { FAILURE_KINDS, type FailureKind } from '../core/outcome.ts';
import type { Provider } from '../core/provider.ts';
import { AFTER_FAILURE, afterFailure, type NextStep } from './after-failure.ts';
import type { Attempt } from './attempts.ts';
import { findRoutes } from './call-plan.ts';
import type { Run } from './run.ts';

/** Purchases of one job, on all its routes together. */
const ATTEMPTS_MAX = 12;

/** The next route to try, or null when every route has had its tries. The one that the claim chose comes first. */
export function chooseRoute(run: Run, attempts: readonly Attempt[]): { route: Route; provider: Provider } | null {
  if (attempts.length >= ATTEMPTS_MAX) return null;
  const routes = findRoutes(run.world, run.job.model, run.job.mode);
  const ordered = [...routes].sort(
    (a, b) => Number(b.provider === run.job.provider) - Number(a.provider === run.job.provider),
  );
  for (const route of ordered) {
    const provider = run.world.providers.get(route.provider);
    if (provider !== undefined && stepOn(route, attempts) === 'retry') return { route, provider };
  }
  return null;
}

function stepOn(route: Route, attempts: readonly Attempt[]): NextStep {
  const tried = attempts.filter((attempt) => attempt.provider === route.provider);
  const last = tried.at(-1);
  return last === undefined ? 'retry' : verdictOn(last, tried.length, { retryAfterMs: null, jitter: 0 }).step;
}

/** What follows upon a closed attempt, the `tries`-th on its route. */
export function verdictOn(
  attempt: Attempt,
  tries: number,
  timing: { retryAfterMs: number | null; jitter: number },
): ReturnType<typeof afterFailure> {
  return afterFailure({ kind: kindOf(attempt), bought: attempt.acceptedAt !== null, tries, ...timing });
}

/** The kind under which the caller learns of the job's failure, with its text. */
export function failureOf(last: Attempt | undefined): { kind: FailureKind; text: string } {
  if (last === undefined)
    return { kind: 'unavailable', text: 'No provider on this gateway can serve this model at present' };
  const kind = kindOf(last);
  const detail = kind === 'input_rejected' && last.failureText !== null ? `: ${last.failureText}` : '';
  return { kind, text: AFTER_FAILURE[kind].text + detail };
}

function kindOf(attempt: Attempt): FailureKind {
  return FAILURE_KINDS.find((kind) => kind === attempt.failureKind) ?? 'unknown';
}
