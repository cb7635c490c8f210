import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { GatewayError } from '../../server/src/core/errors.ts';
import { fromCredits } from '../../server/src/core/money.ts';
import { findJob } from '../../server/src/jobs/job-record.ts';
import { expireOutputs, forgetOldKeys } from '../../server/src/jobs/retention.ts';
import { simCatalog } from '../sim/sim-providers.ts';
import { engines } from '../support/engines.ts';
import { openJobsKit } from './jobs-world.ts';

const refusedAs = (code: string) => (error: unknown) => error instanceof GatewayError && error.code === code;

for (const engine of engines()) {
  describe(`what a submit promises on ${engine.name}`, { skip: engine.skip }, () => {
    test('a refusal for credits names both numbers and leaves every table as it was', async (t) => {
      const kit = await openJobsKit(t, engine);
      const [caller] = (await kit.addTeam({ credits: 9 })).callers;
      await kit.submit(caller);
      const before = await kit.dump();
      const refused = kit.submit(caller, { idempotency: { key: 'k', fingerprint: 'a' } });
      await assert.rejects(refused, (error) => {
        assert.ok(error instanceof GatewayError);
        assert.deepEqual([error.code, error.options.credits], ['credits_insufficient', { required: 5, available: 4 }]);
        return true;
      });
      assert.equal(await kit.dump(), before);
    });

    test('a full queue refuses with a time to wait and leaves every table as it was', async (t) => {
      const kit = await openJobsKit(t, engine, { queueMax: 2 });
      const [caller] = (await kit.addTeam()).callers;
      await kit.submit(caller);
      await kit.submit(caller);
      const before = await kit.dump();
      await assert.rejects(
        kit.submit(caller),
        (error) => refusedAs('queue_full')(error) && ((error as GatewayError).options.retryAfterSeconds ?? 0) > 0,
      );
      assert.equal(await kit.dump(), before);
    });

    test('a replayed key returns the first job, another body is refused, and after a day the key is new', async (t) => {
      const kit = await openJobsKit(t, engine);
      const [caller] = (await kit.addTeam()).callers;
      const idempotency = { key: 'k', fingerprint: 'a' };
      const both = await Promise.all([kit.submit(caller, { idempotency }), kit.submit(caller, { idempotency })]);
      const [first] = both;
      assert.equal(first.jobId, both[1].jobId);
      assert.equal(both.filter((answer) => answer.replayed).length, 1);
      await assert.rejects(
        kit.submit(caller, { idempotency: { key: 'k', fingerprint: 'b' } }),
        refusedAs('idempotency_key_reused'),
      );
      const stranger = (await kit.addTeam()).callers[0];
      assert.notEqual(
        (await kit.submit(stranger, { idempotency })).jobId,
        first.jobId,
        'the key of another team is another key',
      );
      await kit.startWorker();
      await kit.runToEnd();
      assert.deepEqual(await kit.submit(caller, { idempotency }), {
        jobId: first.jobId,
        status: 'COMPLETED',
        replayed: true,
      });
      const [row] = await kit.database.query<{ left_ms: number }>(
        'SELECT expires_at - created_at AS left_ms FROM idempotency JOIN jobs ON jobs.id = job_id WHERE job_id = $1',
        [first.jobId],
      );
      assert.equal(row?.left_ms, 24 * 3_600_000);
      await kit.write('UPDATE idempotency SET expires_at = $2 WHERE job_id = $1', [first.jobId, kit.world.clock.now()]);
      const second = await kit.submit(caller, { idempotency: { key: 'k', fingerprint: 'b' } });
      assert.notEqual(second.jobId, first.jobId);
      assert.equal(second.replayed, false);
      await forgetOldKeys(kit.world);
      assert.equal((await kit.submit(caller, { idempotency: { key: 'k', fingerprint: 'b' } })).jobId, second.jobId);
      assert.deepEqual(await kit.audit(), []);
    });

    test('the price of a job stays that of its submit when the catalogue’s price changes', async (t) => {
      const kit = await openJobsKit(t, engine);
      const [caller] = (await kit.addTeam()).callers;
      const { jobId } = await kit.submit(caller);
      // Safe to change: the world of this test is its own.
      Object.assign(kit.world, { catalog: simCatalog({ inFlightMax: 64, credits: 9 }) });
      const later = await kit.submit(caller);
      await kit.startWorker();
      await kit.runToEnd();
      assert.deepEqual(
        [(await kit.job(jobId)).charge_micro, (await kit.job(later.jobId)).charge_micro],
        [fromCredits(5), fromCredits(9)],
      );
      assert.deepEqual(await kit.audit(), []);
    });

    test('results are kept for their time; then the job says so and the file is gone', async (t) => {
      const kit = await openJobsKit(t, engine);
      const [caller] = (await kit.addTeam()).callers;
      const { jobId } = await kit.submit(caller);
      await kit.startWorker();
      await kit.runToEnd();
      assert.equal(await expireOutputs(kit.world), 0);
      assert.equal(kit.blobs.keys().length, 1);
      await kit.write('UPDATE outputs SET retain_until = $2 WHERE job_id = $1', [jobId, kit.world.clock.now()]);
      assert.equal(await expireOutputs(kit.world), 1);
      assert.equal(kit.blobs.keys().length, 0);
      const job = await findJob(kit.world, caller, jobId);
      assert.deepEqual([job?.status, job?.expired], ['COMPLETED', true]);
      assert.equal(await expireOutputs(kit.world), 0);
      assert.deepEqual(await kit.audit(), []);
    });

    test('another team’s job is not found', async (t) => {
      const kit = await openJobsKit(t, engine);
      const [owner, stranger] = [await kit.addTeam(), await kit.addTeam()];
      const { jobId } = await kit.submit(owner.callers[0]);
      assert.equal(await findJob(kit.world, stranger.callers[0], jobId), null);
      assert.equal((await findJob(kit.world, owner.callers[0], jobId.toUpperCase()))?.id, jobId);
    });
  });
}
