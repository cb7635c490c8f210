import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import type { Database } from '../../server/src/database/database.ts';
import { EVENTS_PAGE } from '../../server/src/jobs/job-events.ts';
import { listJobs, modelsStatement, pageStatement, type JobQuery } from '../../server/src/jobs/list-jobs.ts';
import { JOB_STATES, type JobStatus } from '../../server/src/jobs/states.ts';
import { findTimeline, watchJob } from '../../server/src/jobs/watch-job.ts';
import type { JobCaller } from '../../server/src/jobs/world.ts';
import { engines, type Engine } from '../support/engines.ts';
import { openJobsKit, type JobsKit } from './jobs-world.ts';

const QUERY: JobQuery = {
  status: null,
  model: null,
  limit: 3,
  cursor: null,
  scope: 'user',
  search: null,
  includeModels: false,
};
const MODELS = ['m-1', 'm-2', null, 'm-none'] as const;
const SCOPES = ['user', 'team'] as const;

interface Made {
  id: string;
  user: string;
  mode: string;
  model: string;
  status: JobStatus;
  at: number;
}

const INSERT = `
INSERT INTO jobs (id, team_id, user_id, key_id, mode, operation, model, input_json, call_json, price_micro, charge_micro,
  status, progress, result_json, queue_rank, created_at, completed_at, deadline_at)
VALUES ($1, $2, $3, $4, $5, 'images/generate', $6, '{}', '{}', 1000, $7, $8, $9, $10, $11, $12, $13, 0)`;

/** Jobs of two users and two modes, in every status and of two models; several share an instant. */
async function fill(kit: JobsKit, caller: JobCaller): Promise<Made[]> {
  const made: Made[] = [];
  for (let index = 0; index < 160; index += 1) {
    made.push({
      id: kit.world.newId(),
      user: index % 3 === 0 ? 'somebody-else' : caller.userId,
      mode: index % 7 === 0 ? 'test' : 'live',
      // Safe: the remainder is a place in the list.
      status: JOB_STATES[(index * 3) % 5] ?? 'QUEUED',
      model: index % 4 === 0 ? 'm-1' : 'm-2',
      at: 1_000 + Math.floor(index / 2),
    });
  }
  await kit.database.transaction(async (tx) => {
    for (const [index, job] of made.entries()) {
      const hasEnded = !['QUEUED', 'PROCESSING'].includes(job.status);
      const isDone = job.status === 'COMPLETED';
      const { teamId, keyId } = caller;
      const ended = [isDone ? 100 : 0, isDone ? '{}' : null, index, job.at, hasEnded ? job.at : null];
      const charge = hasEnded && !isDone ? 0 : 1000;
      await tx.query(INSERT, [job.id, teamId, job.user, keyId, job.mode, job.model, charge, job.status, ...ended]);
    }
  });
  return made;
}

function expected(made: readonly Made[], caller: JobCaller, query: JobQuery): string[] {
  return made
    .filter((job) => job.mode === caller.mode && (query.scope === 'team' || job.user === caller.userId))
    .filter((job) => query.status === null || job.status === query.status)
    .filter((job) => query.model === null || job.model === query.model)
    .filter((job) => query.search === null || job.id === query.search)
    .toSorted((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
    .map((job) => job.id);
}

async function walk(kit: JobsKit, caller: JobCaller, query: JobQuery): Promise<string[]> {
  const ids: string[] = [];
  let cursor = query.cursor;
  for (let page = 0; page < 100; page += 1) {
    const answer = await listJobs(kit.world, caller, { ...query, cursor });
    ids.push(...answer.jobs.map((job) => job.id));
    cursor = answer.nextCursor;
    if (cursor === null) return ids;
    assert.equal(answer.jobs.length, query.limit, 'only the last page may be short');
  }
  throw new Error('the pages have no end');
}

function everyQuery(search: string | null): JobQuery[] {
  return SCOPES.flatMap((scope) =>
    [...JOB_STATES, null].flatMap((status) =>
      MODELS.map((model): JobQuery => ({ ...QUERY, scope, status, model, search })),
    ),
  );
}

async function openFilled(t: TestContext, engine: Engine): Promise<{ kit: JobsKit; caller: JobCaller; made: Made[] }> {
  const kit = await openJobsKit(t, engine);
  const [caller] = (await kit.addTeam()).callers;
  const [stranger] = (await kit.addTeam()).callers;
  const made = await fill(kit, caller);
  await fill(kit, stranger);
  return { kit, caller, made };
}

for (const engine of engines()) {
  describe(engine.name, { skip: engine.skip }, () => {
    test('every combination of filters gives each job that fits once, newest first, page by page', async (t) => {
      const { kit, caller, made } = await openFilled(t, engine);
      const some = made.find((job) => job.user === caller.userId && job.mode === 'live');
      const foreign = made.find((job) => job.user !== caller.userId && job.mode === 'live');
      assert.ok(some !== undefined && foreign !== undefined);
      for (const search of [null, some.id, foreign.id]) {
        for (const query of everyQuery(search)) {
          const ids = await walk(kit, caller, query);
          assert.deepEqual(ids, expected(made, caller, query), JSON.stringify(query));
        }
      }
    });

    test('the models are those of all jobs of the scope, ended and open, each once', async (t) => {
      const { kit, caller } = await openFilled(t, engine);
      const modelsOf = async (scope: 'user' | 'team'): Promise<string[] | null> =>
        (await listJobs(kit.world, caller, { ...QUERY, scope, includeModels: true })).models;
      assert.deepEqual(
        [await modelsOf('user'), await modelsOf('team')],
        [
          ['m-1', 'm-2'],
          ['m-1', 'm-2'],
        ],
      );
      const [other] = (await kit.addTeam()).callers;
      assert.deepEqual((await listJobs(kit.world, other, { ...QUERY, includeModels: true })).models, []);
      await kit.write(`UPDATE jobs SET model = 'm-open' WHERE team_id = $1 AND user_id = $2 AND status = 'QUEUED'`, [
        caller.teamId,
        'somebody-else',
      ]);
      assert.deepEqual(await modelsOf('user'), ['m-1', 'm-2']);
      assert.deepEqual(await modelsOf('team'), ['m-1', 'm-2', 'm-open']);
    });

    test('no step is lost of a timeline that is longer than a page, in the answer and in the stream', async (t) => {
      const { kit, caller, made } = await openFilled(t, engine);
      const job = made.find(
        ({ user, mode, status }) => user === caller.userId && mode === 'live' && status === 'FAILED',
      );
      const jobId = job?.id ?? '';
      const last = 2 * EVENTS_PAGE;
      await kit.database.transaction(async (tx) => {
        for (let sequence = 1; sequence <= last; sequence += 1)
          await tx.query(`INSERT INTO job_events VALUES ($1, $2, $3, 1, '{}')`, [
            jobId,
            sequence,
            sequence === last ? 'failed' : 'progress',
          ]);
      });
      const all = Array.from({ length: last }, (_, index) => index + 1);
      const timeline = await findTimeline(kit.world, caller, jobId);
      assert.deepEqual(
        timeline?.events.map((event) => event.sequence),
        all,
      );
      const messages = await watchJob(kit.world, caller, jobId, {
        afterSequence: 0,
        signal: new AbortController().signal,
      });
      const told: { type: string; id: number }[] = [];
      for await (const { type, id } of messages ?? []) told.push({ type, id });
      assert.deepEqual(
        told.filter((message) => message.type !== 'state').map((message) => message.id),
        all,
      );
      assert.deepEqual(told.at(-1), { type: 'state', id: last }, 'the end is told last, and once');
      assert.equal(told.length, last + 1);
    });
  });
}

/** What a plan of SQLite reads as a whole, and which indexes it uses. */
async function planOf(database: Database, sql: string): Promise<string[]> {
  const rows = await database.query<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, []);
  return rows.map((row) => row.detail);
}

/** Steps that read jobs in any other way than from a place in an index that fits. */
function scansOf(plan: readonly string[]): string[] {
  return plan.filter((step) => /\bjobs\b/.test(step) && !/^SEARCH jobs USING (COVERING )?INDEX /.test(step));
}

test('sqlite: no list of jobs reads more than the jobs it shows or the open ones', async (t) => {
  const [sqlite] = engines();
  assert.equal(sqlite?.name, 'sqlite');
  const kit = await openJobsKit(t, sqlite);
  const [caller] = (await kit.addTeam()).callers;
  const plans = new Map<string, string[]>();
  for (const query of [...everyQuery(null), ...everyQuery('some-id')]) {
    const { sql } = pageStatement(caller, query);
    plans.set(sql, await planOf(kit.database, sql));
  }
  for (const scope of SCOPES) {
    const { sql } = modelsStatement(caller, scope);
    plans.set(sql, await planOf(kit.database, sql));
  }
  assert.equal(plans.size, 13);
  for (const [sql, plan] of plans) {
    assert.deepEqual(scansOf(plan), [], sql);
    for (const step of plan) {
      // All jobs of a user or team lie behind these two: read in their order, and only to the end of the page.
      if (/jobs_by_(user|team)\b/.test(step)) assert.deepEqual(plan, [step], sql);
      const fits = step.match(/jobs_ended_of_\w+ \((.*)\)$/);
      if (fits !== null)
        assert.match(fits[1] ?? '', /status=\? AND \(created_at,id\)<|model>\?$|(mode|user_id)=\?$/, sql);
    }
  }
  const broad = await planOf(kit.database, 'SELECT id FROM jobs WHERE CAST($1 AS TEXT) IS NULL OR id = $1');
  assert.notDeepEqual(scansOf(broad), [], 'this check can fail');
});
