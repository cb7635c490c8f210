import assert from 'node:assert/strict';

import fc from 'fast-check';

import { clearKeyBudget, findKeyBudget, setKeyBudget } from '../../server/src/credits/budgets.ts';
import { applyHold, applySettle, keyOf, refusal, type LedgerModel } from './ledger-model.ts';
import { micro, type LedgerWorld } from './ledger-world.ts';

/** One step of a batch, with picks that are resolved against the model when the batch begins. */
type Step =
  | { kind: 'hold'; key: number; amount: number; twin: boolean }
  | { kind: 'capture'; pick: number; share: number }
  | { kind: 'release'; pick: number }
  | { kind: 'grant'; amount: number; reference: number };

type Command = fc.AsyncCommand<LedgerModel, LedgerWorld>;

/** Small amounts against small balances, so that refusals are as frequent as successes. */
const amount = fc.integer({ min: 1, max: 60 });
const key = fc.integer({ min: 0, max: 1 });
const pick = fc.nat(1_000);
const share = fc.integer({ min: 1, max: 100 });
const reference = fc.nat(9);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('hold' as const), key, amount, twin: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('capture' as const), pick, share }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), pick }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('grant' as const), amount: fc.integer({ min: 1, max: 200 }), reference }),
  },
);

/** What a run of the suite has reached: how many commands, and how often each outcome. */
export interface Reached {
  commands: number;
  outcomes: Map<string, number>;
}

/** Every outcome that the commands can have; a suite that misses one has not tested it. */
export const OUTCOMES = [
  'hold won',
  'hold refused: insufficient',
  'hold refused: budget',
  'hold refused: queue-full',
  'hold refused: duplicate',
  'settle won',
  'settle repeated',
  'grant won',
  'grant repeated',
] as const;

/** Everything that can happen to a ledger, as commands that compare the store with the model after each. */
export function ledgerCommands(reached: Reached): fc.Arbitrary<Iterable<Command>> {
  const command = (text: string, run: Command['run']): Command => ({
    check: () => true,
    run: async (model, world) => {
      reached.commands += 1;
      await run(model, world);
      await assertSame(model, world);
    },
    toString: () => text,
  });
  const runSteps = async (model: LedgerModel, world: LedgerWorld, steps: readonly Step[]): Promise<void> => {
    for (const name of (await playSteps(model, world, steps)).map(outcomeName)) {
      reached.outcomes.set(name, (reached.outcomes.get(name) ?? 0) + 1);
    }
  };
  const one = (weight: number, arbitrary: fc.Arbitrary<Step>): fc.WeightedArbitrary<Command> => ({
    weight,
    // A single step is a batch of one, whose outcome is known exactly.
    arbitrary: arbitrary.map((single) =>
      command(JSON.stringify(single), (model, world) => runSteps(model, world, [single])),
    ),
  });
  const batch = fc
    .array(step, { minLength: 2, maxLength: 16, size: 'max' })
    .map((steps) => command(`batch ${JSON.stringify(steps)}`, (model, world) => runSteps(model, world, steps)));
  const takeBack = fc
    .record({ amount, reference })
    .map((values) =>
      command(`take-back ${JSON.stringify(values)}`, (model, world) => runTakeBack(model, world, values)),
    );
  const budget = fc
    .record({ key, cap: fc.option(fc.nat(300)) })
    .map((values) => command(`budget ${JSON.stringify(values)}`, (model, world) => runBudget(model, world, values)));
  const duplicate = pick.map((value) =>
    command(`duplicate-hold ${value}`, (model, world) => runDuplicateHold(model, world, value)),
  );
  return fc.commands(
    [
      fc.oneof(
        one(6, step),
        { weight: 2, arbitrary: batch },
        { weight: 1, arbitrary: budget },
        { weight: 1, arbitrary: takeBack },
        { weight: 1, arbitrary: duplicate },
      ),
    ],
    { maxCommands: 80, size: 'max' },
  );
}

type Outcome =
  | { kind: 'hold'; jobId: string; key: number; amount: number; reason: string | null }
  | { kind: 'settle'; jobId: string; captured: number; settled: boolean }
  | { kind: 'grant'; externalRef: string; amount: number; granted: boolean };

function outcomeName(outcome: Outcome): string {
  if (outcome.kind === 'hold') return outcome.reason === null ? 'hold won' : `hold refused: ${outcome.reason}`;
  if (outcome.kind === 'settle') return outcome.settled ? 'settle won' : 'settle repeated';
  return outcome.granted ? 'grant won' : 'grant repeated';
}

async function playSteps(model: LedgerModel, world: LedgerWorld, steps: readonly Step[]): Promise<Outcome[]> {
  const outcomes = await Promise.all(steps.flatMap((single) => startStep(model, world, single)));
  const before = steps.length === 1 && outcomes.length === 1 ? expectedAlone(model, outcomes[0]) : null;
  applySettles(model, outcomes);
  applyHolds(model, outcomes);
  applyGrants(model, outcomes);
  if (before !== null) assert.equal(before.actual, before.expected);
  return outcomes;
}

/** A step that runs alone has one right outcome, the reason of a refusal included. */
function expectedAlone(
  model: LedgerModel,
  outcome: Outcome | undefined,
): { actual: unknown; expected: unknown } | null {
  if (outcome?.kind === 'hold') return { actual: outcome.reason, expected: refusal(model, outcome) };
  if (outcome?.kind !== 'grant') return null;
  return { actual: outcome.granted, expected: !model.references.has(outcome.externalRef) };
}

function startStep(model: LedgerModel, world: LedgerWorld, single: Step): Promise<Outcome>[] {
  if (single.kind === 'hold') {
    const jobId = world.newId();
    const once = (): Promise<Outcome> => startHold(world, { jobId, key: single.key, amount: single.amount });
    return single.twin ? [once(), once()] : [once()];
  }
  if (single.kind === 'grant') {
    const externalRef = `${world.teamId}/${single.reference}`;
    const granted = world.grant({ amountMicro: single.amount, externalRef });
    return [
      granted.then((result) => ({
        kind: 'grant',
        externalRef,
        amount: single.amount,
        granted: result.ok && result.granted,
      })),
    ];
  }
  const hold = model.holds[single.pick % Math.max(1, model.holds.length)];
  if (hold === undefined) return [];
  const { jobId } = hold;
  if (single.kind === 'release') {
    return [world.release(jobId).then(({ settled }) => ({ kind: 'settle', jobId, captured: 0, settled }))];
  }
  const captured = Math.max(1, Math.floor((hold.amount * single.share) / 100));
  return [world.capture(jobId, captured).then(({ settled }) => ({ kind: 'settle', jobId, captured, settled }))];
}

async function startHold(
  world: LedgerWorld,
  request: { jobId: string; key: number; amount: number },
): Promise<Outcome> {
  const keyId = world.keys[request.key];
  assert.ok(keyId);
  const result = await world.hold({ jobId: request.jobId, keyId, amountMicro: request.amount });
  const reason = result === 'duplicate' ? 'duplicate' : result.ok ? null : result.reason;
  return { kind: 'hold', ...request, reason };
}

function applySettles(model: LedgerModel, outcomes: readonly Outcome[]): void {
  const settles = outcomes.filter((outcome) => outcome.kind === 'settle');
  for (const { jobId, captured } of settles.filter((outcome) => outcome.settled)) applySettle(model, jobId, captured);
  for (const { jobId } of settles) {
    const hold = model.holds.find((candidate) => candidate.jobId === jobId);
    assert.ok(hold?.settled, `one of the settles of ${jobId} must win`);
  }
}

/**
 * Concurrent holds may win in any order, but none may be refused that would still fit after all that won, without
 * what the other steps of the batch gave back; and no job may hold twice.
 */
function applyHolds(model: LedgerModel, outcomes: readonly Outcome[]): void {
  const holds = outcomes.filter((outcome) => outcome.kind === 'hold');
  const freed = { posted: 0, held: 0, open: 0 };
  const worst = structuredClone({ ...model, references: new Set<string>() });
  for (const outcome of outcomes) {
    // Settles were applied already: put what they freed back, to look at the tightest moment.
    if (outcome.kind !== 'settle' || !outcome.settled) continue;
    const hold = model.holds.find((candidate) => candidate.jobId === outcome.jobId);
    assert.ok(hold);
    freed.held += hold.amount - outcome.captured;
    freed.open += 1;
    keyOf(worst, hold.key).held += hold.amount - outcome.captured;
  }
  worst.held += freed.held;
  worst.open += freed.open;
  const won = new Set<string>();
  for (const outcome of holds) {
    if (outcome.reason !== null) continue;
    assert.ok(!won.has(outcome.jobId), 'a job never holds twice');
    won.add(outcome.jobId);
    applyHold(model, outcome);
    applyHold(worst, outcome);
    const { cap, spent, held } = keyOf(model, outcome.key);
    assert.ok(cap === null || spent + held <= cap, 'no key exceeds its budget');
  }
  assert.ok(model.open <= model.openHoldsMax || won.size === 0, 'no team exceeds its open holds');
  for (const outcome of holds) {
    if (outcome.reason === 'duplicate')
      assert.ok(won.has(outcome.jobId), 'only the hold of the same job is in the way');
    else if (outcome.reason !== null && !won.has(outcome.jobId)) {
      assert.notEqual(refusal(worst, outcome), null, `refused as ${outcome.reason}, but it fits`);
    }
  }
}

function applyGrants(model: LedgerModel, outcomes: readonly Outcome[]): void {
  const grants = outcomes.filter((outcome) => outcome.kind === 'grant');
  for (const externalRef of new Set(grants.map((outcome) => outcome.externalRef))) {
    const same = grants.filter((outcome) => outcome.externalRef === externalRef);
    const given = same.filter((outcome) => outcome.granted);
    assert.equal(given.length, model.references.has(externalRef) ? 0 : 1, 'a reference grants once');
    model.posted += given[0]?.amount ?? 0;
    model.references.add(externalRef);
  }
}

async function runTakeBack(
  model: LedgerModel,
  world: LedgerWorld,
  values: { amount: number; reference: number },
): Promise<void> {
  const externalRef = `${world.teamId}/back/${values.reference}`;
  const result = await world.grant({ amountMicro: -values.amount, externalRef });
  if (model.references.has(externalRef)) return assert.deepEqual(result, { ok: true, granted: false });
  const available = model.posted - model.held;
  if (values.amount > available) {
    return assert.deepEqual(result, { ok: false, reason: 'insufficient', availableMicro: available });
  }
  assert.deepEqual(result, { ok: true, granted: true });
  model.posted -= values.amount;
  model.references.add(externalRef);
}

async function runBudget(
  model: LedgerModel,
  world: LedgerWorld,
  values: { key: number; cap: number | null },
): Promise<void> {
  const keyId = world.keys[values.key];
  assert.ok(keyId);
  await world.database.transaction((tx) =>
    values.cap === null ? clearKeyBudget(tx, { keyId }) : setKeyBudget(tx, { keyId, capMicro: micro(values.cap) }),
  );
  keyOf(model, values.key).cap = values.cap;
}

async function runDuplicateHold(model: LedgerModel, world: LedgerWorld, value: number): Promise<void> {
  const hold = model.holds[value % Math.max(1, model.holds.length)];
  if (hold === undefined) return;
  assert.equal(await world.hold({ jobId: hold.jobId, amountMicro: 1 }), 'duplicate');
}

async function assertSame(model: LedgerModel, world: LedgerWorld): Promise<void> {
  const [balance, ...budgets] = await Promise.all([
    world.balance(),
    ...model.keys.map((_, index) => findKeyBudget(world.database, world.keys[index] ?? '')),
  ]);
  assert.deepEqual(balance, {
    postedMicro: model.posted,
    heldMicro: model.held,
    availableMicro: model.posted - model.held,
    openHolds: model.open,
  });
  assert.deepEqual(
    budgets,
    model.keys.map(({ cap, spent, held }) => ({ capMicro: cap, spentMicro: spent, heldMicro: held })),
  );
}
