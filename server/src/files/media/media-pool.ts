import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log-port.ts';
import { MediaProcess } from './media-process.ts';
import { refused } from './media-task.ts';
import type { FactsResult, MediaTask } from './media-task.ts';

/** `quick` is inspecting, marking and converting; `draw` takes seconds and must not hold those up. */
export type Lane = 'quick' | 'draw';

export interface PoolOptions {
  clock: Clock;
  log: Log;
  poolSizeMax: number;
  idleExitMs: number;
  /** Waiting tasks per lane. */
  queueMax: number;
  timeoutMs: Record<Lane, number>;
}

/**
 * A child is replaced after so many tasks, so that fragmented native memory never piles up. Its successor's start keeps
 * a small machine busy for half a second.
 */
const TASKS_PER_CHILD_MAX = 10_000;
const WITHDRAWN = 'The work was withdrawn.';
const SHUT_DOWN = 'Media work has been shut down.';

interface Waiting {
  task: MediaTask;
  signal: AbortSignal | null;
  resolve: (result: FactsResult) => void;
}

interface Member {
  process: MediaProcess;
  lane: Lane | null;
  taskCount: number;
  idleTimer: NodeJS.Timeout | null;
}

/** Runs tasks in a few child processes, started when work is expected or there, ended when there has been none. */
export class MediaPool {
  readonly #options: PoolOptions;
  readonly #members = new Set<Member>();
  readonly #waiting: Record<Lane, Waiting[]> = { quick: [], draw: [] };
  #lastLane: Lane = 'draw';
  #isClosed = false;
  /** Those who have said that work will come. */
  #expecting = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Never rejects: crashes, overruns and a full queue are results. What is aborted ends `crashed`, with its process. */
  run(lane: Lane, task: MediaTask, signal: AbortSignal | null = null): Promise<FactsResult> {
    return new Promise((resolve) => {
      const { queueMax } = this.#options;
      if (this.#isClosed) return resolve(refused('crashed', SHUT_DOWN));
      if (this.#waiting[lane].length >= queueMax) {
        const detail = `${queueMax} pieces of media work are waiting already; try again later.`;
        return resolve(refused('too-slow', detail));
      }
      if (signal?.aborted === true) return resolve(this.#withdrawn(task));
      const waiting: Waiting = { task, signal, resolve };
      this.#waiting[lane].push(waiting);
      signal?.addEventListener('abort', () => this.#withdraw(lane, waiting), { once: true });
      this.#dispatch();
    });
  }

  /** Has children ready, one for each that expects work and no more than there may be, until the answer is called, once. */
  expect(): () => void {
    this.#expecting += 1;
    while (this.#members.size < this.#readyCount()) this.#rest(this.#addMember());
    return () => {
      this.#expecting -= 1;
    };
  }

  #readyCount(): number {
    return this.#isClosed ? 0 : Math.min(this.#expecting, this.#options.poolSizeMax);
  }

  /** Without those that are ending. */
  #usableCount(): number {
    return [...this.#members].filter((member) => member.process.isUsable).length;
  }

  /** Keeps a child without work for a while, and for as long as work is expected. */
  #rest(member: Member): void {
    // The timer must not keep the server from ending; nor does the idle child.
    member.idleTimer = setTimeout(() => {
      if (this.#usableCount() > this.#readyCount()) member.process.kill();
      else this.#rest(member);
    }, this.#options.idleExitMs).unref();
  }

  /** Ends every child; what runs or waits answers `crashed`. Resolves when the processes are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const waiting = [...this.#waiting.quick.splice(0), ...this.#waiting.draw.splice(0)];
    for (const { resolve } of waiting) resolve(refused('crashed', SHUT_DOWN));
    for (const member of this.#members) member.process.kill();
    await Promise.all([...this.#members].map((member) => member.process.ended));
  }

  /** Takes back what only waits; what runs is ended by `#perform`. */
  #withdraw(lane: Lane, waiting: Waiting): void {
    const place = this.#waiting[lane].indexOf(waiting);
    if (place === -1) return;
    this.#waiting[lane].splice(place, 1);
    waiting.resolve(this.#withdrawn(waiting.task));
  }

  /** Whoever follows the log hears of every withdrawal, whether the work had begun or not. */
  #withdrawn(task: MediaTask): FactsResult {
    this.#options.log.info('media.task_withdrawn', { task: task.kind });
    return refused('crashed', WITHDRAWN);
  }

  #dispatch(): void {
    for (let lane = this.#nextLane(); lane !== null && !this.#isClosed; lane = this.#nextLane()) {
      const member = this.#freeMember();
      const next = member && this.#waiting[lane].shift();
      if (!member || !next) return;
      this.#lastLane = lane;
      void this.#perform(member, lane, next);
    }
  }

  /** Draws keep out of one child, so that an inspection never waits for them; in a lone child the lanes take turns. */
  #nextLane(): Lane | null {
    const draws = [...this.#members].filter((member) => member.lane === 'draw').length;
    const mayDraw = this.#waiting.draw.length > 0 && draws < Math.max(1, this.#options.poolSizeMax - 1);
    if (this.#waiting.quick.length === 0) return mayDraw ? 'draw' : null;
    return mayDraw && this.#lastLane === 'quick' ? 'draw' : 'quick';
  }

  #freeMember(): Member | null {
    for (const member of this.#members) if (member.lane === null && member.process.isUsable) return member;
    return this.#members.size < this.#options.poolSizeMax ? this.#addMember() : null;
  }

  #addMember(): Member {
    const member: Member = { process: new MediaProcess(), lane: null, taskCount: 0, idleTimer: null };
    const { pid } = member.process;
    this.#members.add(member);
    this.#options.log.info('media.child_started', { pid });
    void member.process.ended.then(({ stderr }) => {
      if (member.idleTimer !== null) clearTimeout(member.idleTimer);
      this.#members.delete(member);
      this.#options.log[stderr === '' ? 'info' : 'warn']('media.child_ended', {
        pid,
        taskCount: member.taskCount,
        stderr,
      });
      this.#dispatch();
    });
    return member;
  }

  async #perform(member: Member, lane: Lane, { task, signal, resolve }: Waiting): Promise<void> {
    const { clock, timeoutMs } = this.#options;
    if (member.idleTimer !== null) clearTimeout(member.idleTimer);
    member.lane = lane;
    member.taskCount += 1;
    const startedAtMs = clock.monotonicMs();
    const end = (): void => member.process.kill();
    signal?.addEventListener('abort', end, { once: true });
    // 25 megapixels as WebP take as long as a drawing: measured 4 to 11 seconds of a core.
    const result = await member.process.run(task, timeoutMs[task.kind === 'convert' ? 'draw' : lane]);
    signal?.removeEventListener('abort', end);
    if (!result.ok && signal?.aborted === true) this.#withdrawn(task);
    else logTask(this.#options, task, result, startedAtMs);
    member.lane = null;
    if (member.taskCount >= TASKS_PER_CHILD_MAX) member.process.kill();
    else this.#rest(member);
    resolve(result);
    this.#dispatch();
  }
}

function logTask(options: PoolOptions, task: MediaTask, result: FactsResult, startedAtMs: number): void {
  const durationMs = Math.round(options.clock.monotonicMs() - startedAtMs);
  const fields = { task: task.kind, durationMs, problem: result.ok ? null : result.problem };
  const isOurs = !result.ok && (result.problem === 'crashed' || result.problem === 'too-slow');
  if (isOurs) options.log.warn('media.task_failed', { ...fields, detail: result.detail });
  else options.log.info('media.task_done', fields);
}
