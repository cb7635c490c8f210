import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { receiveCallback } from '../../server/src/jobs/callback.ts';
import type { StartFault } from '../sim/sim-upstream.ts';
import { engines } from '../support/engines.ts';
import { openJobsKit, type JobsKit } from './jobs-world.ts';

/** Answers that leave open whether the provider has acted, although it has. */
const LOST: readonly StartFault[] = ['reset-after', 'timeout-after', 'error-after', 'unreadable-after', 'cut-after'];

for (const engine of engines()) {
  describe(`a lost answer on ${engine.name}`, { skip: engine.skip }, () => {
    for (const fault of LOST) {
      test(`${fault}: a provider that deduplicates is asked again under the same id`, async (t) => {
        const kit = await openJobsKit(t, engine);
        const jobId = await submitOne(kit, 'sim-alpha', [fault]);
        assert.equal((await kit.job(jobId)).status, 'COMPLETED');
        assert.equal(kit.upstream.generations.length, 1);
        assert.deepEqual(new Set(kit.upstream.starts.map((start) => start.attemptId)).size, 1);
        assert.deepEqual(await kit.audit(), []);
      });

      test(`${fault}: a purchase that can be looked up is found and adopted`, async (t) => {
        const kit = await openJobsKit(t, engine);
        const jobId = await submitOne(kit, 'sim-beta', [fault]);
        assert.equal((await kit.job(jobId)).status, 'COMPLETED');
        assert.equal(kit.upstream.starts.length, 1);
      });

      test(`${fault}: where nothing can be asked the job fails, is released, and nothing is bought again`, async (t) => {
        // One of them waits until the purchase is written off; the others for a deadline, which is nearer.
        const kit = await openJobsKit(t, engine, fault === 'reset-after' ? {} : { jobMs: 60_000 });
        const jobId = await submitOne(kit, 'sim-gamma', [fault]);
        const job = await kit.job(jobId);
        assert.deepEqual([job.status, job.charge_micro], ['FAILED', 0]);
        assert.equal(kit.upstream.starts.length, 1);
        assert.deepEqual(await kit.audit(), []);
      });
    }

    test('a repeated request that is turned away for the moment does not free the way for a second purchase', async (t) => {
      const kit = await openJobsKit(t, engine);
      const jobId = await submitOne(kit, 'sim-alpha', [
        'reset-after',
        'rate-limited',
        'unavailable',
        'connection-refused',
        'unauthorized',
        'quota',
      ]);
      assert.equal((await kit.job(jobId)).status, 'COMPLETED');
      assert.equal(kit.upstream.generations.length, 1);
    });

    test('a purchase missing in the provider’s list is looked for before it is made again', async (t) => {
      const kit = await openJobsKit(t, engine);
      const jobId = await submitOne(kit, 'sim-beta', ['reset-before']);
      const [first, second] = kit.upstream.starts;
      assert.equal((await kit.job(jobId)).status, 'COMPLETED');
      assert.equal(kit.upstream.starts.length, 2);
      // A request takes up to 60 s, so an earlier look proves nothing.
      assert.ok((second?.at ?? 0) - (first?.at ?? 0) >= 60_000);
    });

    test('a callback tells which generation is ours', async (t) => {
      const kit = await openJobsKit(t, engine);
      kit.startFaults.push('timeout-after');
      const { jobId } = await kit.submit((await kit.addTeam()).callers[0], { model: 'sim-gamma' });
      await kit.startWorker();
      await kit.runUntil(() => kit.upstream.generations.length === 1);
      const [generation] = kit.upstream.generations;
      assert.ok(generation !== undefined);
      const [, , provider = '', attemptId = '', token = ''] = new URL(generation.callbackUrl).pathname.split('/');
      const delivery = { headers: {}, body: JSON.stringify({ id: generation.id }) };
      for (let times = 0; times < 3; times += 1) {
        assert.equal(await receiveCallback(kit.world, { provider, attemptId, token, delivery }), 'accepted');
      }
      await kit.runToEnd();
      assert.equal((await kit.job(jobId)).status, 'COMPLETED');
      assert.equal(kit.upstream.starts.length, 1);
      assert.deepEqual(await kit.audit(), []);
    });
  });
}

async function submitOne(kit: JobsKit, model: string, faults: readonly StartFault[]): Promise<string> {
  kit.startFaults.push(...faults);
  const { jobId } = await kit.submit((await kit.addTeam()).callers[0], { model });
  await kit.startWorker();
  await kit.runToEnd();
  return jobId;
}
