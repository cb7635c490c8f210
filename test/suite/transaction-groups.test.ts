import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { engines } from '../support/engines.ts';

class AlreadyThere extends Error {}

const INSERT = `INSERT INTO meta (name, value) VALUES ($1, 'x') ON CONFLICT (name) DO NOTHING RETURNING name`;
const FIND = `SELECT name FROM meta WHERE name = $1`;

for (const engine of engines()) {
  describe(`transactions that run at once on ${engine.name}`, { skip: engine.skip }, () => {
    // Of two requests with one Idempotency-Key the second reads what the first has written, to answer with it.
    test('whoever fails on the row of another can read that row when it hears of its failure', async () => {
      const store = await engine.open();
      try {
        const outcomes = await Promise.all(
          Array.from({ length: 8 }, async (): Promise<string> => {
            try {
              await store.database.transaction(async (tx) => {
                if ((await tx.query(INSERT, ['the-row'])).length === 0) throw new AlreadyThere();
              });
              return 'inserted';
            } catch (error) {
              assert.ok(error instanceof AlreadyThere);
              return `found ${(await store.database.query(FIND, ['the-row'])).length}`;
            }
          }),
        );
        assert.equal(outcomes.filter((outcome) => outcome === 'inserted').length, 1);
        assert.equal(outcomes.filter((outcome) => outcome === 'found 1').length, 7);
      } finally {
        await store.dispose();
      }
    });
  });
}
