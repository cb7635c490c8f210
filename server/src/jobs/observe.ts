import type { Outcome } from '../core/outcome.ts';
import type { Provider, ProviderReference } from '../core/provider.ts';
import { insertDelivery } from '../webhooks/deliveries.ts';
import { webhookBody } from '../webhooks/events.ts';
import { assertLease, type Attempt } from './attempts.ts';
import { insertEvent } from './job-events.ts';
import { readAnswer } from './provider-answer.ts';
import type { Followed } from './look-pace.ts';
import { checkRun, isOverdue, isStopping, sleepRun, type Run } from './run.ts';

const POLL_TIMEOUT_MS = 20_000;
/** A provider whose every answer takes a minute is heard out, once it has been too slow for the usual limit. */
const POLL_TIMEOUT_MS_SLOW = 75_000;
/** Requests of one look: the status, and what it points to. */
const FOLLOWS_MAX = 2;

export type EndedOutcome = Exclude<Outcome, { state: 'pending' }>;

/** A generation under way. */
interface Observed {
  provider: Provider;
  attempt: Attempt;
  reference: ProviderReference;
}

/**
 * Looks at an accepted generation until it has ended. A poll that fails in any way is repeated: the work is
 * bought and going on. Null when the process stops. Throws what `checkRun` throws.
 */
export async function observe(run: Run, observed: Observed): Promise<EndedOutcome | null> {
  const { clock, looks } = run.world;
  const { attempt } = observed;
  // From now on the clock that never jumps; what went by before a restart is all that the row can tell.
  const nowMs = clock.monotonicMs();
  const since = (at: number): number => nowMs - Math.max(0, clock.now() - at);
  const ages = { boughtMs: since(attempt.intentAt), acceptedMs: since(attempt.acceptedAt ?? clock.now()) };
  const followed = looks.follow(attempt, nowMs - ages.boughtMs);
  const expected = run.world.media.expect();
  try {
    return await untilEnded(run, observed, { followed, ...ages });
  } finally {
    expected();
    followed.stop();
  }
}

async function untilEnded(
  run: Run,
  observed: Observed,
  { followed, boughtMs, acceptedMs }: { followed: Followed; boughtMs: number; acceptedMs: number },
): Promise<EndedOutcome | null> {
  const { clock } = run.world;
  let seen = 0;
  let timeoutMs = POLL_TIMEOUT_MS;
  for (;;) {
    const by = await untilLook(run, followed, boughtMs);
    if (isStopping(run)) return null;
    const { outcome, wasSlow } = await look(run, observed, { timeoutMs, ageMs: clock.monotonicMs() - acceptedMs });
    if (outcome.state !== 'pending') {
      followed.ended(by);
      return outcome;
    }
    if (outcome.progress !== null && outcome.progress > seen) {
      seen = outcome.progress;
      await recordProgress(run, observed.attempt, seen);
    }
    if (wasSlow) timeoutMs = POLL_TIMEOUT_MS_SLOW;
    followed.looked(clock.monotonicMs() - boughtMs);
  }
}

/** Sleeps until the next look is due, or a callback's hint calls for one at once. Throws what `checkRun` throws. */
async function untilLook(run: Run, followed: Followed, boughtMs: number): Promise<'callback' | 'look'> {
  const { clock } = run.world;
  for (;;) {
    const { waitMs, isLook } = followed.next(clock.monotonicMs() - boughtMs);
    const wasHinted = await sleepRun(run, waitMs);
    // The row is read before a look alone: thousands of generations that only wait would read theirs for nothing.
    if (!isLook && !wasHinted && !isStopping(run) && !isOverdue(run)) continue;
    await checkRun(run);
    return wasHinted ? 'callback' : 'look';
  }
}

const PENDING: Outcome = { state: 'pending', progress: null };

async function look(
  run: Run,
  { provider, attempt, reference }: Observed,
  at: { timeoutMs: number; ageMs: number },
): Promise<{ outcome: Outcome; wasSlow: boolean }> {
  const { world } = run;
  const baseUrl = world.upstream.baseUrl(provider.id);
  let request = provider.poll(reference, baseUrl);
  for (let hop = 0; hop <= FOLLOWS_MAX; hop += 1) {
    const options = { timeoutMs: at.timeoutMs, signal: run.signal, keyId: attempt.providerKey };
    const result = await world.upstream.exchange(provider.id, request, options);
    if (result.kind !== 'answer')
      return { outcome: PENDING, wasSlow: result.kind === 'lost' && result.reason === 'timeout' };
    const isTrouble = hop === 0 && (result.status >= 500 || result.status === 429);
    if (isTrouble || result.truncated) break;
    const polled = provider.polled(readAnswer(result), { reference, baseUrl, ageMs: at.ageMs });
    if (polled.state !== 'follow') return { outcome: polled, wasSlow: false };
    request = polled.request;
  }
  return { outcome: PENDING, wasSlow: false };
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
