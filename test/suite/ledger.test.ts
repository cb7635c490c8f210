import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import fc from 'fast-check';

import { auditLedger } from '../../server/src/credits/audit-ledger.ts';
import { engines, type OpenStore } from '../support/engines.ts';
import { ledgerCommands, OUTCOMES, type Reached } from './ledger-commands.ts';
import { emptyModel } from './ledger-model.ts';
import { openLedgerWorld } from './ledger-world.ts';

/** Commands that one run of the suite plays at least, by engine; PostgreSQL has a round trip for each statement. */
const COMMANDS_MIN = { sqlite: 5_000, postgres: 1_000 };
/** Histories between two looks at the count. */
const HISTORIES_PER_ROUND = 5;
/** A round takes seconds; a failing one looks no longer than this for a shorter history that fails too. */
const ROUND_MS_MAX = 20_000;
/** Open holds of a team: few, so that the bound is met often. */
const OPEN_HOLDS_MAX = 5;

const firstSeed = Number(process.env['LUMEGATE_SEED'] ?? Math.trunc(Math.random() * 0x7fff_ffff));

for (const engine of engines()) {
  describe(`ledger histories on ${engine.name}`, { skip: engine.skip }, () => {
    let store: OpenStore;
    before(async () => {
      store = await engine.open();
    });
    after(() => store.dispose());

    it('any history of commands leaves the ledger as the model has it', async (context) => {
      const reached: Reached = { commands: 0, outcomes: new Map() };
      const history = fc.asyncProperty(ledgerCommands(reached), async (commands) => {
        const setup = async () => ({
          model: emptyModel(OPEN_HOLDS_MAX),
          real: await openLedgerWorld(store.database, { openHoldsMax: OPEN_HOLDS_MAX }),
        });
        await fc.asyncModelRun(setup, commands);
        assert.deepEqual(await auditLedger(store.database), []);
      });
      for (let seed = firstSeed; reached.commands < COMMANDS_MIN[engine.name]; seed += 1) {
        // The seed of the failing round plays that round first when it is handed in.
        const result = await fc.check(history, {
          seed,
          numRuns: HISTORIES_PER_ROUND,
          interruptAfterTimeLimit: ROUND_MS_MAX,
        });
        if (!result.failed) continue;
        const told = `replay with LUMEGATE_SEED=${seed}\n${fc.defaultReportMessage(result) ?? ''}`;
        throw new Error(told, { cause: result.errorInstance });
      }
      context.diagnostic(`${reached.commands} commands, LUMEGATE_SEED=${firstSeed}`);
      context.diagnostic([...reached.outcomes].map(([name, count]) => `${name} ${count}`).join(', '));
      for (const name of OUTCOMES) assert.ok(reached.outcomes.has(name), `no command ended as "${name}"`);
    });
  });
}
