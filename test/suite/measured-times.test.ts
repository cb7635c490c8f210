import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { loadCatalog } from '../../server/src/catalog/load-catalog.ts';
import { createMeasuredTimes, LAST_RUNS, type MeasuredTimes } from '../../server/src/jobs/measured-times.ts';
import { engines, type Engine } from '../support/engines.ts';
import { ROOT } from '../support/server.ts';
import { openJobsKit, type JobsKit } from './jobs-world.ts';

const catalog = loadCatalog(`${ROOT}/catalog`);

const INSERT = `
INSERT INTO jobs (id, team_id, user_id, key_id, mode, operation, model, input_json, call_json, price_micro, charge_micro,
  status, progress, result_json, queue_rank, created_at, started_at, completed_at, deadline_at, provider)
VALUES ($1, $2, 'u', 'k', $3, $4, $5, '{}', '{}', 1000, $6, $7, 100, '{}', 0, 0, $8, $9, 0, $10)`;

interface Past {
  model?: string;
  mode?: 'live' | 'test';
  operation?: string;
  status?: 'COMPLETED' | 'FAILED';
  provider?: string;
  at: number;
  ms: number;
}

async function add(kit: JobsKit, teamId: string, past: readonly Past[]): Promise<void> {
  await kit.database.transaction(async (tx) => {
    for (const { model = 'flux-1.1-pro', mode = 'live', status = 'COMPLETED', at, ms, ...rest } of past) {
      const { operation = 'images/generate', provider = 'bfl' } = rest;
      const charge = status === 'COMPLETED' ? 1_000 : 0;
      await tx.query(INSERT, [
        kit.world.newId(),
        teamId,
        mode,
        operation,
        model,
        charge,
        status,
        at,
        at + ms,
        provider,
      ]);
    }
  });
}

const refresh = (measured: MeasuredTimes): Promise<void> => measured.refresh(new AbortController().signal);

async function opened(
  t: Parameters<typeof openJobsKit>[0],
  engine: Engine,
): Promise<{ kit: JobsKit; teamId: string; measured: MeasuredTimes }> {
  const kit = await openJobsKit(t, engine);
  const [{ teamId }] = (await kit.addTeam()).callers;
  return { kit, teamId, measured: createMeasuredTimes({ database: kit.database, catalog }) };
}

for (const engine of engines()) {
  describe(`times of models on ${engine.name}`, { skip: engine.skip }, () => {
    test('are those of the last bought runs: middle, nineteen of twenty, and how many', async (t) => {
      const { kit, teamId, measured } = await opened(t, engine);
      const runs = Array.from({ length: 20 }, (_, index) => ({ at: index, ms: 1_000 * (index + 1) }));
      await add(kit, teamId, runs);
      assert.equal(measured.of('flux-1.1-pro'), null, 'nothing is read unasked');
      await refresh(measured);
      assert.deepEqual(measured.of('flux-1.1-pro'), { count: 20, p50: 10, p95: 19 });
      assert.equal(measured.of('flux-2-pro'), null);
    });

    test('know nothing of the sandbox, of test keys, of failures, and of what follows upon a job', async (t) => {
      const { kit, teamId, measured } = await opened(t, engine);
      const others: Partial<Past>[] = [
        { provider: 'sandbox' },
        { mode: 'test' },
        { status: 'FAILED' },
        { operation: 'images/midjourney/action' },
      ];
      for (const other of others)
        await add(
          kit,
          teamId,
          Array.from({ length: 10 }, (_, at) => ({ at, ms: 60_000, ...other })),
        );
      await refresh(measured);
      assert.equal(measured.of('flux-1.1-pro'), null);
      await add(
        kit,
        teamId,
        Array.from({ length: 4 }, (_, at) => ({ at, ms: 2_000 })),
      );
      await refresh(measured);
      assert.equal(measured.of('flux-1.1-pro'), null, 'four are too few');
      await add(kit, teamId, [{ at: 9, ms: 2_000 }]);
      await refresh(measured);
      assert.deepEqual(measured.of('flux-1.1-pro'), { count: 5, p50: 2, p95: 2 });
    });

    test('forget old runs, and change their version when they change and not otherwise', async (t) => {
      const { kit, teamId, measured } = await opened(t, engine);
      await add(
        kit,
        teamId,
        Array.from({ length: 200 }, (_, at) => ({ at, ms: 9_000 })),
      );
      await refresh(measured);
      const first = measured.version();
      await refresh(measured);
      assert.equal(measured.version(), first);
      await add(
        kit,
        teamId,
        Array.from({ length: 200 }, (_, index) => ({ at: 1_000_000 + index, ms: 3_000 })),
      );
      await refresh(measured);
      assert.deepEqual(measured.of('flux-1.1-pro'), { count: 200, p50: 3, p95: 3 });
      assert.notEqual(measured.version(), first);
    });
  });
}

test('sqlite: times of models are read from their place in an index, and nothing is sorted', async (t) => {
  const [sqlite] = engines();
  assert.ok(sqlite?.name === 'sqlite');
  const { kit } = await opened(t, sqlite);
  const rows = await kit.database.query<{ detail: string }>(`EXPLAIN QUERY PLAN ${LAST_RUNS}`, ['m', 'o']);
  assert.deepEqual(
    rows.map(({ detail }) => detail),
    ['SEARCH jobs USING INDEX jobs_measured (model=? AND operation=?)'],
  );
});
