import { listAttempts } from './attempts.ts';
import type { Run } from './run.ts';

/** A provider gets this long to hear that its work is no longer wanted. */
const CANCEL_MS_MAX = 5_000;

/** Tells the provider, where it can be told, that the open purchase is no longer wanted. Best effort. */
export async function cancelUpstream(run: Run): Promise<void> {
  const { world, job } = run;
  const open = (await listAttempts(world.database, job.id)).findLast((attempt) => attempt.state === 'ACCEPTED');
  if (open?.reference == null) return;
  const request =
    world.providers.get(open.provider)?.cancel?.(open.reference, world.upstream.baseUrl(open.provider)) ?? null;
  if (request === null) return;
  const result = await world.upstream.exchange(open.provider, request, {
    timeoutMs: CANCEL_MS_MAX,
    signal: run.signal,
    keyId: open.providerKey,
  });
  const status = result.kind === 'answer' ? result.status : null;
  world.log.info('purchase.cancelled', { jobId: job.id, provider: open.provider, result: result.kind, status });
}
