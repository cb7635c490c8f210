import { lstat, mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log-port.ts';
import type { MediaFacts, MediaResult } from '../../core/media-port.ts';
import type { BackgroundRemover, PictureTool } from '../../core/tools-port.ts';
import { MediaPool } from '../media/media-pool.ts';
import { refused } from '../media/media-task.ts';
import { findProgram } from './find-program.ts';
import type { ProgramEnd, ProgramLimits } from './keeper-messages.ts';
import { runProgram } from './run-program.ts';

/** Measured with networks of 40 to 90 MB on one picture: 7 to 12 seconds of one core and 1.2 GB; larger ones take four times that. */
const LIMITS: ProgramLimits = { ms: 5 * 60_000, rssBytes: 4 * 2 ** 30, folderBytes: 256 * 2 ** 20 };
/** Decoding and encoding 25 megapixels takes some five seconds of one core. */
const PICTURE_MS_MAX = 60_000;
/** The process that cuts is kept for the next picture so long. */
const IDLE_MS = 20_000;
const QUEUE_MAX = 100;

interface RemoverOptions {
  clock: Clock;
  log: Log;
  /** What the operator has named; null for nothing. */
  program: string | null;
  /** Other limits than the usual ones. */
  limits?: Partial<ProgramLimits>;
}

/** Opens the way to the operator's program. No process runs until the first picture. */
export function startRemover(options: RemoverOptions): BackgroundRemover {
  const { clock, log } = options;
  const timeoutMs = { quick: PICTURE_MS_MAX, draw: PICTURE_MS_MAX };
  const pool = new MediaPool({ clock, log, poolSizeMax: 1, idleExitMs: IDLE_MS, queueMax: QUEUE_MAX, timeoutMs });
  const closing = new AbortController();
  const work = workWith(pool, options);
  let last: Promise<unknown> = Promise.resolve();
  return {
    problem: () => findRemoverProblem(options.program),
    cut: (picture, signal) => {
      // One at a time: each takes the machine.
      const turn = last.then(() => work(picture, AbortSignal.any([signal, closing.signal])));
      last = turn.catch(() => null);
      return turn;
    },
    close: async () => {
      closing.abort();
      await last;
      await pool.close();
    },
  };
}

/** Why the program that a setting names cannot be used as far as its file tells, or null. */
export function findRemoverProblem(program: string | null): string | null {
  if (program === null) return 'LUMEGATE_BACKGROUND_REMOVER names no program.';
  const found = findProgram(program);
  return typeof found === 'string' ? found : null;
}

function workWith(pool: MediaPool, { clock, log, program, limits }: RemoverOptions): PictureTool {
  return async ({ from, to }, signal) => {
    const command = program === null ? 'LUMEGATE_BACKGROUND_REMOVER names no program.' : findProgram(program);
    if (typeof command === 'string') return refused('no-tool', command);
    const folder = await mkdtemp(path.join(path.dirname(to), 'remover-'));
    const [shown, mask] = [path.join(folder, 'picture.png'), path.join(folder, 'mask.png')];
    const ready = await pool.run('quick', { kind: 'show', from, to: shown }, signal);
    if (!ready.ok) return ready;
    const startedAtMs = clock.monotonicMs();
    const order = { ...command, words: [...command.words, shown, mask], folder, limits: { ...LIMITS, ...limits } };
    const ended = (await runProgram(order, signal)) satisfies ProgramEnd;
    const failure = ended.end === 'done' ? await maskFailure(mask, order.limits) : failureOf(ended);
    const result = failure ?? (await pool.run('quick', { kind: 'cut', from, mask, to }, signal));
    const fields = { durationMs: Math.round(clock.monotonicMs() - startedAtMs), isWithdrawn: signal.aborted };
    if (result.ok || signal.aborted) log.info('remover.ended', fields);
    else log.warn('remover.failed', { ...fields, problem: result.problem, detail: result.detail });
    return result;
  };
}

function failureOf(ended: Exclude<ProgramEnd, { end: 'done' }>): MediaResult<MediaFacts> {
  const problem = { missing: 'no-tool', failed: 'crashed', 'too-large': 'crashed', 'too-slow': 'too-slow' } as const;
  return refused(problem[ended.end], ended.detail);
}

/** The program may have left anything there, or a link to anything. */
async function maskFailure(mask: string, limits: ProgramLimits): Promise<MediaResult<MediaFacts> | null> {
  const found = await lstat(mask).catch(() => null);
  if (found === null) return refused('crashed', 'It ended well and wrote no mask.');
  if (!found.isFile()) return refused('crashed', 'What it wrote as mask is no plain file.');
  return found.size > limits.folderBytes ? refused('crashed', 'The mask that it wrote is too large.') : null;
}
