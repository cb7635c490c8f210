import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { OPEN_MS_FIRST } from '../../server/src/jobs/route-health.ts';
import { newClient, submit } from './support/clients.ts';
import { openDrill, type Drill, type JobTime } from './support/drill.ts';
import { readStore, type StoreEvidence } from './support/evidence.ts';

const TEST_MS_MAX = 600_000;
/** So many at once open a circuit: five failures without a success between them. */
const BURST = 6;
/** A request that had its turn when the circuit opened leaves a moment later. */
const UNDER_WAY_MS = 1_000;
/** Seconds of resets, a job in each; enough for the first probes. */
const RESETS = 18;
/** A job takes about half a second where a second provider serves it: three minutes, and a circuit rests two at most here. */
const ROUNDS_MAX = 400;
/** With a second way to buy, a job is late by a refusal or two and not by a provider's trouble. */
const DETOUR_MS_MAX = 6_000;

describe('when a provider fails, jobs go on at the next and nothing is bought twice', { concurrency: true }, () => {
  test('429, then lost answers, then well again', { timeout: TEST_MS_MAX }, async (t) => {
    const drill = await openDrill();
    try {
      const before = await drill.stream('well', { jobs: 6, apartMs: 300 });
      const refused = await refuseAll(drill);
      const lost = await loseAnswers(drill);
      const healed = await heal(drill);
      report(t, { before, refused, lost, healed });
      await checkDrill(t, drill);
      const detour = median(refused) - median(before);
      assert.ok(detour <= DETOUR_MS_MAX, `a job took ${detour} ms longer while the first provider refused`);
      assert.ok(median(healed) <= median(before) + DETOUR_MS_MAX);
    } finally {
      await drill.close();
    }
  });

  test(
    'a key without money hands its jobs to the next key of the same provider',
    { timeout: TEST_MS_MAX },
    async (t) => {
      const drill = await openDrill({
        isFirstAlone: true,
        env: { REPLICATE_API_TOKEN: 'double-replicate-token-one1,double-replicate-token-two2' },
        script: [{ match: { nth: 1 }, fault: 'p23-402' }],
      });
      try {
        const times = await drill.stream('money', { jobs: 6, apartMs: 300 });
        report(t, { money: times });
        const { store, findings } = await drill.reckon();
        assert.deepEqual(findings, []);
        assert.equal(new Set((await drill.first.ledger()).map(({ keyLast4 }) => keyLast4)).size, 1);
        checkTold(drill, store, ['provider-out-of-money']);
      } finally {
        await drill.close();
      }
    },
  );

  test(
    'keys that nobody takes: one job fails and is released, then submits are 503',
    { timeout: TEST_MS_MAX },
    async () => {
      const drill = await openDrill({ script: [{ fault: '401-key' }] });
      drill.second.script([{ fault: '401-key' }]);
      try {
        const balance = await readBalance(drill);
        assert.ok(balance > 0);
        const [time] = await drill.stream('unknown-key', { jobs: 1, apartMs: 0 });
        assert.equal(time?.ended, 'FAILED');
        for (const client of drill.clients) client.expected = 'FAILED';
        const late = newClient('late', {});
        const told = await submit(late, drill.options);
        assert.equal(told.kind, 'refused');
        assert.equal(told.status, 503);
        assert.ok(Number(told.retryAfter) > 0, `Retry-After: ${told.retryAfter}`);
        assert.equal(await readBalance(drill), balance);
        await drill.gateway.stop();
        const store = await readStore(drill.place);
        assert.deepEqual(store.transfers.map(({ kind }) => kind).toSorted(), ['hold', 'release']);
        assert.equal(store.jobs.length, 1);
        assert.deepEqual([...(await drill.first.ledger()), ...(await drill.second.ledger())], []);
        checkTold(drill, store, ['provider-key-refused', 'provider-key-refused']);
      } finally {
        await drill.close();
      }
    },
  );
});

/** Credits that the team can spend: what is held for a job is not among them. */
async function readBalance({ gateway }: Drill): Promise<number> {
  const response = await fetch(`${gateway.url}/v2/me`, { headers: { 'x-api-key': gateway.key } });
  // Safe: the contract's answer; another shape fails the comparison of numbers.
  const { team } = (await response.json()) as { team: { credits: number } };
  return team.credits;
}

function inOrder(names: string[]): string[] {
  return names.toSorted((one, other) => one.localeCompare(other));
}

/** The operator has heard each of these once, and nothing else. */
function checkTold(drill: Drill, store: StoreEvidence, kinds: string[]): void {
  assert.deepEqual(
    store.alerts.map(({ kind }) => kind),
    kinds,
  );
  const heard = drill.operator.hits.map((hit) => hit.headers['webhook-id'] ?? '');
  assert.deepEqual(inOrder(heard), inOrder(store.alerts.map(({ id }) => id)));
}

async function refuseAll(drill: Drill): Promise<JobTime[]> {
  drill.first.script([{ fault: 'p3-429-none' }]);
  const burst = drill.stream('refused-burst', { jobs: BURST, apartMs: 0 });
  const steady = await drill.stream('refused', { jobs: 12, apartMs: 400 });
  // The first 429 pauses the key: how many of the burst were under way by then is chance, and the rest come one by one.
  await untilCircuit(drill, { state: 'open', name: 'refused-on' });
  assert.equal((await drill.first.ledger()).filter(({ prompt }) => prompt.includes('refused')).length, 0);
  drill.first.heal();
  await untilCircuit(drill, { state: 'closed', name: 'between' });
  return [...(await burst), ...steady];
}

/** Lost before and after the purchase, by a reset at once and then by silence; the last jobs are looked for for minutes. */
async function loseAnswers(drill: Drill): Promise<JobTime[]> {
  const share = (
    one: 'p2-reset-before' | 'p1-timeout-before-accept',
    other: 'p2-reset-after' | 'p1-timeout-after-accept',
  ) => drill.first.script([{ match: { share: 0.5 }, fault: one }, { fault: other }]);
  share('p2-reset-before', 'p2-reset-after');
  const resets = [
    drill.stream('reset-burst', { jobs: BURST, apartMs: 0 }),
    drill.stream('reset', { jobs: RESETS, apartMs: 1_000 }),
  ];
  await sleep(RESETS * 1_000);
  share('p1-timeout-before-accept', 'p1-timeout-after-accept');
  const silences = await drill.stream('silent', { jobs: 15, apartMs: 1_000 });
  return [...(await Promise.all(resets)).flat(), ...silences];
}

async function heal(drill: Drill): Promise<JobTime[]> {
  drill.first.heal();
  await untilCircuit(drill, { state: 'closed', name: 'probe' });
  return drill.stream('healed', { jobs: 10, apartMs: 300 });
}

/** Sends a job now and then until one of them has opened, or closed, the circuit. */
async function untilCircuit(drill: Drill, { state, name }: { state: 'open' | 'closed'; name: string }): Promise<void> {
  for (let round = 1; drill.circuits().at(-1)?.state !== state; round += 1) {
    assert.ok(round <= ROUNDS_MAX, `the circuit was never ${state}`);
    await drill.stream(`${name}-${round}`, { jobs: 1, apartMs: 500 });
  }
}

async function checkDrill(t: TestContext, drill: Drill): Promise<void> {
  const circuits = drill.circuits();
  for (const [index, { state }] of circuits.entries()) assert.equal(state, index % 2 === 0 ? 'open' : 'closed');
  assert.equal(circuits[0]?.cause, 'rate_limited');
  assert.ok(
    circuits.some(({ cause }) => cause === 'lost'),
    'lost answers opened the circuit too',
  );
  const { store, findings } = await drill.reckon();
  t.diagnostic(`circuits: ${circuits.map(({ state, at }) => `${state} ${at - (circuits[0]?.at ?? 0)} ms`).join(', ')}`);
  assert.deepEqual(findings, []);
  checkOpenTimes(circuits, store);
  const alerts = store.alerts.filter(({ kind }) => kind.startsWith('circuit-'));
  assert.deepEqual(
    alerts.map(({ kind }) => kind),
    circuits.map(({ state }) => `circuit-${state}`),
  );
  for (const alert of alerts) {
    assert.equal(drill.operator.hits.filter((hit) => hit.headers['webhook-id'] === alert.id).length, 1);
  }
}

/** Nothing is sent to a provider whose circuit is open, and one probe alone when its time is over. */
function checkOpenTimes(circuits: ReturnType<Drill['circuits']>, store: StoreEvidence): void {
  for (const [index, { state, at }] of circuits.entries()) {
    if (state !== 'open') continue;
    const closedAt = circuits[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    const tries = store.attempts.filter((attempt) => attempt.provider === 'replicate');
    const early = tries.filter(
      ({ intent_at: sentAt }) =>
        sentAt > at + UNDER_WAY_MS && sentAt < Math.min(closedAt, at + OPEN_MS_FIRST - UNDER_WAY_MS),
    );
    assert.deepEqual(early, [], `sent while the circuit was open since ${at}`);
  }
}

function median(times: JobTime[]): number {
  return times.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

function report(t: TestContext, phases: Record<string, JobTime[]>): void {
  for (const [name, times] of Object.entries(phases)) {
    const slowest = Math.max(...times.map(({ tookMs }) => tookMs));
    const bad = times.filter(({ ended }) => ended !== 'COMPLETED').length;
    t.diagnostic(
      `${name}: ${times.length} jobs, median ${median(times)} ms, slowest ${slowest} ms, ${bad} not completed`,
    );
  }
}
