import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { findBalance } from '../../server/src/credits/accounts.ts';
import { serverEngines } from '../support/server.ts';
import { addTeam, openStage, type Stage, type StageKey } from './stage.ts';

const CAR = { model: 'flux-1.1-pro', prompt: 'a silver car' };
const BOAT = { model: 'flux-1.1-pro', prompt: 'a white boat' };
/** Requests that arrive together; more than one group commit takes. */
const TOGETHER = 50;

interface Submitted {
  status: number;
  jobId: string | undefined;
  jobStatus: string | undefined;
  replayed: string | null;
}

for (const engine of serverEngines()) {
  describe(`Idempotency-Key on ${engine.name}`, { skip: engine.skip }, () => {
    let stage: Stage;
    before(async () => {
      stage = await openStage(engine);
    });
    after(() => stage?.close());

    const submit = async (owner: StageKey, key: string, body: object): Promise<Submitted> => {
      const response = await fetch(`${stage.server.url}/v2/images/generate`, {
        method: 'POST',
        headers: { 'x-api-key': owner.text, 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(body),
      });
      const { jobId, status } = (await response.json()) as { jobId?: string; status?: string };
      return {
        status: response.status,
        jobId,
        jobStatus: status,
        replayed: response.headers.get('idempotent-replayed'),
      };
    };
    const countJobs = async (owner: StageKey): Promise<number> => {
      const rows = await stage.store.database.query<{ id: string }>('SELECT id FROM jobs WHERE team_id = $1', [
        owner.teamId,
      ]);
      return rows.length;
    };
    const ended = (owner: StageKey, jobId: string | undefined): Promise<Response> =>
      fetch(`${stage.server.url}/v2/jobs/${jobId}?wait=60`, { headers: { 'x-api-key': owner.text } });

    it('answers the first job, as it stands now, to the same body however it is written', async () => {
      const owner = await addTeam(stage, 100);
      const first = await submit(owner, 'order-1', CAR);
      assert.deepEqual({ status: first.status, replayed: first.replayed }, { status: 202, replayed: null });
      await (await ended(owner, first.jobId)).text();
      const again = await submit(owner, 'order-1', { prompt: CAR.prompt, model: CAR.model });
      assert.deepEqual(again, { status: 202, jobId: first.jobId, jobStatus: 'COMPLETED', replayed: 'true' });
      assert.equal(await countJobs(owner), 1);
      const { availableMicro } = await findBalance(stage.store.database, owner.teamId, 'live');
      assert.equal(availableMicro, 95_000_000, 'one job was charged');
    });

    it('answers 409 to another body, to another path, and makes nothing', async () => {
      const owner = await addTeam(stage, 100);
      const first = await submit(owner, 'order-2', CAR);
      assert.equal((await submit(owner, 'order-2', BOAT)).status, 409);
      assert.equal((await submit(owner, 'order-2', { ...CAR, fluxParams: { seed: 1 } })).status, 409);
      assert.equal((await submit(owner, 'order-2', CAR)).jobId, first.jobId);
      assert.equal(await countJobs(owner), 1);
    });

    it(`makes one job of ${TOGETHER} requests that arrive at once`, async () => {
      const owner = await addTeam(stage, 1_000);
      const answers = await Promise.all(Array.from({ length: TOGETHER }, () => submit(owner, 'order-3', CAR)));
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
      assert.equal(new Set(answers.map(({ jobId }) => jobId)).size, 1);
      assert.equal(answers.filter(({ replayed }) => replayed === null).length, 1);
      assert.equal(await countJobs(owner), 1);
    });

    it(`makes one job of ${TOGETHER} requests with different bodies that arrive at once, and answers 409 to the rest`, async () => {
      const owner = await addTeam(stage, 1_000);
      const bodies = Array.from({ length: TOGETHER }, (_, number) => ({ ...CAR, prompt: `car ${number}` }));
      const answers = await Promise.all(bodies.map((body) => submit(owner, 'order-4', body)));
      const countOf = (wanted: number): number => answers.filter(({ status }) => status === wanted).length;
      assert.deepEqual([countOf(202), countOf(409)], [1, TOGETHER - 1]);
      assert.equal(await countJobs(owner), 1);
    });

    it('does not use the key up with a request that was refused', async () => {
      const owner = await addTeam(stage, 4);
      assert.equal((await submit(owner, 'order-5', { ...CAR, stray: 1 })).status, 400);
      assert.equal((await submit(owner, 'order-5', CAR)).status, 402);
      const rows = await stage.store.database.query('SELECT key FROM idempotency WHERE team_id = $1', [owner.teamId]);
      assert.deepEqual(rows, []);
      const rich = await addTeam(stage, 5);
      assert.equal((await submit(rich, 'order-5', { ...BOAT, stray: 1 })).status, 400);
      const made = await submit(rich, 'order-5', CAR);
      assert.deepEqual({ status: made.status, replayed: made.replayed }, { status: 202, replayed: null });
    });

    it('keeps the keys of teams apart', async () => {
      const [one, other] = [await addTeam(stage, 100), await addTeam(stage, 100)];
      const first = await submit(one, 'order-6', CAR);
      const second = await submit(other, 'order-6', BOAT);
      assert.deepEqual({ status: second.status, replayed: second.replayed }, { status: 202, replayed: null });
      assert.notEqual(first.jobId, second.jobId);
    });

    it('forgets a key after its day', async () => {
      const owner = await addTeam(stage, 100);
      const first = await submit(owner, 'order-7', CAR);
      const [row] = await stage.store.database.query<{ expires_at: number; created_at: number }>(
        'SELECT idempotency.expires_at, jobs.created_at FROM idempotency JOIN jobs ON jobs.id = job_id WHERE job_id = $1',
        [first.jobId ?? ''],
      );
      assert.equal((row?.expires_at ?? 0) - (row?.created_at ?? 0), 24 * 3_600_000);
      // The day passes.
      await stage.store.database.transaction((tx) =>
        tx.query('UPDATE idempotency SET expires_at = 1 WHERE job_id = $1', [first.jobId ?? '']),
      );
      const second = await submit(owner, 'order-7', BOAT);
      assert.equal(second.status, 202);
      assert.notEqual(second.jobId, first.jobId);
    });
  });
}
