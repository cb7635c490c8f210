import { checkInput } from '../../server/src/catalog/check-input.ts';
import type { Catalog } from '../../server/src/catalog/load-catalog.ts';
import type { Clock } from '../../server/src/core/clock.ts';
import { GatewayError } from '../../server/src/core/errors.ts';
import { fromCredits } from '../../server/src/core/money.ts';
import { receiveCallback } from '../../server/src/jobs/callback.ts';
import { cancelJob } from '../../server/src/jobs/cancel-job.ts';
import { findJob } from '../../server/src/jobs/job-record.ts';
import { isFinal } from '../../server/src/jobs/states.ts';
import { submitJob, type SubmitRequest } from '../../server/src/jobs/submit.ts';
import type { JobCaller } from '../../server/src/jobs/world.ts';
import type { ClientBook } from './checks.ts';
import type { Coverage } from './coverage.ts';
import type { Dice } from './seeded-random.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimTeam } from './sim-teams.ts';
import type { Generation } from './sim-upstream.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Callers of the gateway, and the providers' callbacks: everybody who knocks at the door. */
export interface Clients {
  run(endAt: number): Promise<void>;
  /** A provider has sold something and may call back: never, once, often, too early, too late, or forged. */
  expectCallbacks(generation: Generation): void;
}

export interface ClientsOptions {
  dice: Dice;
  time: VirtualTime;
  clock: Clock;
  teams: SimTeam[];
  book: ClientBook;
  coverage: Coverage;
  catalog: Catalog;
  log: (line: string) => void;
  door: () => SimProcess | null;
  onBroken: (line: string) => void;
}

/** What the models cost, in credits; see `simCatalog`. */
const PRICE_CREDITS = 5;
const SUBMITS_MAX = 40;

interface Known {
  caller: JobCaller;
  jobId: string;
}

export function createClients(options: ClientsOptions): Clients {
  const { dice, clock, book, coverage, log } = options;
  const known: Known[] = [];
  const sent: SubmitRequest[] = [];
  const answers = new Map<string, string>();
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
    book.acknowledged.set(jobId, fromCredits(PRICE_CREDITS));
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

  function newRequest(): SubmitRequest {
    count += 1;
    const team = dice.pick(nonEmpty(options.teams));
    const model = options.catalog.findModel(dice.pick(['sim-alpha', 'sim-beta', 'sim-gamma', 'sim-both']));
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
    const before = dice.pick(nonEmpty(sent));
    if (before.idempotency === null) return;
    const jobId = answers.get(`${before.caller.teamId} ${before.idempotency.key}`);
    if (jobId !== undefined) await coverage.event('resubmit', jobId);
    const other = { ...before, idempotency: { ...before.idempotency, fingerprint: 'another body' } };
    if (dice.chance(0.75) || jobId === undefined) return submit(before);
    const door = options.door();
    if (door === null || door.state() === 'dead') return;
    const answer = await submitJob(door.world, other).catch((error: unknown) => error);
    if (answer instanceof GatewayError ? answer.code !== 'idempotency_key_reused' : !(answer instanceof Error)) {
      options.onBroken(`another body under a used Idempotency-Key was answered ${String(answer)}`);
    }
  }

  async function cancel(): Promise<void> {
    const door = options.door();
    if (door === null || door.state() === 'dead' || known.length === 0) return;
    // Young jobs are the ones that a cancel still finds at work.
    const { caller, jobId } = dice.pick(nonEmpty(dice.chance(0.8) ? known.slice(-6) : known));
    await coverage.event('cancel', jobId);
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

  async function callBack(generation: Generation, kind: 'true' | 'forged'): Promise<void> {
    const door = options.door();
    const [, , provider = '', attemptId = '', token = ''] = new URL(generation.callbackUrl).pathname.split('/');
    if (door === null || door.state() === 'dead') return;
    const delivery = { headers: {}, body: JSON.stringify({ id: kind === 'true' ? generation.id : 'g1-forged' }) };
    const sentToken = kind === 'true' ? token : dice.pick(['', 'wrong', token.slice(1), `${token}x`]);
    const said = await receiveCallback(door.world, { provider, attemptId, token: sentToken, delivery }).catch(
      () => 'lost' as const,
    );
    if (kind === 'forged' && said === 'accepted')
      options.onBroken(`a forged callback for attempt ${attemptId} was accepted`);
    await coverage.event(kind === 'true' ? 'callback' : 'forged-callback', await jobOf(door, attemptId));
  }

  async function jobOf(door: SimProcess, attemptId: string): Promise<string> {
    const rows = await door.world.database
      .query('SELECT job_id FROM attempts WHERE id = $1', [attemptId])
      .catch(() => []);
    return String(rows[0]?.['job_id'] ?? '');
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
    expectCallbacks: (generation) => {
      const at = async (ms: number, kind: 'true' | 'forged'): Promise<void> => {
        await clock.sleep(ms);
        await callBack(generation, kind);
      };
      const left = Math.max(0, generation.endsAt - options.time.now());
      switch (dice.weighted({ 'not at all': 5, once: 5, often: 2, early: 2, late: 2, forged: 2 })) {
        case 'once':
          return void at(left + 10, 'true');
        case 'often':
          for (let times = 0; times < 5; times += 1) void at(left + 10 * times, 'true');
          return;
        case 'early':
          return void at(0, 'true');
        case 'late':
          return void at(left + 90_000, 'true');
        case 'forged':
          return void at(dice.between(0, left), 'forged');
        case 'not at all':
      }
    },
  };
}

function nonEmpty<T>(list: readonly T[]): readonly [T, ...T[]] {
  const [first, ...rest] = list;
  if (first === undefined) throw new Error('nothing to choose from');
  return [first, ...rest];
}
