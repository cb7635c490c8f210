import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { fromCredits, microCredits } from '../../server/src/core/money.ts';
import { GatewayError } from '../../server/src/core/errors.ts';
import { testBalanceMicro } from '../../server/src/credits/accounts.ts';
import { auditLedger } from '../../server/src/credits/audit-ledger.ts';
import { clearKeyBudget, findKeyBudget, setKeyBudget } from '../../server/src/credits/budgets.ts';
import { resumeSpending, stopSpending } from '../../server/src/credits/stop-spending.ts';
import { engines, type OpenStore } from '../support/engines.ts';
import { openLedgerWorld, type LedgerWorld } from './ledger-world.ts';

/** The boundary table of amounts: none of them may ever move. */
const IMPOSSIBLE_AMOUNTS: readonly unknown[] = [
  -1,
  0,
  -0,
  0.1,
  1.5,
  2 ** 53,
  2 ** 63 - 1,
  9_000_000_000_000_001,
  Number.NaN,
  Infinity,
  -Infinity,
  '1e3',
  '5',
  5n,
  null,
  undefined,
  [5],
  true,
  {},
];

for (const engine of engines()) {
  describe(`ledger rules on ${engine.name}`, { skip: engine.skip }, () => {
    let store: OpenStore;
    let world: LedgerWorld;
    before(async () => {
      store = await engine.open();
    });
    beforeEach(async () => {
      world = await openLedgerWorld(store.database);
    });
    after(async () => {
      assert.deepEqual(await auditLedger(store.database), []);
      await store.dispose();
    });

    it('of 200 concurrent holds on credit for 50, exactly 50 win', async () => {
      await world.grant({ amountMicro: 500 });
      const results = await Promise.all(
        Array.from({ length: 200 }, () => world.hold({ jobId: world.newId(), amountMicro: 10 })),
      );
      const won = results.filter((result) => result !== 'duplicate' && result.ok);
      assert.equal(won.length, 50);
      assert.deepEqual(await world.balance(), { postedMicro: 500, heldMicro: 500, availableMicro: 0, openHolds: 50 });
    });

    it('of 4 concurrent settles of one hold, exactly one wins', async () => {
      for (let round = 0; round < 10; round += 1) {
        await world.grant({ amountMicro: 100 });
        const jobId = world.newId();
        await world.hold({ jobId, amountMicro: 100 });
        const settles = [
          world.capture(jobId, 100),
          world.release(jobId),
          world.capture(jobId, 100),
          world.release(jobId),
        ];
        const results = await Promise.all(settles);
        assert.equal(results.filter((result) => result.settled).length, 1);
      }
      assert.equal((await world.balance()).openHolds, 0);
    });

    it('of two concurrent holds for one job, exactly one wins', async () => {
      await world.grant({ amountMicro: 100 });
      const jobId = world.newId();
      const results = await Promise.all([
        world.hold({ jobId, amountMicro: 10 }),
        world.hold({ jobId, amountMicro: 10 }),
      ]);
      assert.equal(results.filter((result) => result === 'duplicate').length, 1);
      assert.equal((await world.balance()).heldMicro, 10);
    });

    it('a capture takes what the job cost and returns the rest, and repeating any settle changes nothing', async () => {
      await world.grant({ amountMicro: 100 });
      const jobId = world.newId();
      await world.hold({ jobId, amountMicro: 60 });
      assert.deepEqual(await world.capture(jobId, 25), { settled: true });
      assert.deepEqual(await world.capture(jobId, 25), { settled: false });
      assert.deepEqual(await world.release(jobId), { settled: false });
      assert.deepEqual(await world.balance(), { postedMicro: 75, heldMicro: 0, availableMicro: 75, openHolds: 0 });
    });

    it('a capture above the hold, and a settle without a hold, throw and change nothing', async () => {
      await world.grant({ amountMicro: 100 });
      const jobId = world.newId();
      await world.hold({ jobId, amountMicro: 60 });
      await assert.rejects(world.capture(jobId, 61), RangeError);
      await assert.rejects(world.release(world.newId()), /has no hold/);
      assert.deepEqual(await world.balance(), { postedMicro: 100, heldMicro: 60, availableMicro: 40, openHolds: 1 });
    });

    it('no impossible amount moves, by any of the functions', async () => {
      await world.grant({ amountMicro: 1_000 });
      const jobId = world.newId();
      await world.hold({ jobId, amountMicro: 10 });
      const untouched = await world.balance();
      for (const impossible of IMPOSSIBLE_AMOUNTS) {
        // Safe: that nothing but a safe integer gets through is what is tested.
        const amountMicro = impossible as number;
        await assert.rejects(world.hold({ jobId: world.newId(), amountMicro }), `hold ${String(impossible)}`);
        await assert.rejects(world.capture(jobId, amountMicro), `capture ${String(impossible)}`);
        if (impossible !== -1) await assert.rejects(world.grant({ amountMicro }), `grant ${String(impossible)}`);
      }
      assert.deepEqual(await world.balance(), untouched);
    });

    it('the table itself refuses amounts out of bounds', async () => {
      for (const amount of [-1, 0, 9_000_000_000_000_001]) {
        const insert = store.database.transaction((tx) =>
          tx.query(
            `INSERT INTO transfers (id, kind, debit_account, credit_account, amount_micro, actor, reason, created_at)
             VALUES ($1, 'grant', 'live:promotion', 'live:adjustment', $2, '', '', 0)`,
            [world.newId(), amount],
          ),
        );
        await assert.rejects(insert, String(amount));
      }
    });

    it('the largest balance is reached and not passed', async () => {
      await world.grant({ amountMicro: 9_000_000_000_000_000 });
      await assert.rejects(world.grant({ amountMicro: 1 }), RangeError);
      const jobId = world.newId();
      await world.hold({ jobId, amountMicro: 9_000_000_000_000_000 });
      await world.capture(jobId, 9_000_000_000_000_000);
      assert.equal((await world.balance()).postedMicro, 0);
    });

    it('a transfer is never changed and never deleted', async () => {
      await world.grant({ amountMicro: 100 });
      for (const sql of [`UPDATE transfers SET amount_micro = amount_micro + 1`, `DELETE FROM transfers`]) {
        await assert.rejects(
          store.database.transaction((tx) => tx.query(sql)),
          /only ever added/,
        );
      }
    });

    it('a reference grants once, also when its grants arrive at once, and a repeated one is told', async () => {
      const externalRef = world.newId();
      const results = await Promise.all(Array.from({ length: 8 }, () => world.grant({ amountMicro: 70, externalRef })));
      assert.equal(results.filter((result) => result.ok && result.granted).length, 1);
      assert.equal((await world.balance()).postedMicro, 70);
    });

    it('a reference that several teams use at once grants to one of them, and no balance moves without its transfer', async () => {
      const externalRef = world.newId();
      const worlds = await Promise.all(Array.from({ length: 8 }, () => openLedgerWorld(store.database)));
      await Promise.all(worlds.map((each) => each.grant({ amountMicro: 70, externalRef })));
      const balances = await Promise.all(worlds.map((each) => each.balance()));
      assert.deepEqual(
        balances.map(({ postedMicro }) => postedMicro).sort((a, b) => a - b),
        [0, 0, 0, 0, 0, 0, 0, 70],
      );
    });

    it('credits are taken back as far as they are not held', async () => {
      await world.grant({ amountMicro: 100 });
      await world.hold({ jobId: world.newId(), amountMicro: 60 });
      assert.deepEqual(await world.grant({ amountMicro: -41 }), {
        ok: false,
        reason: 'insufficient',
        availableMicro: 40,
      });
      assert.deepEqual(await world.grant({ amountMicro: -40 }), { ok: true, granted: true });
      assert.deepEqual(await world.balance(), { postedMicro: 60, heldMicro: 60, availableMicro: 0, openHolds: 1 });
    });

    it('a refused hold tells both numbers and leaves nothing behind', async () => {
      await world.grant({ amountMicro: 30 });
      const jobId = world.newId();
      assert.deepEqual(await world.hold({ jobId, amountMicro: 31 }), {
        ok: false,
        reason: 'insufficient',
        requiredMicro: 31,
        availableMicro: 30,
      });
      assert.deepEqual(await store.database.query(`SELECT id FROM transfers WHERE job_id = $1`, [jobId]), []);
      assert.deepEqual(await findKeyBudget(store.database, world.keys[0]), {
        capMicro: null,
        spentMicro: 0,
        heldMicro: 0,
      });
    });

    it('a team with as many open holds as it may have is told that its queue is full', async () => {
      const narrow = await openLedgerWorld(store.database, { openHoldsMax: 2 });
      await narrow.grant({ amountMicro: 100 });
      const jobs = [narrow.newId(), narrow.newId(), narrow.newId()] as const;
      await narrow.hold({ jobId: jobs[0], amountMicro: 10 });
      await narrow.hold({ jobId: jobs[1], amountMicro: 10 });
      const refused = { ok: false, reason: 'queue-full', requiredMicro: 10, availableMicro: 80 };
      assert.deepEqual(await narrow.hold({ jobId: jobs[2], amountMicro: 10 }), refused);
      await narrow.release(jobs[0]);
      const again = await narrow.hold({ jobId: jobs[2], amountMicro: 10 });
      assert.ok(again !== 'duplicate' && again.ok);
    });

    it('a key never exceeds its budget, also by concurrent holds, while other keys go on', async () => {
      await world.grant({ amountMicro: 1_000 });
      const [capped, free] = world.keys;
      await setBudget(world, capped, 100);
      const results = await Promise.all(
        Array.from({ length: 16 }, () => world.hold({ jobId: world.newId(), keyId: capped, amountMicro: 30 })),
      );
      assert.equal(results.filter((result) => result !== 'duplicate' && result.ok).length, 3);
      assert.deepEqual(await world.hold({ jobId: world.newId(), keyId: capped, amountMicro: 30 }), {
        ok: false,
        reason: 'budget',
        requiredMicro: 30,
        availableMicro: 10,
      });
      const other = await world.hold({ jobId: world.newId(), keyId: free, amountMicro: 30 });
      assert.ok(other !== 'duplicate' && other.ok);
    });

    it('a budget set late knows what was spent before, may be set below it, and can be cleared', async () => {
      await world.grant({ amountMicro: 1_000 });
      const [keyId] = world.keys;
      const [spent, open] = [world.newId(), world.newId()];
      await world.hold({ jobId: spent, amountMicro: 50 });
      await world.hold({ jobId: open, amountMicro: 40 });
      await world.capture(spent, 45);
      await setBudget(world, keyId, 10);
      assert.deepEqual(await findKeyBudget(store.database, keyId), { capMicro: 10, spentMicro: 45, heldMicro: 40 });
      assert.deepEqual(await world.hold({ jobId: world.newId(), amountMicro: 1 }), {
        ok: false,
        reason: 'budget',
        requiredMicro: 1,
        availableMicro: 0,
      });
      assert.deepEqual(await world.capture(open, 40), { settled: true });
      await store.database.transaction((tx) => clearKeyBudget(tx, { keyId }));
      const result = await world.hold({ jobId: world.newId(), amountMicro: 1 });
      assert.ok(result !== 'duplicate' && result.ok);
    });

    it('a test balance starts full, refills by itself, and never pays for what exceeds it', async () => {
      const [, , keyId] = world.keys;
      const holdTest = (credits: number) =>
        world.hold({ jobId: world.newId(), keyId, mode: 'test', amountMicro: fromCredits(credits) });
      assert.equal((await world.balance('test')).availableMicro, testBalanceMicro);
      for (let index = 0; index < 5; index += 1) {
        const result = await holdTest(600_000);
        assert.ok(result !== 'duplicate' && result.ok, `hold ${index}`);
      }
      const balance = await world.balance('test');
      assert.equal(balance.heldMicro, fromCredits(3_000_000));
      assert.equal(balance.availableMicro, fromCredits(400_000));
      const tooMuch = await holdTest(1_000_001);
      assert.ok(tooMuch !== 'duplicate' && !tooMuch.ok && tooMuch.reason === 'insufficient');
    });

    it('concurrent holds on a test balance all win', async () => {
      const [, , keyId] = world.keys;
      const results = await Promise.all(
        Array.from({ length: 16 }, () =>
          world.hold({ jobId: world.newId(), keyId, mode: 'test', amountMicro: fromCredits(700_000) }),
        ),
      );
      assert.ok(results.every((result) => result !== 'duplicate' && result.ok));
    });

    it('a stopped account refuses holds, still settles, and spends again when a person says so', async () => {
      await world.grant({ amountMicro: 100 });
      const open = world.newId();
      await world.hold({ jobId: open, amountMicro: 10 });
      const [account] = await store.database.query(`SELECT id FROM accounts WHERE team_id = $1 AND mode = 'live'`, [
        world.teamId,
      ]);
      const accountId = String(account?.['id']);
      const finding = { check: 'account-drift', accountId, row: {} } as const;
      assert.deepEqual(await stopSpending(store.database, [finding, finding]), [world.teamId]);
      const refused = world.hold({ jobId: world.newId(), amountMicro: 10 });
      await assert.rejects(refused, (error) => error instanceof GatewayError && error.code === 'unavailable');
      assert.deepEqual(await world.capture(open, 10), { settled: true });
      assert.equal(await resumeSpending(store.database, world.teamId), true);
      assert.equal(await resumeSpending(store.database, world.teamId), false);
      const result = await world.hold({ jobId: world.newId(), amountMicro: 10 });
      assert.ok(result !== 'duplicate' && result.ok);
    });
  });
}

async function setBudget(world: LedgerWorld, keyId: string, capMicro: number): Promise<void> {
  await world.database.transaction((tx) => setKeyBudget(tx, { keyId, capMicro: microCredits(capMicro) }));
}
