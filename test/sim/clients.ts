import { checkInput } from '../../server/src/catalog/check-input.ts';
import type { Catalog } from '../../server/src/catalog/load-catalog.ts';
import type { Clock } from '../../server/src/core/clock.ts';
import { GatewayError } from '../../server/src/core/errors.ts';
import type { Database, Row } from '../../server/src/database/database.ts';
import { fromCredits, type MicroCredits } from '../../server/src/core/money.ts';
import { receiveCallback } from '../../server/src/jobs/callback.ts';
import { cancelJob } from '../../server/src/jobs/cancel-job.ts';
import { findJob } from '../../server/src/jobs/job-record.ts';
import { isFinal } from '../../server/src/jobs/states.ts';
import { submitJob, type SubmitRequest } from '../../server/src/jobs/submit.ts';
import type { JobCaller } from '../../server/src/jobs/world.ts';
import type { ClientBook } from './checks.ts';
import type { Coverage, SimEvent } from './coverage.ts';
import type { Dice } from './seeded-random.ts';
import type { SimProcess } from './sim-process.ts';
import type { CallbackStyle } from './sim-faults.ts';
import { SIM_PROVIDERS, type SimProviderFacts } from './sim-providers.ts';
import type { SimTeam } from './sim-teams.ts';
import type { Generation } from './sim-upstream.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Callers of the gateway, and the providers' callbacks: everybody who knocks at the door. */
export interface Clients {
  run(endAt: number): Promise<void>;
  /** A provider has sold something and may call back: never, once, often, too early, too late, or forged. */
  expectCallbacks(generation: Generation): void;
  /** Lets a client, a provider or a forger knock about this very job; false when nobody can. */
  knock(event: KnockEvent, jobId: string): Promise<boolean>;
}

/** What comes to the door about one job. */
export const KNOCKS = ['cancel', 'resubmit', 'callback', 'forged-callback'] as const satisfies SimEvent[];
export type KnockEvent = (typeof KNOCKS)[number];

export interface ClientsOptions {
  dice: Dice;
  time: VirtualTime;
  clock: Clock;
  teams: SimTeam[];
  book: ClientBook;
  coverage: Coverage;
  catalog: Catalog;
  database: Pick<Database, 'query'>;
  generations: () => readonly Generation[];
  log: (line: string) => void;
  door: () => SimProcess | null;
  onBroken: (line: string) => void;
}

/** What the models cost, in credits; see `simCatalog`. A team that buys with its own key pays the fee. */
const PRICE_CREDITS = 5;
const FEE_CREDITS = 1;
const SUBMITS_MAX = 40;
const MODELS = ['sim-alpha', 'sim-beta', 'sim-gamma', 'sim-delta', 'sim-both', 'sim-all', 'sim-all'] as const;

interface Known {
  caller: JobCaller;
  jobId: string;
}

export function createClients(options: ClientsOptions): Clients {
  const { dice, clock, book, coverage, log } = options;
  const known: Known[] = [];
  const sent: SubmitRequest[] = [];
  const answers = new Map<string, string>();
  // Many jobs on one route are what opens its circuit.
  const models = dice.chance(0.4) ? ([dice.pick(MODELS)] as const) : MODELS;
  let count = 0;

  async function submit(request: SubmitRequest): Promise<void> {
    const door = options.door();
    if (door === null || door.state() === 'dead') return;
    // Until the answer comes the job may exist or not.
    book.unknown += 1;
    try {
      const { jobId } = await submitJob(door.world, request);
      book.unknown -= 1;
      await acknowledged(door, { request, jobId });
    } catch (error) {
      const isRefusal = error instanceof GatewayError && error.status < 500;
      if (isRefusal) book.unknown -= 1;
      log(`submit was ${isRefusal ? 'refused' : 'left open'}: ${String(error)}`);
      coverage.count(`submit ${error instanceof GatewayError ? error.code : 'left open'}`);
    }
  }

  async function acknowledged(
    door: SimProcess,
    { request, jobId }: { request: SubmitRequest; jobId: string },
  ): Promise<void> {
    log(`${jobId} is accepted (${request.model.id})`);
    if (!book.acknowledged.has(jobId)) known.push({ caller: request.caller, jobId });
    book.acknowledged.set(jobId, priceOf(request));
    const { idempotency } = request;
    if (idempotency !== null) {
      const name = `${request.caller.teamId} ${idempotency.key}`;
      const before = answers.get(name);
      if (before !== undefined && before !== jobId)
        options.onBroken(`one Idempotency-Key made two jobs: ${before} and ${jobId}`);
      answers.set(name, jobId);
    }
    // The door may lose the store between submit and look, which is no 404.
    const job = await findJob(door.world, request.caller, jobId).catch(() => 'unreadable' as const);
    if (job === null) options.onBroken(`job ${jobId} is not found right after its 202`);
    const [stranger] = options.teams
      .filter((team) => team.id !== request.caller.teamId)
      .flatMap((team) => team.callers);
    if (stranger !== undefined && (await findJob(door.world, stranger, jobId).catch(() => null)) !== null) {
      options.onBroken(`job ${jobId} is shown to another team`);
    }
  }

  function priceOf({ caller, model }: SubmitRequest): MicroCredits {
    const ownKeyFor = options.teams.find((team) => team.id === caller.teamId)?.ownKeyFor;
    const isOwn = model.routes.some((route) => route.provider === ownKeyFor);
    return fromCredits(isOwn ? FEE_CREDITS : PRICE_CREDITS);
  }

  function newRequest(): SubmitRequest {
    count += 1;
    const team = dice.pick(nonEmpty(options.teams));
    const model = options.catalog.findModel(dice.pick(models));
    if (model === undefined) throw new Error('the catalogue of the doubles lacks a model');
    const format = dice.pick(['jpg', 'png', 'webp']);
    const body = { model: model.id, prompt: `picture ${count}`, fluxParams: { output_format: format } };
    const checked = checkInput(model, body);
    if (!checked.ok) throw new Error(`the request of the history is refused: ${JSON.stringify(checked.details)}`);
    return {
      caller: dice.pick(nonEmpty(team.callers)),
      operation: 'images/generate',
      model,
      input: checked.input,
      body,
      webhook: dice.chance(0.4) ? { url: 'https://hook.invalid/', events: ['progress', 'completed', 'failed'] } : null,
      idempotency: dice.chance(0.5) ? { key: `key-${count}`, fingerprint: `picture ${count}` } : null,
    };
  }

  async function resubmit(): Promise<void> {
    if (sent.length === 0) return;
    await repeat(dice.pick(nonEmpty(sent)));
  }

  async function repeat(before: SubmitRequest): Promise<void> {
    if (before.idempotency === null) return;
    const jobId = answers.get(`${before.caller.teamId} ${before.idempotency.key}`);
    if (jobId !== undefined) void coverage.event('resubmit', { jobId });
    const other = { ...before, idempotency: { ...before.idempotency, fingerprint: 'another body' } };
    if (dice.chance(0.75) || jobId === undefined) return submit(before);
    const door = options.door();
    if (door === null || door.state() === 'dead') return;
    const answer = await submitJob(door.world, other).catch((error: unknown) => error);
    // A door that can serve the model by nobody at present says so first.
    const isRefused = answer instanceof GatewayError && ['idempotency_key_reused', 'unavailable'].includes(answer.code);
    if (answer instanceof GatewayError ? !isRefused : !(answer instanceof Error)) {
      options.onBroken(`another body under a used Idempotency-Key was answered ${String(answer)}`);
    }
  }

  async function cancel(): Promise<void> {
    const door = options.door();
    if (door === null || door.state() === 'dead' || known.length === 0) return;
    // Young jobs are the ones that a cancel still finds at work.
    await cancelOne(door, dice.pick(nonEmpty(dice.chance(0.8) ? known.slice(-6) : known)));
  }

  async function cancelOne(door: SimProcess, { caller, jobId }: Known): Promise<void> {
    void coverage.event('cancel', { jobId });
    log(`cancel of ${jobId}`);
    try {
      const job = await cancelJob(door.world, caller, jobId);
      if (isFinal(job.status)) book.seenFinal.set(jobId, job.status);
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'job_not_found')
        options.onBroken(`job ${jobId} is not found by cancel`);
    }
  }

  async function look(): Promise<void> {
    const door = options.door();
    if (door === null || door.state() === 'dead' || known.length === 0) return;
    const { caller, jobId } = dice.pick(nonEmpty(known));
    const job = await findJob(door.world, caller, jobId).catch(() => 'unreadable' as const);
    if (job === null) options.onBroken(`acknowledged job ${jobId} is not found`);
    else if (job !== 'unreadable' && isFinal(job.status)) book.seenFinal.set(jobId, job.status);
  }

  /** The way to an attempt, as the provider was told it. */
  interface Address {
    provider: string;
    attemptId: string;
    token: string;
  }

  async function callBack(address: Address, said: { id?: string; isForged: boolean }): Promise<string> {
    const door = options.door();
    if (door === null || door.state() === 'dead') return 'nobody';
    const { attemptId } = address;
    const [row] = await options.database.query('SELECT job_id FROM attempts WHERE id = $1', [attemptId]);
    const jobId = String(row?.['job_id'] ?? '');
    void coverage.event(said.isForged ? 'forged-callback' : 'callback', { jobId });
    const delivery = { headers: {}, body: JSON.stringify(said.id === undefined ? {} : { id: said.id }) };
    const { token } = address;
    const sentToken = said.isForged ? dice.pick(['', 'wrong', token.slice(1), `${token}x`]) : token;
    const answer = await receiveCallback(door.world, { ...address, token: sentToken, delivery }).catch(
      () => 'lost' as const,
    );
    if (said.isForged && answer === 'accepted')
      options.onBroken(`a forged callback for attempt ${attemptId} was accepted`);
    return answer;
  }

  function addressOf({ callbackUrl }: Generation): Address | null {
    if (callbackUrl === '') return null;
    const [, , provider = '', attemptId = '', token = ''] = new URL(callbackUrl).pathname.split('/');
    return { provider, attemptId, token };
  }

  /** The right address, and the id of a generation that is known to be another job's: it must change nothing. */
  async function callBackForAnother(generation: Generation, address: Address): Promise<void> {
    const others = options
      .generations()
      .filter((one) => one.isAskedFor && one.provider === generation.provider && one !== generation);
    const other = others.at(-1);
    if (other !== undefined) await callBack(address, { id: other.id, isForged: false });
  }

  async function callBackForNobody(generation: Generation, address: Address): Promise<void> {
    const answer = await callBack(
      { ...address, attemptId: `${address.attemptId}0` },
      { id: generation.id, isForged: true },
    );
    if (answer === 'accepted') options.onBroken('a callback for an attempt that does not exist was accepted');
  }

  const NEWEST = `SELECT id, provider, callback_token FROM attempts WHERE job_id = $1 ORDER BY number DESC LIMIT 1`;

  async function knock(event: KnockEvent, jobId: string): Promise<boolean> {
    const door = options.door();
    if (door?.state() !== 'running') return false;
    const mine = known.find((one) => one.jobId === jobId);
    if (event === 'cancel') {
      if (mine !== undefined) void cancelOne(door, mine);
      return mine !== undefined;
    }
    if (event === 'resubmit') {
      const before = sent.find(
        ({ caller, idempotency }) => answers.get(`${caller.teamId} ${idempotency?.key ?? ''}`) === jobId,
      );
      if (before !== undefined) void repeat(before);
      return before !== undefined;
    }
    type AttemptRow = Row & { id: string; provider: string; callback_token: string };
    const [attempt] = await options.database.query<AttemptRow>(NEWEST, [jobId]);
    if (attempt === undefined || SIM_FACTS[attempt.provider]?.callsBack !== true) return false;
    const address = { provider: attempt.provider, attemptId: attempt.id, token: attempt.callback_token };
    // A provider that has not taken the request has no id to tell: it only says that something happened.
    const id = options.generations().findLast((one) => one.attemptId === attempt.id)?.id;
    void callBack(address, { ...(id === undefined ? {} : { id }), isForged: event === 'forged-callback' });
    return true;
  }

  return {
    run: async (endAt) => {
      while (options.time.now() < endAt) {
        await clock.sleep(dice.between(100, 5_000));
        switch (dice.weighted({ submit: 10, burst: 1, resubmit: 3, cancel: 3, look: 4 })) {
          case 'submit':
          case 'burst':
            for (let more = dice.chance(0.1) ? 6 : 1; more > 0 && count < SUBMITS_MAX; more -= 1) {
              const request = newRequest();
              sent.push(request);
              void submit(request);
              // Two at once with one key make one job.
              if (request.idempotency !== null && dice.chance(0.2)) void submit(request);
            }
            break;
          case 'resubmit':
            void resubmit();
            break;
          case 'cancel':
            void cancel();
            break;
          case 'look':
            void look();
        }
      }
    },
    knock,
    expectCallbacks: (generation) => {
      const address = addressOf(generation);
      if (address === null) return;
      const left = Math.max(0, generation.endsAt - options.time.now());
      const at = async (ms: number, work: () => Promise<unknown>): Promise<void> => {
        await clock.sleep(ms);
        await work();
      };
      const truly = (): Promise<unknown> => callBack(address, { id: generation.id, isForged: false });
      const style = dice.weighted(CALLBACK_WEIGHTS);
      coverage.count(`callback ${style}`);
      switch (style) {
        case 'once':
          return void at(left + 10, truly);
        case 'often':
          for (let times = 0; times < 5; times += 1) void at(left + 10 * times, truly);
          return;
        case 'early':
          return void at(0, truly);
        case 'late':
          return void at(left + 90_000, truly);
        case 'forged':
          return void at(dice.between(0, left), () => callBack(address, { id: 'g1-forged', isForged: true }));
        case 'foreign':
          return void at(dice.between(0, left), () => callBackForAnother(generation, address));
        case 'unknown':
          return void at(dice.between(0, left), () => callBackForNobody(generation, address));
        case 'none':
      }
    },
  };
}

const CALLBACK_WEIGHTS: Record<CallbackStyle, number> = {
  none: 5,
  once: 5,
  often: 2,
  early: 2,
  late: 2,
  forged: 2,
  foreign: 1,
  unknown: 1,
};

const SIM_FACTS: Readonly<Record<string, SimProviderFacts>> = SIM_PROVIDERS;

function nonEmpty<T>(list: readonly T[]): readonly [T, ...T[]] {
  const [first, ...rest] = list;
  if (first === undefined) throw new Error('nothing to choose from');
  return [first, ...rest];
}
