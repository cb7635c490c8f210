import type { Outcome } from '../core/outcome.ts';
import type { Provider, ProviderReference } from '../core/provider.ts';
import { insertDelivery } from '../webhooks/deliveries.ts';
import { webhookBody } from '../webhooks/events.ts';
import { assertLease, type Attempt } from './attempts.ts';
import { insertEvent } from './job-events.ts';
import { readAnswer } from './provider-answer.ts';
import { isStopping, pauseRun, type Run } from './run.ts';

/** Pause before the second look; the first one comes after this too, since no model answers at once. */
const POLL_MS_FIRST = 250;
const POLL_FACTOR = 1.4;
const POLL_MS_MAX = 3_000;
const POLL_TIMEOUT_MS = 20_000;

export type EndedOutcome = Exclude<Outcome, { state: 'pending' }>;

/**
 * Looks at an accepted generation until it has ended. A poll that fails in any way is repeated: the work is
 * bought and going on. Null when the process stops. Throws what `checkRun` throws.
 */
export async function observe(
  run: Run,
  purchase: { provider: Provider; attempt: Attempt; reference: ProviderReference },
): Promise<EndedOutcome | null> {
  let pauseMs = POLL_MS_FIRST;
  let seen = 0;
  for (;;) {
    await pauseRun(run, pauseMs);
    if (isStopping(run)) return null;
    const outcome = await look(run, purchase);
    if (outcome.state !== 'pending') return outcome;
    if (outcome.progress !== null && outcome.progress > seen) {
      seen = outcome.progress;
      await recordProgress(run, purchase.attempt, seen);
    }
    pauseMs = Math.min(POLL_MS_MAX, pauseMs * POLL_FACTOR);
  }
}

const PENDING: Outcome = { state: 'pending', progress: null };

async function look(run: Run, purchase: { provider: Provider; reference: ProviderReference }): Promise<Outcome> {
  const { world } = run;
  const { provider, reference } = purchase;
  const request = provider.poll(reference, world.upstream.baseUrl(provider.id));
  const result = await world.upstream.exchange(provider.id, request, {
    timeoutMs: POLL_TIMEOUT_MS,
    signal: run.signal,
  });
  if (result.kind !== 'answer' || result.status >= 500 || result.status === 429 || result.truncated) return PENDING;
  return provider.polled(readAnswer(result));
}

const PROGRESS = `
UPDATE jobs SET progress = $4, crashes = 0 WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3 AND progress < $4 RETURNING id`;

async function recordProgress(run: Run, attempt: Attempt, progress: number): Promise<void> {
  const { world, lease, job } = run;
  // 100 is said by completion alone: until everything is stored here the job is not done.
  const percent = Math.max(0, Math.min(99, Math.round(progress)));
  await world.database.transaction(async (tx) => {
    await assertLease(tx, lease);
    const rows = await tx.query(PROGRESS, [lease.jobId, lease.workerId, lease.epoch, percent]);
    if (rows.length === 0) return;
    const at = world.clock.now();
    await insertEvent(tx, {
      jobId: lease.jobId,
      kind: 'progress',
      at,
      data: { attempt: attempt.number, progress: percent },
    });
    if (job.webhook?.events.includes('progress') !== true) return;
    const facts = { id: job.id, model: job.model.id, status: 'PROCESSING' as const, progress: percent };
    await insertDelivery(tx, {
      id: world.newId(),
      teamId: job.teamId,
      jobId: job.id,
      keyId: job.keyId,
      event: 'progress',
      url: job.webhook.url,
      body: webhookBody('progress', { ...facts, result: null, error: null, creditCost: 0, completedAt: null }),
      now: at,
    });
  });
  world.database.notify('job', lease.jobId);
  world.database.notify('delivery', '');
}
