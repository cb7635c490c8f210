import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { engines } from '../support/engines.ts';
import { openJobsKit, type JobsKit } from './jobs-world.ts';

for (const engine of engines()) {
  describe(`the queue on ${engine.name}`, { skip: engine.skip }, () => {
    test('1,000 waiting jobs of one team delay the single job of another by no more than the jobs in flight', async (t) => {
      const inFlightMax = 8;
      const kit = await openJobsKit(t, engine, { inFlightMax });
      const [crowd, single] = [await kit.addTeam(), await kit.addTeam()];
      // In lots: a thousand at once would wait too long for a connection to PostgreSQL.
      for (let lot = 0; lot < 40; lot += 1) {
        await Promise.all(Array.from({ length: 25 }, () => kit.submit(crowd.callers[0])));
      }
      await kit.startWorker();
      await kit.runUntil(() => kit.upstream.starts.length >= 20);
      const before = kit.upstream.starts.length;
      const { jobId } = await kit.submit(single.callers[0]);
      await kit.runUntil(async () => (await kit.job(jobId)).status === 'COMPLETED');
      const attempts = await attemptsByJob(kit);
      const place = kit.upstream.starts.findIndex((start) => start.attemptId === attempts.get(jobId));
      assert.ok(place - before <= inFlightMax, `${place - before} jobs of the other team were bought before it`);
    });

    test('limits per team, key and provider hold over two workers, and are used up', async (t) => {
      const kit = await openJobsKit(t, engine, { inFlightMax: 5 });
      const limited = await kit.addTeam({ concurrentMax: 3, keys: [2, null] });
      const other = await kit.addTeam();
      for (let count = 0; count < 8; count += 1) {
        for (const caller of [...limited.callers, ...other.callers]) await kit.submit(caller);
      }
      await Promise.all([kit.startWorker(), kit.startWorker()]);
      await kit.runToEnd();
      const jobs = await kit.database.query<{
        team_id: string;
        key_id: string;
        started_at: number;
        completed_at: number;
        status: string;
      }>('SELECT team_id, key_id, started_at, completed_at, status FROM jobs');
      assert.ok(jobs.every((job) => job.status === 'COMPLETED'));
      assert.equal(mostAtOnce(jobs), 5);
      assert.equal(mostAtOnce(jobs.filter((job) => job.team_id === limited.id)), 3);
      assert.equal(mostAtOnce(jobs.filter((job) => job.key_id === limited.callers[0].keyId)), 2);
      assert.deepEqual(await kit.audit(), []);
    });

    test('a job that moves on to another provider waits for a place there', async (t) => {
      const kit = await openJobsKit(t, engine, { inFlightMax: 2 });
      const team = await kit.addTeam();
      kit.durationMs = 30_000;
      // Two places at alpha are taken for half a minute; then a job comes that gamma turns away.
      await kit.submit(team.callers[0]);
      await kit.submit(team.callers[0]);
      await kit.startWorker();
      await kit.runUntil(() => kit.upstream.generations.length === 2);
      kit.startFaults.push('quota');
      const { jobId } = await kit.submit(team.callers[0], { model: 'sim-both' });
      await kit.runToEnd();
      const third = kit.upstream.generations[2];
      assert.equal((await kit.job(jobId)).status, 'COMPLETED');
      assert.equal((await kit.job(jobId))['provider'], 'alpha');
      assert.ok(
        third !== undefined && third.boughtAt >= (kit.upstream.generations[0]?.endsAt ?? Infinity),
        'it was bought while both places were taken',
      );
    });
  });
}

async function attemptsByJob(kit: JobsKit): Promise<Map<string, string>> {
  const rows = await kit.database.query<{ id: string; job_id: string }>('SELECT id, job_id FROM attempts');
  return new Map(rows.map((row) => [row.job_id, row.id]));
}

/** The most jobs that ran at one instant; one that ends makes room for one that starts in the same millisecond. */
function mostAtOnce(jobs: readonly { started_at: number; completed_at: number }[]): number {
  const steps = jobs.flatMap((job) => [
    { at: job.started_at, change: 1 },
    { at: job.completed_at, change: -1 },
  ]);
  let running = 0;
  let most = 0;
  for (const step of steps.toSorted((a, b) => a.at - b.at || a.change - b.change)) {
    running += step.change;
    most = Math.max(most, running);
  }
  return most;
}
