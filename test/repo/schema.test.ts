import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { describeSchema } from '../support/describe-schema.ts';
import { engines } from '../support/engines.ts';
import { readText } from './source-files.ts';

for (const engine of engines()) {
  describe(`the schema on ${engine.name}`, { skip: engine.skip }, () => {
    it('is the one on file, so that a change of a migration shows in its review', async () => {
      const store = await engine.open();
      try {
        const file = `server/src/database/schema.${engine.name}.sql`;
        assert.equal(await describeSchema(store.database), readText(file), 'run scripts/dump-schema.ts');
      } finally {
        await store.dispose();
      }
    });

    it('a new column, a new index and a dropped trigger are seen', async () => {
      const store = await engine.open();
      try {
        const before = await describeSchema(store.database);
        const dropTrigger = `DROP TRIGGER jobs_final_states_stay${engine.name === 'postgres' ? ' ON jobs' : ''}`;
        for (const change of [
          'ALTER TABLE meta ADD COLUMN extra TEXT',
          'CREATE INDEX extra ON meta (value)',
          dropTrigger,
        ]) {
          const last = await describeSchema(store.database);
          await store.database.transaction((tx) => tx.query(change));
          assert.notEqual(await describeSchema(store.database), last, change);
        }
        assert.notEqual(await describeSchema(store.database), before);
      } finally {
        await store.dispose();
      }
    });
  });
}
