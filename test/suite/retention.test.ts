import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { isOutputBlob } from '../../server/src/files/outputs.ts';
import { expireUploads, isUploadBlob } from '../../server/src/files/uploads.ts';
import { expireOutputs, forgetOldKeys, sweepOrphanBlobs } from '../../server/src/jobs/retention.ts';
import { engines } from '../support/engines.ts';
import { openJobsKit, type JobsKit } from './jobs-world.ts';

const DAY_MS = 86_400_000;
/** More than two pages of a sweep. */
const MANY = 450;

async function put(kit: JobsKit, key: string): Promise<void> {
  const writer = await kit.blobs.create();
  await writer.write(Buffer.from('x'));
  await writer.commit(key);
}

const OUTPUT = `
INSERT INTO outputs (id, job_id, team_id, position, token, file_name, blob_key, content_type, size_bytes, sha256,
  created_at, retain_until)
VALUES ($1, $2, $3, $4, $1, 'a.png', $5, 'image/png', 1, '', 0, $6)`;
const UPLOAD = `
INSERT INTO uploads (id, team_id, user_id, token, file_name, blob_key, kind, content_type, size_bytes, sha256,
  created_at, expires_at)
VALUES ($1, $2, 'u', $1, 'a.png', $3, 'image', 'image/png', 1, '', 0, $4)`;

/** `count` stored results of one job and as many uploads, all with their rows. */
async function fill(kit: JobsKit, { count, until }: { count: number; until: number }): Promise<{ jobId: string }> {
  const [caller] = (await kit.addTeam()).callers;
  const { jobId } = await kit.submit(caller);
  for (let index = 1; index <= count; index += 1) {
    await put(kit, `outputs/${jobId}/1-${index}.png`);
    await put(kit, `uploads/${jobId}-${index}.png`);
  }
  await kit.database.transaction(async (tx) => {
    for (let index = 1; index <= count; index += 1) {
      const id = `${jobId}-${index}`;
      await tx.query(OUTPUT, [id, jobId, caller.teamId, index, `outputs/${jobId}/1-${index}.png`, until]);
      await tx.query(UPLOAD, [id, caller.teamId, `uploads/${id}.png`, until]);
    }
  });
  return { jobId };
}

/** The kit's world, a while later. */
function later(kit: JobsKit, ms: number): JobsKit['world'] {
  const { clock } = kit.world;
  return { ...kit.world, clock: { ...clock, now: () => clock.now() + ms } };
}

for (const engine of engines()) {
  describe(engine.name, { skip: engine.skip }, () => {
    test('one sweep deletes every result and upload whose time is over, however many', async (t) => {
      const kit = await openJobsKit(t, engine);
      const { jobId } = await fill(kit, { count: MANY, until: kit.world.clock.now() });
      await fill(kit, { count: 1, until: kit.world.clock.now() + DAY_MS });
      assert.equal(await expireOutputs(kit.world), MANY);
      assert.equal(await expireUploads(kit.world), MANY);
      assert.deepEqual(
        kit.blobs.keys().filter((key) => key.includes(jobId)),
        [],
      );
      assert.equal(kit.blobs.keys().length, 2, 'what is kept is kept');
      assert.equal((await kit.job(jobId)).expired, 1);
      const told = await kit.database.query(`SELECT at FROM job_events WHERE kind = 'expired'`);
      assert.equal(told.length, 1, 'the timeline says so once');
    });

    test('a sweep stops when it is told to, and the next one goes on', async (t) => {
      const kit = await openJobsKit(t, engine);
      await fill(kit, { count: 10, until: kit.world.clock.now() });
      const stopping = new AbortController();
      const blobs = {
        ...kit.blobs,
        delete: (key: string) => {
          if (key.endsWith('-3.png')) stopping.abort();
          return kit.blobs.delete(key);
        },
      };
      const world = { ...kit.world, blobs };
      const outputs = await expireOutputs(world, stopping.signal);
      assert.ok(outputs > 0 && outputs < 10, `${outputs}`);
      assert.deepEqual(
        [await expireUploads(world, stopping.signal), await sweepOrphanBlobs(world, stopping.signal)],
        [0, 0],
      );
      assert.equal(await expireOutputs(kit.world), 10 - outputs);
      assert.equal(await expireUploads(kit.world), 10);
    });

    test('files that no row knows are deleted after a day, wherever they stand among those that are known', async (t) => {
      const kit = await openJobsKit(t, engine);
      const { jobId } = await fill(kit, { count: MANY, until: kit.world.clock.now() + 30 * DAY_MS });
      const orphans = ['outputs/0/1-1.png', `outputs/${jobId}/9-1.png`, 'uploads/lost.png'];
      for (const key of orphans) await put(kit, key);
      await kit.write(`UPDATE outputs SET deleted_at = 1 WHERE position = 7`, []);
      orphans.push(`outputs/${jobId}/1-7.png`);
      const known = kit.blobs.keys().filter((key) => !orphans.includes(key));
      assert.equal(await sweepOrphanBlobs(later(kit, DAY_MS - 1)), 0, 'a young file may be about to get its row');
      assert.equal(await sweepOrphanBlobs(later(kit, DAY_MS + 60_000)), orphans.length);
      assert.deepEqual(kit.blobs.keys(), known);
      for (const key of known) {
        const isKnown = key.startsWith('outputs/') ? isOutputBlob : isUploadBlob;
        assert.equal(await isKnown(kit.database, key), true, key);
      }
    });

    test('every Idempotency-Key whose day is over is forgotten, and no other', async (t) => {
      const kit = await openJobsKit(t, engine);
      const [caller] = (await kit.addTeam()).callers;
      const { jobId } = await kit.submit(caller);
      const now = kit.world.clock.now();
      await kit.database.transaction(async (tx) => {
        for (let index = 0; index < MANY; index += 1)
          await tx.query('INSERT INTO idempotency VALUES ($1, $2, $3, $4, $5)', [
            caller.teamId,
            `key-${index}`,
            '',
            jobId,
            index === 0 ? now + DAY_MS : now,
          ]);
      });
      await forgetOldKeys(kit.world);
      const kept = await kit.database.query('SELECT key FROM idempotency');
      assert.deepEqual(
        kept.map((row) => row['key']),
        ['key-0'],
      );
    });
  });
}
