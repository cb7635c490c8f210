import { microCredits, microUsd } from '../../server/src/core/money.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { GatewayError } from '../../server/src/core/errors.ts';
import { receiveCallback } from '../../server/src/jobs/callback.ts';
import { cancelJob } from '../../server/src/jobs/cancel-job.ts';
import { claimJobs, CRASHES_MAX } from '../../server/src/jobs/claim.ts';
import { failHopeless, rescueOrphans } from '../../server/src/jobs/rescue.ts';
import { runJob } from '../../server/src/jobs/run-job.ts';
import { completeJob, failJob } from '../../server/src/jobs/settle.ts';
import { LeaseLost } from '../../server/src/jobs/world.ts';
import { engines } from '../support/engines.ts';
import { openJobsKit } from './jobs-world.ts';

for (const engine of engines()) {
  describe(`the end of jobs on ${engine.name}`, { skip: engine.skip }, () => {
    test('a job of a dead worker goes on with another one, without a second purchase', async (t) => {
      const kit = await openJobsKit(t, engine);
      const team = await kit.addTeam();
      const { jobId } = await kit.submit(team.callers[0]);
      const dead = await kit.startWorker();
      await kit.runUntil(
        async () => (await kit.database.query(`SELECT id FROM attempts WHERE state = 'ACCEPTED'`)).length === 1,
      );
      await kit.killWorker(dead.workerId);
      assert.deepEqual(await rescueOrphans(kit.world), [jobId]);
      await kit.startWorker();
      await kit.runToEnd();
      const job = await kit.job(jobId);
      assert.equal(job.status, 'COMPLETED');
      assert.equal(job.crashes, 1);
      assert.equal(kit.upstream.generations.length, 1);
      assert.deepEqual(await kit.audit(), []);
    });

    test('a job whose claim was committed without an answer is run all the same', async (t) => {
      const kit = await openJobsKit(t, engine);
      const { jobId } = await kit.submit((await kit.addTeam()).callers[0]);
      kit.lostCommits = 1;
      await kit.startWorker();
      await kit.runUntil(async () => (await kit.job(jobId)).status === 'COMPLETED', 30_000);
      assert.deepEqual(await kit.audit(), []);
    });

    test('a worker whose lease was taken away can neither complete nor fail the job', async (t) => {
      const kit = await openJobsKit(t, engine);
      await kit.submit((await kit.addTeam()).callers[0]);
      const [first, second] = [await kit.addWorker(), await kit.addWorker()];
      const [stale] = await claimJobs(kit.world, { workerId: first, limit: 1 });
      await kit.killWorker(first);
      await rescueOrphans(kit.world);
      const [held] = await claimJobs(kit.world, { workerId: second, limit: 1 });
      assert.ok(stale !== undefined && held !== undefined);
      const before = await kit.dump();
      const completion = {
        outputs: [],
        result: {},
        chargeMicro: microCredits(1),
        shortfalls: [],
        readyAt: 0,
        storedAt: 0,
        attempt: { id: '', number: 1, costMicroUsd: null },
      };
      for (const lease of [stale, { ...stale, workerId: second }, { ...held, workerId: first }]) {
        await assert.rejects(completeJob(kit.world, lease, completion), LeaseLost);
        await assert.rejects(failJob(kit.world, lease, { kind: 'unknown', text: 'late' }), LeaseLost);
      }
      assert.equal(await kit.dump(), before);
    });

    test('a worker that was declared dead claims nothing more', async (t) => {
      const kit = await openJobsKit(t, engine);
      const team = await kit.addTeam();
      const paused = await kit.addWorker();
      await kit.killWorker(paused);
      await kit.submit(team.callers[0]);
      assert.deepEqual(await claimJobs(kit.world, { workerId: paused, limit: 10 }), []);
      await rescueOrphans(kit.world);
      assert.deepEqual(await claimJobs(kit.world, { workerId: paused, limit: 10 }), []);
      const alive = await kit.addWorker();
      assert.equal((await claimJobs(kit.world, { workerId: alive, limit: 10 })).length, 1);
    });

    test(`a job that was running at ${CRASHES_MAX} crashes fails and is released, while others go on`, async (t) => {
      const kit = await openJobsKit(t, engine);
      const team = await kit.addTeam();
      const { jobId: poison } = await kit.submit(team.callers[0]);
      for (let crashes = 0; crashes < CRASHES_MAX; crashes += 1) {
        const workerId = await kit.addWorker();
        assert.equal((await claimJobs(kit.world, { workerId, limit: 1 })).length, 1);
        await kit.killWorker(workerId);
        await rescueOrphans(kit.world);
      }
      const { jobId: sound } = await kit.submit(team.callers[0]);
      const { dispatcher } = await kit.startWorker();
      await kit.runUntil(async () => (await kit.job(sound)).status === 'COMPLETED');
      assert.equal((await kit.job(poison)).status, 'PROCESSING', 'nobody may claim it a fourth time');
      assert.equal(dispatcher.running(), 0);
      // Two sweeps at once: one of them ends it, the other finds it ended.
      const counts = await Promise.all([failHopeless(kit.world), failHopeless(kit.world)]);
      assert.equal(counts[0] + counts[1], 1);
      const job = await kit.job(poison);
      assert.deepEqual([job.status, job.charge_micro], ['FAILED', 0]);
      assert.deepEqual(await kit.audit(), []);
    });

    test('a job past its deadline fails: while it waits by the sweep, while it runs by its runner', async (t) => {
      const kit = await openJobsKit(t, engine, { jobMs: 60_000 });
      const team = await kit.addTeam();
      kit.courses.push('never');
      const { jobId: running } = await kit.submit(team.callers[0]);
      await kit.startWorker();
      await kit.runUntil(async () => (await kit.job(running)).status === 'FAILED', 61_000);
      assert.equal((await kit.job(running)).failure_kind, 'timed_out');
      assert.equal(kit.upstream.generations[0]?.isCancelled, true, 'the provider was told');
      const idle = await openJobsKit(t, engine);
      const { jobId: waiting } = await idle.submit((await idle.addTeam()).callers[0]);
      await idle.write('UPDATE jobs SET deadline_at = 1 WHERE id = $1', [waiting]);
      assert.equal(await failHopeless(idle.world), 1);
      assert.deepEqual(
        [(await idle.job(waiting)).status, (await idle.job(waiting)).failure_kind],
        ['FAILED', 'timed_out'],
      );
      assert.deepEqual([...(await kit.audit()), ...(await idle.audit())], []);
    });

    test('a waiting job is cancelled at once, a running one by its runner, an ended one not at all', async (t) => {
      const kit = await openJobsKit(t, engine);
      const [caller] = (await kit.addTeam()).callers;
      const waiting = await kit.submit(caller);
      assert.equal((await cancelJob(kit.world, caller, waiting.jobId)).status, 'CANCELLED');
      kit.courses.push('never');
      const running = await kit.submit(caller);
      await kit.startWorker();
      await kit.runUntil(() => kit.upstream.generations.length === 1);
      assert.equal((await kit.runDuring(cancelJob(kit.world, caller, running.jobId))).status, 'CANCELLED');
      assert.equal(kit.upstream.generations[0]?.isCancelled, true, 'the provider was told');
      await assert.rejects(
        cancelJob(kit.world, caller, running.jobId),
        (error) => error instanceof GatewayError && error.code === 'job_already_final',
      );
      assert.deepEqual(await kit.audit(), []);
    });

    test('of a cancel and a completion at the same time exactly one wins', async (t) => {
      const kit = await openJobsKit(t, engine);
      const [caller] = (await kit.addTeam()).callers;
      const jobs = await Promise.all(Array.from({ length: 12 }, () => kit.submit(caller)));
      await kit.startWorker();
      await kit.runUntil(() => kit.upstream.generations.length === jobs.length);
      const told = await kit.runDuring(
        Promise.all(
          jobs.map(async ({ jobId }, index) => {
            // Cancels spread over the time in which the jobs complete.
            await kit.world.clock.sleep(240 + index);
            return cancelJob(kit.world, caller, jobId).then(
              (job) => job.status,
              () => 'too late',
            );
          }),
        ),
      );
      await kit.runToEnd();
      for (const [index, { jobId }] of jobs.entries()) {
        const { status } = await kit.job(jobId);
        assert.equal(status, told[index] === 'CANCELLED' ? 'CANCELLED' : 'COMPLETED');
      }
      assert.deepEqual(await kit.audit(), []);
    });

    test('an answer that comes after the end changes nothing', async (t) => {
      const kit = await openJobsKit(t, engine);
      const [caller] = (await kit.addTeam()).callers;
      const { jobId } = await kit.submit(caller);
      const slow = await kit.addWorker();
      const [lease] = await claimJobs(kit.world, { workerId: slow, limit: 1 });
      assert.ok(lease !== undefined);
      const run = runJob(kit.world, lease, new AbortController().signal);
      await kit.runUntil(() => kit.upstream.generations.length === 1);
      await kit.killWorker(slow);
      await rescueOrphans(kit.world);
      await kit.startWorker();
      await kit.runToEnd();
      const before = await kit.dump();
      await kit.runDuring(run);
      const [generation] = kit.upstream.generations;
      assert.ok(generation !== undefined);
      const late = {
        outputs: [],
        result: {},
        chargeMicro: microCredits(1),
        shortfalls: [],
        readyAt: 0,
        storedAt: 0,
        attempt: { id: generation.attemptId, number: 1, costMicroUsd: microUsd(1) },
      };
      await assert.rejects(completeJob(kit.world, lease, late), LeaseLost);
      const [, , provider = '', attemptId = '', token = ''] = new URL(generation.callbackUrl).pathname.split('/');
      const delivery = { headers: {}, body: JSON.stringify({ id: 'another-generation' }) };
      assert.equal(await receiveCallback(kit.world, { provider, attemptId, token, delivery }), 'accepted');
      assert.equal(await receiveCallback(kit.world, { provider, attemptId, token: `${token}x`, delivery }), 'unknown');
      assert.equal(await kit.dump(), before);
      assert.equal((await kit.job(jobId)).status, 'COMPLETED');
    });
  });
}
