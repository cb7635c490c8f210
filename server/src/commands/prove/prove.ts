import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { randomBase62 } from '../../core/random.ts';
import { createNet } from '../../net/net.ts';
import { openSqlite } from '../../database/sqlite.ts';
import type { Fault } from '../../doubles/fault.ts';
import type { RunningDouble } from '../../doubles/run-double.ts';
import { isFinal, type JobStatus } from '../../jobs/states.ts';
import { CommandProblem, type Output } from '../output.ts';
import type { CommandWorld } from '../serve.ts';
import { DOUBLE_IDS, startDouble } from '../vendors.ts';
import { wholeNumber } from '../words.ts';
import { prepareGateway, type ProofGateway } from './proof-gateway.ts';
import { runLoad } from './proof-load.ts';
import { startProofReceiver, type ProofReceiver } from './proof-receiver.ts';
import { judge, type Verdict } from './proof-verdict.ts';

/** What providers do wrong during a proof; faults that take minutes by their nature are left out. */
const FAULTS: readonly Fault[] = [
  'p2-reset-before',
  'p2-reset-after',
  'p2-reset-polls',
  'p3-429-seconds',
  'p3-429-none',
  'p4-5xx-before',
  'p4-5xx-after',
  'p4-5xx-polls',
  'p5-malformed',
  'p5-html',
  'p6-null-id',
  'p8-cut',
  'p14-late-refusal',
  'p15-callback-5x',
  'p16-callback-before-answer',
  'p18-forged-callback',
  'failed',
];
const FAULT_SHARE = 0.2;
const JOBS_PER_SECOND = 8;
const KILL_MS_MIN = 2_000;
const KILL_MS_SPREAD = 5_000;
/** A lost purchase is looked for up to five minutes; beyond that a job has ended by its deadline. */
const SETTLE_MS_MAX = 600_000;
const LOOK_MS = 1_000;
const SECONDS_DEFAULT = 60;
const SECONDS_MAX = 3_600;
const SEED_MAX = 2 ** 31 - 1;

/**
 * `lumegate doctor --prove [--seconds n] [--seed n]`: in a scratch folder and on loopback alone, plays providers that
 * fail, sends jobs, kills the gateway at random, and then compares what everybody knows. Exit code 1 when anything was
 * lost, bought twice, left open or not told.
 */
export async function prove(
  { machine, output }: CommandWorld,
  options: { seconds: string | undefined; seed: string | undefined },
): Promise<number> {
  const seconds = wholeNumber(options.seconds ?? String(SECONDS_DEFAULT), '--seconds', { min: 5, max: SECONDS_MAX });
  const seed =
    options.seed === undefined
      ? Math.floor(machine.random.fraction() * SEED_MAX)
      : wholeNumber(options.seed, '--seed', { min: 0, max: SEED_MAX });
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-proof-'));
  output.tell(`Scratch folder ${folder}, seed ${seed}. Nothing leaves this machine; nothing of yours is touched.`);
  const script = { seed, share: FAULT_SHARE, faults: [...FAULTS] };
  const doubles = await Promise.all(
    DOUBLE_IDS.map((id) =>
      startDouble(id, { clock: machine.clock, random: machine.random, script, durationMs: 1_000 }),
    ),
  );
  const receiver = await startProofReceiver();
  const apiKey = `afk_${randomBase62(machine.random, 40)}`;
  const gateway = await prepareGateway({
    ...Object.assign({}, ...doubles.map((double) => double.settings)),
    LUMEGATE_DATA_DIR: folder,
    LUMEGATE_BOOTSTRAP_KEY: apiKey,
    LUMEGATE_START_CREDITS: '1000000',
    LUMEGATE_ALLOW_PRIVATE_URLS: 'on',
    LUMEGATE_TEAM_CONCURRENCY: '200',
    LUMEGATE_JOB_MINUTES: '8',
  });
  try {
    const verdict = await play({ machine, output, gateway, doubles, receiver, folder, apiKey, seconds, seed });
    tell(output, verdict, { seed, seconds });
    return isSound(verdict) ? 0 : 1;
  } finally {
    await gateway.kill();
    await Promise.all([...doubles.map((double) => double.close()), receiver.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

interface Proof {
  machine: CommandWorld['machine'];
  output: Output;
  gateway: ProofGateway;
  doubles: readonly RunningDouble[];
  receiver: ProofReceiver;
  folder: string;
  apiKey: string;
  seconds: number;
  seed: number;
}

async function play(proof: Proof): Promise<Verdict> {
  const { machine, output, gateway, doubles, receiver, folder, apiKey, seconds, seed } = proof;
  const { clock, log } = machine;
  const net = createNet({ allowPrivate: false, ownListeners: () => [], clock, log });
  await gateway.start();
  const until = clock.monotonicMs() + seconds * 1000;
  const isOver = (): boolean => clock.monotonicMs() >= until;
  output.tell(`For ${seconds} s: ${JOBS_PER_SECOND} jobs a second, six providers that fail, and kill -9.`);
  const [load, kills] = await Promise.all([
    runLoad(
      { net, clock, url: gateway.url, apiKey, webhookUrl: receiver.url, providers: doubles.map(({ id }) => id) },
      { perSecond: JOBS_PER_SECOND, isOver },
    ),
    killAtRandom(proof, isOver, killPauses(seed)),
  ]);
  await net.close();
  for (const double of doubles) double.heal();
  output.tell(
    `${load.accepted.size} jobs accepted, ${kills} kills. Waiting for every job and every webhook to end: ` +
      'a purchase that no provider confirms is looked for up to five minutes.',
  );
  const database = openSqlite({ file: path.join(folder, 'lumegate.sqlite'), clock });
  try {
    const giveUpMs = clock.monotonicMs() + SETTLE_MS_MAX;
    while (!(await isQuiet(database)) && clock.monotonicMs() < giveUpMs) await clock.sleep(LOOK_MS);
    await gateway.stop();
    const ledgers = await Promise.all(doubles.map((double) => double.ledger()));
    return await judge({ database, accepted: load.accepted, purchases: ledgers.flat(), receiver });
  } finally {
    await database.close();
  }
}

async function killAtRandom(proof: Proof, isOver: () => boolean, pauses: () => number): Promise<number> {
  let kills = 0;
  while (!isOver()) {
    await proof.machine.clock.sleep(pauses());
    if (isOver()) return kills;
    await proof.gateway.kill();
    kills += 1;
    await proof.gateway.start();
  }
  return kills;
}

/** Pauses from the seed, by a small generator of its own: the same seed gives the same rhythm. */
function killPauses(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return KILL_MS_MIN + (state / 2 ** 32) * KILL_MS_SPREAD;
  };
}

async function isQuiet(database: ReturnType<typeof openSqlite>): Promise<boolean> {
  const jobs = await database.query<{ status: JobStatus }>('SELECT DISTINCT status FROM jobs');
  if (jobs.some(({ status }) => !isFinal(status))) return false;
  return (await database.query(`SELECT id FROM deliveries WHERE state = 'pending' LIMIT 1`)).length === 0;
}

function isSound({ lost, boughtTwice, unsettled, drift, untold }: Verdict): boolean {
  return lost + boughtTwice + unsettled + drift + untold === 0;
}

function tell(output: Output, verdict: Verdict, run: { seed: number; seconds: number }): void {
  const lines: [string, number][] = [
    ['jobs lost', verdict.lost],
    ['generations bought twice', verdict.boughtTwice],
    ['holds unsettled', verdict.unsettled],
    ['ledger drift and broken rules', verdict.drift],
    ['webhooks undelivered', verdict.untold],
  ];
  for (const [name, count] of lines) output.say(`${name.padEnd(32)}${String(count).padStart(6)}`);
  output.say();
  output.say(`${verdict.jobs} jobs: ${verdict.completed} completed, ${verdict.failed} failed and released.`);
  output.say(
    `${verdict.purchases} purchases; ${verdict.writtenOff} were never confirmed and written off. ` +
      `On the providers’ bills there may be US$${(verdict.possibleLossMicroUsd / 1e6).toFixed(2)} that nobody was charged for.`,
  );
  output.say(`Seed ${run.seed}; again: lumegate doctor --prove --seconds ${run.seconds} --seed ${run.seed}`);
  if (!isSound(verdict)) throw new CommandProblem('The promises were broken; please report it with the seed.');
}
