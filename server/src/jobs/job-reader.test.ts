import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Database, Row, Topic } from '../database/database.ts';
import { createJobReader } from './job-reader.ts';
import type { JobCaller, JobsWorld } from './world.ts';

const ID = '019aa000-0000-7000-8000-000000000001';
const owner: JobCaller = { teamId: 'a', userId: 'u', keyId: 'k', role: 'MEMBER', mode: 'live' };

/** A store of one job that counts its reads and can hold an answer back. */
function worldOfOneJob() {
  const row: Row = {
    id: ID,
    team_id: 'a',
    user_id: 'u',
    status: 'QUEUED',
    model: 'm',
    operation: 'images/generate',
    mode: 'live',
    progress: 0,
    result_json: null,
    error: null,
    charge_micro: 5_000_000,
    webhook_status: null,
    created_at: 1,
    completed_at: null,
    expired: 0,
    cancel_requested_at: null,
    input_json: '{}',
    provider: null,
  };
  const state = { reads: 0, nowMs: 0, gate: Promise.resolve(), listeners: [] as ((id: string) => void)[] };
  const database: Pick<Database, 'query' | 'subscribe'> = {
    query: async <R extends Row>() => {
      state.reads += 1;
      const answer = [{ ...row }];
      await state.gate;
      // Safe: the reader asks for these columns only.
      return answer as unknown as R[];
    },
    subscribe: (_topic: Topic, listener) => {
      state.listeners.push(listener);
      return () => {};
    },
  };
  const clock = { now: () => 0, monotonicMs: () => state.nowMs, sleep: async () => {} };
  // Safe: the reader uses nothing else of the world.
  const world = { database, clock, publicUrl: () => '' } as unknown as JobsWorld;
  const change = (status: string): void => {
    row['status'] = status;
    for (const listener of state.listeners) listener(ID);
  };
  return { reader: createJobReader(world), state, row, change };
}

test('a job that has not changed is read once within a second', async () => {
  const { reader, state } = worldOfOneJob();
  const first = await reader.find(owner, ID);
  assert.equal(await reader.find(owner, ID.toUpperCase()), first);
  assert.equal(state.reads, 1);
  state.nowMs = 1_000;
  await reader.find(owner, ID);
  assert.equal(state.reads, 2);
});

test('a change of this process shows at the next read', async () => {
  const { reader, change } = worldOfOneJob();
  assert.equal((await reader.find(owner, ID))?.status, 'QUEUED');
  change('PROCESSING');
  assert.equal((await reader.find(owner, ID))?.status, 'PROCESSING');
});

test('a read that a change overtook is neither kept nor shared', async () => {
  const { reader, state, change } = worldOfOneJob();
  const { promise, resolve } = Promise.withResolvers<void>();
  state.gate = promise;
  const early = reader.find(owner, ID);
  change('PROCESSING');
  const late = reader.find(owner, ID);
  resolve();
  assert.equal((await early)?.status, 'QUEUED');
  assert.equal((await late)?.status, 'PROCESSING');
  assert.equal((await reader.find(owner, ID))?.status, 'PROCESSING');
});

test('what is kept is shown to nobody else', async () => {
  const { reader, state } = worldOfOneJob();
  await reader.find(owner, ID);
  assert.equal(await reader.find({ ...owner, userId: 'other' }, ID), null);
  assert.equal(await reader.find({ ...owner, teamId: 'b', role: 'OWNER' }, ID), null);
  assert.equal(await reader.find({ ...owner, mode: 'test' }, ID), null);
  assert.notEqual(await reader.find({ ...owner, userId: 'other', role: 'ADMIN' }, ID), null);
  assert.equal(state.reads, 1);
});
