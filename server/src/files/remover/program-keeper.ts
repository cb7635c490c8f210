/**
 * The entry of a process that keeps one program of the operator's: starts it in a group of its own, ends the group when it
 * uses too much, when it is done, and when our parent is gone, however that ended. It takes its order as its only word.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { childEnvironment, giveWay } from '../child-habits.ts';
import { endGroup } from './end-group.ts';
import type { KeeperMessage, ProgramEnd, ProgramOrder } from './keeper-messages.ts';
import { folderBytes, groupRssBytes } from './measure-use.ts';

/** What a program may write beyond its limits is what it writes in so long. */
const LOOK_MS = 250;
const STDERR_CHARACTERS_MAX = 2_000;
/** What it said last, and word of its end, may still be on their way when it was ended. */
const LAST_WORDS_MS = 1_000;

// Safe: our own parent has written it.
const order = JSON.parse(process.argv[2] ?? '') as ProgramOrder;
giveWay(0);
const child = spawn(order.file, [...order.words], {
  cwd: order.folder,
  env: { ...childEnvironment(), TMPDIR: order.folder, TEMP: order.folder, TMP: order.folder },
  stdio: ['ignore', 'ignore', 'pipe'],
  detached: true,
});
const { pid } = child;
process.on('disconnect', () => {
  if (pid === undefined) process.exit(0);
  endGroup(pid);
  // Whoever takes over our children may not bury them.
  child.once('exit', () => process.exit(0));
  setTimeout(() => process.exit(0), LAST_WORDS_MS);
});
if (pid !== undefined) {
  tell({ kind: 'started', pid });
  dieFirst(pid);
}
const result = await endOf();
if (pid !== undefined) endGroup(pid);
tell({ kind: 'ended', ended: result }, () => process.exit(0));

/** Resolves when the program has ended or is to be ended. */
async function endOf(): Promise<ProgramEnd> {
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    words = (words + chunk).slice(-STDERR_CHARACTERS_MAX);
  });
  const closed = once(child, 'close').catch(() => []);
  const end = await new Promise<ProgramEnd>((resolve) => {
    const { limits, folder } = order;
    setTimeout(() => resolve(tooSlow(limits.ms)), limits.ms);
    setInterval(() => {
      if (pid !== undefined && groupRssBytes(pid) > limits.rssBytes) resolve(tooLarge('memory', limits.rssBytes));
      if (folderBytes(folder) > limits.folderBytes) resolve(tooLarge('disk', limits.folderBytes));
    }, LOOK_MS);
    child.on('error', ({ message }) => resolve({ end: 'missing', detail: `It cannot be started: ${message}` }));
    child.on('exit', (code, signal) => {
      const how = code === null ? `by ${signal}` : `with exit code ${code}`;
      resolve(code === 0 ? { end: 'done' } : { end: 'failed', detail: `It ended ${how}.` });
    });
  });
  if (end.end === 'done' || end.end === 'missing') return end;
  if (pid !== undefined) endGroup(pid);
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
  return { ...end, detail: words.trim() === '' ? end.detail : `${end.detail} It said: ${words.trim()}` };
}

function tooSlow(ms: number): ProgramEnd {
  return { end: 'too-slow', detail: `It had not ended after ${ms / 1_000} seconds.` };
}

function tooLarge(what: string, bytes: number): ProgramEnd {
  return { end: 'too-large', detail: `It took more than ${Math.round(bytes / 2 ** 20)} MB of ${what}.` };
}

/** Where memory runs out, the system ends the program before the gateway. */
function dieFirst(of: number): void {
  try {
    writeFileSync(`/proc/${of}/oom_score_adj`, '1000');
  } catch {
    // Not Linux, or already gone.
  }
}

function tell(message: KeeperMessage, then: () => void = () => {}): void {
  // After the parent has gone there is nobody to tell; `disconnect` ends us.
  if (process.connected) process.send?.(message, undefined, {}, then);
}
