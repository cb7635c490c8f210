import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { auditLedger, LEDGER_CHECKS, type LedgerCheck } from '../../server/src/credits/audit-ledger.ts';
import type { SqlValue } from '../../server/src/database/database.ts';
import { engines, type OpenStore } from '../support/engines.ts';
import { insertJobRow, openLedgerWorld, type LedgerWorld } from './ledger-world.ts';

/** Ways to damage a sound store past all its constraints, and the check that must notice each. */
const DAMAGES: readonly { check: LedgerCheck; what: string; damage: (world: LedgerWorld) => Promise<unknown> }[] = [
  {
    check: 'account-drift',
    what: 'credits that no transfer brought',
    damage: (world) => run(world, `UPDATE accounts SET posted = posted + 1 WHERE team_id = $1`, [world.teamId]),
  },
  {
    check: 'account-drift',
    what: 'a hold that the account forgot',
    damage: (world) => run(world, `UPDATE accounts SET held = 0, open_holds = 0 WHERE team_id = $1`, [world.teamId]),
  },
  {
    check: 'budget-drift',
    what: 'spending that a key forgot',
    damage: (world) => run(world, `UPDATE key_budgets SET held_micro = 0 WHERE key_id = $1`, [world.keys[0]]),
  },
  {
    check: 'budget-drift',
    what: 'a budget row that is gone',
    damage: (world) => run(world, `DELETE FROM key_budgets`),
  },
  {
    check: 'key-spending',
    what: 'a key that says it spent what its team did not',
    damage: (world) => run(world, `UPDATE key_budgets SET spent_micro = spent_micro + 5`),
  },
  {
    check: 'debits-and-credits',
    what: 'a transfer from test to live',
    damage: (world) => insertTransfer(world, { kind: 'grant', debit: 'test:promotion', credit: 'live:promotion' }),
  },
  {
    check: 'wrong-accounts',
    what: 'a grant between accounts that are not for it',
    damage: (world) => insertTransfer(world, { kind: 'grant', debit: 'live:promotion', credit: 'live:usage-income' }),
  },
  {
    check: 'settle-unlike-hold',
    what: 'a capture above its hold',
    damage: async (world) => {
      const [hold] = await world.database.query<{ id: string }>(
        `SELECT id FROM transfers WHERE kind = 'hold' ORDER BY id`,
      );
      await insertTransfer(world, {
        kind: 'capture',
        debit: 'live:usage-income',
        credit: 'live:promotion',
        holdId: String(hold?.id),
        amount: 999,
      });
    },
  },
  {
    check: 'hold-of-foreign-key',
    what: 'a hold in the name of a key of the other mode',
    damage: (world) => world.hold({ jobId: world.newId(), keyId: world.keys[2], amountMicro: 1 }),
  },
  {
    check: 'unsettled-hold-of-ended-job',
    what: 'an ended job that still holds credits',
    damage: async (world) => {
      const id = world.newId();
      await world.hold({ jobId: id, amountMicro: 10 });
      await insertJobRow(world, { id, status: 'FAILED', priceMicro: 10, chargeMicro: 0 });
    },
  },
  {
    check: 'ended-job-without-one-settle',
    what: 'a completed job that nobody paid for',
    damage: (world) => insertJobRow(world, { id: world.newId(), status: 'COMPLETED', priceMicro: 10, chargeMicro: 10 }),
  },
  {
    check: 'settle-against-status',
    what: 'a failed job that was paid for',
    damage: async (world) => {
      const id = world.newId();
      await world.hold({ jobId: id, amountMicro: 10 });
      await world.capture(id, 10);
      await insertJobRow(world, { id, status: 'FAILED', priceMicro: 10, chargeMicro: 0 });
    },
  },
  {
    check: 'settle-against-status',
    what: 'a completed job that was not paid for',
    damage: async (world) => {
      const id = world.newId();
      await world.hold({ jobId: id, amountMicro: 10 });
      await world.release(id);
      await insertJobRow(world, { id, status: 'COMPLETED', priceMicro: 10, chargeMicro: 10 });
    },
  },
  {
    check: 'capture-unlike-charge',
    what: 'a job that says another charge than was captured',
    damage: async (world) => {
      const id = world.newId();
      await world.hold({ jobId: id, amountMicro: 10 });
      await world.capture(id, 9);
      await insertJobRow(world, { id, status: 'COMPLETED', priceMicro: 10, chargeMicro: 10 });
    },
  },
  {
    check: 'open-job-without-hold',
    what: 'a waiting job without a hold',
    damage: (world) => insertJobRow(world, { id: world.newId(), status: 'QUEUED', priceMicro: 10, chargeMicro: 10 }),
  },
];

for (const engine of engines()) {
  describe(`ledger audit on ${engine.name}`, { skip: engine.skip }, () => {
    let store: OpenStore;
    let world: LedgerWorld;
    beforeEach(async () => {
      store = await engine.open();
      world = await openLedgerWorld(store.database);
      await playSoundHistory(world);
    });
    afterEach(() => store.dispose());

    it('a sound store has no findings', async () => {
      assert.deepEqual(await auditLedger(store.database), []);
    });

    for (const { check, what, damage } of DAMAGES) {
      it(`${what} is found as ${check}`, async () => {
        await damage(world);
        const found = (await auditLedger(store.database)).map((finding) => finding.check);
        assert.ok(found.includes(check), `found ${found.join(', ') || 'nothing'}`);
      });
    }
  });
}

describe('ledger audit', () => {
  it('has a damage for every check', () => {
    assert.deepEqual(new Set(DAMAGES.map(({ check }) => check)), new Set(Object.keys(LEDGER_CHECKS)));
  });
});

/** One job of each kind: waiting, completed and failed. */
async function playSoundHistory(world: LedgerWorld): Promise<void> {
  await world.grant({ amountMicro: 1_000 });
  const [waiting, completed, failed] = [world.newId(), world.newId(), world.newId()];
  for (const jobId of [waiting, completed, failed]) await world.hold({ jobId, amountMicro: 100 });
  await world.capture(completed, 80);
  await world.release(failed);
  await insertJobRow(world, { id: waiting, status: 'QUEUED', priceMicro: 100, chargeMicro: 100 });
  await insertJobRow(world, { id: completed, status: 'COMPLETED', priceMicro: 100, chargeMicro: 80 });
  await insertJobRow(world, { id: failed, status: 'FAILED', priceMicro: 100, chargeMicro: 0 });
}

async function run(world: LedgerWorld, sql: string, values: readonly SqlValue[] = []): Promise<void> {
  await world.database.transaction((tx) => tx.query(sql, values));
}

async function insertTransfer(
  world: LedgerWorld,
  transfer: { kind: string; debit: string; credit: string; holdId?: string; amount?: number },
): Promise<void> {
  await run(
    world,
    `INSERT INTO transfers (id, kind, hold_id, debit_account, credit_account, amount_micro, job_id, actor, reason, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, 'job', '', '', 0)`,
    [world.newId(), transfer.kind, transfer.holdId ?? null, transfer.debit, transfer.credit, transfer.amount ?? 1],
  );
}
