import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { patientStore } from '../../server/src/loops/patient-store.ts';
import { engines } from '../support/engines.ts';

/** More than the pool has connections. */
const RUNS = 24;

for (const engine of engines().filter(({ name }) => name === 'postgres')) {
  describe(`the runs of a process on ${engine.name}`, { skip: engine.skip }, () => {
    test('leave connections to everybody else, however many of them there are, and all have their turn', async () => {
      const store = await engine.open();
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      try {
        const runs = patientStore(store.database).database;
        const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
        const ended = Promise.all(
          Array.from({ length: RUNS }, async (_, run) =>
            runs.transaction(async (tx) => {
              begin();
              const rows = await tx.query('SELECT CAST($1 AS INTEGER) AS run', [run]);
              await released;
              return rows[0]?.['run'];
            }),
          ),
        );
        await begun;
        assert.deepEqual(await store.database.query('SELECT 1 AS one'), [{ one: 1 }]);
        release();
        assert.deepEqual(
          await ended,
          Array.from({ length: RUNS }, (_, run) => run),
        );
      } finally {
        release();
        await store.dispose();
      }
    });
  });
}
