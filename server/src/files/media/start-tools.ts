import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log-port.ts';
import type { PictureTools } from '../../core/tools-port.ts';
import { MediaPool } from './media-pool.ts';

/** A full HD picture takes two minutes of a core; on a machine that is busy with other things, ten. */
const TASK_MS_MAX = 20 * 60_000;
/** The process that holds the network is kept for the next picture so long; loading it takes half a second. */
const IDLE_MS = 20_000;
const QUEUE_MAX = 100;

/** Opens the tools. No process runs until the first picture. `problem` is what is known to speak against them; see `findRuntimeProblem`. */
export function startTools(options: { clock: Clock; log: Log; problem: string | null }): PictureTools {
  const { clock, log } = options;
  // One at a time: each takes half of the machine.
  const timeoutMs = { quick: TASK_MS_MAX, draw: TASK_MS_MAX };
  const pool = new MediaPool({ clock, log, poolSizeMax: 1, idleExitMs: IDLE_MS, queueMax: QUEUE_MAX, timeoutMs });
  let { problem } = options;
  return {
    problem: () => problem,
    double: async (picture, signal) => {
      const result = await pool.run('draw', { kind: 'double', ...picture }, signal);
      // Files may be there and not work, as on a system with another C library: that is known once it was tried.
      if (!result.ok && result.problem === 'no-tool' && problem === null) {
        problem = result.detail;
        log.error('local.unusable', { problem });
      }
      return result;
    },
    // Why it failed is a matter of the files that were fetched, and speaks against nothing else.
    paint: (order, signal) => pool.run('draw', { kind: 'paint', ...order }, signal),
    close: () => pool.close(),
  };
}

/**
 * Why the runtime cannot work here as far as its files tell, or null. Only its process loads it: a library that crashes must
 * not take the gateway along.
 */
export function findRuntimeProblem(
  system: { platform: string; arch: string; from: string } = { ...process, from: import.meta.filename },
): string | null {
  const { platform, arch, from } = system;
  let entry: string;
  try {
    entry = createRequire(from).resolve('onnxruntime-node');
  } catch {
    return 'The optional package onnxruntime-node is not installed.';
  }
  const library = path.join(path.dirname(entry), '..', 'bin', 'napi-v3', platform, arch, 'onnxruntime_binding.node');
  return existsSync(library) ? null : `The package onnxruntime-node has nothing for ${platform} on ${arch}.`;
}
