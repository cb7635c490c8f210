import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log-port.ts';
import type { MediaPort } from '../../core/media-port.ts';
import { MediaPool } from './media-pool.ts';
import { refused } from './media-task.ts';
import type { FactsResult } from './media-task.ts';

/** How picture work is set up; what is left out has the default that the comment names. */
export interface MediaOptions {
  /** Absolute path of the module that exports `draw(drawing, to)`; null where nothing is drawn. */
  drawModule: string | null;
  clock: Clock;
  log: Log;
  /** Child processes at once; 2. With 1, a draw holds inspections up. */
  poolSizeMax?: number;
  /** How long a child without work is kept; 60,000. A new one takes some 200 ms. */
  idleExitMs?: number;
  /** For inspect and mark; 10,000. A draw or a conversion may take three times as long. */
  taskTimeoutMs?: number;
  /** Tasks that may wait, for draws and for the rest each; 1,000. */
  queueMax?: number;
}

/** Opens the media port. No process runs until the first task, or until one is expected. */
export function startMedia(options: MediaOptions): MediaPort {
  const {
    drawModule,
    clock,
    log,
    poolSizeMax = 2,
    idleExitMs = 60_000,
    taskTimeoutMs = 10_000,
    queueMax = 1_000,
  } = options;
  const timeoutMs = { quick: taskTimeoutMs, draw: 3 * taskTimeoutMs };
  const pool = new MediaPool({ clock, log, poolSizeMax, idleExitMs, queueMax, timeoutMs });
  return {
    inspect: (path, { peaks } = { peaks: false }) => (peaks ? inspectAndHear(pool, path) : inspectOnly(pool, path)),
    convert: (task) => pool.run('quick', { kind: 'convert', ...task }),
    mark: (task) => pool.run('quick', { kind: 'mark', ...task }),
    draw: async (drawing, to) =>
      drawModule === null
        ? refused('unsupported-type', 'This process has no drawing module.')
        : pool.run('draw', { kind: 'draw', drawing, to, drawModule }),
    expect: () => pool.expect(),
    close: () => pool.close(),
  };
}

function inspectOnly(pool: MediaPool, path: string): Promise<FactsResult> {
  return pool.run('quick', { kind: 'inspect', path, peaks: false });
}

/** Hearing a sound may cost its process, never the sound: a file that is good without its peaks is good. */
async function inspectAndHear(pool: MediaPool, path: string): Promise<FactsResult> {
  const heard = await pool.run('quick', { kind: 'inspect', path, peaks: true });
  const isLost = !heard.ok && (heard.problem === 'crashed' || heard.problem === 'too-slow');
  return isLost ? inspectOnly(pool, path) : heard;
}
