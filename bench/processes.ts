import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { NODE_FLAGS } from '../scripts/node-flags.mjs';
import type { BareOrder } from './bare-server.ts';
import type { LoadOrder, LoadResult } from './load-client.ts';

/** A key that the bench brings along, so that it need not read one off the server's greeting. */
export const BENCH_KEY = `afk_${'bench0key0'.repeat(4)}`;

const START_MS_MAX = 30_000;
const STOP_MS_MAX = 15_000;
const LOOK_MS = 25;
const MAIN = path.join(import.meta.dirname, '..', 'server', 'src', 'main.ts');

const running = new Set<ChildProcess>();
// A bench that breaks off must not leave processes behind; only those that were started here are ended.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

function watched<T extends ChildProcess>(child: T): T {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** A server under measurement, ours or a baseline. */
export interface Target {
  port: number;
  pid: number;
  /** Where its files and an embedded store lie; a folder of the bench’s own, removed by `stop`. */
  dataFolder: string;
  /** What the process has logged so far. */
  log(): string;
  stop(): Promise<void>;
  /** As a power cut would end it; resolves when it is gone. */
  kill9(): Promise<void>;
}

/** Settings without limits of rate and queue: they would be what is measured. */
const UNLIMITED = {
  HOST: '127.0.0.1',
  PORT: '0',
  LUMEGATE_BOOTSTRAP_KEY: BENCH_KEY,
  LUMEGATE_START_CREDITS: '1000000000',
  LUMEGATE_RATE_PER_MINUTE: '0',
  LUMEGATE_TEAM_QUEUE: '100000000',
  LUMEGATE_TEAM_CONCURRENCY: '1000',
};

type Settings = Readonly<Record<string, string>>;

/** Nothing of the caller's own settings may reach a process under measurement. */
function environment(settings: Settings): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('LUMEGATE_') && name !== 'DATABASE_URL',
  );
  return { ...Object.fromEntries(inherited), ...UNLIMITED, ...settings };
}

/** The doubles of providers in a process of their own. */
export interface Doubles {
  url: string;
  pid: number;
  /** Settings that point the gateway at them. */
  settings: Settings;
  /** Every purchase, one JSON object a line. */
  ledgerFile: string;
  stop(): Promise<void>;
}

/** Starts the double of one provider; each generation takes `durationMs`, its pictures are padded to `pictureBytes`. */
export async function startDoubles(
  id: string,
  options: { durationMs: number; pictureBytes?: number },
): Promise<Doubles> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-bench-'));
  const script = path.join(folder, 'script.json');
  await writeFile(script, JSON.stringify({ ...options }));
  const child = watched(
    spawn(
      process.execPath,
      [...NODE_FLAGS, MAIN, 'doubles', '--only', id, '--ledger', folder, '--script', script, '--json'],
      { env: environment({}), stdio: ['ignore', 'pipe', 'inherit'] },
    ),
  );
  try {
    const line = await firstLine(child.stdout);
    // Safe: `lumegate doubles --json` prints exactly this for each double.
    const { url, settings } = JSON.parse(line) as { url: string; settings: Settings };
    const ledgerFile = path.join(folder, `${id}.jsonl`);
    return { url, settings, pid: pidOf(child), ledgerFile, stop: () => end(child, folder) };
  } catch (error) {
    await end(child, folder);
    throw error;
  }
}

async function firstLine(stream: Readable): Promise<string> {
  for await (const line of createInterface({ input: stream })) return line;
  throw new Error('the doubles ended before they listened');
}

/** Starts the gateway as an operator does; its log goes to a file, as on a real machine. */
export async function startGateway(settings: Settings, options: { nodeFlags?: string[] } = {}): Promise<Target> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-bench-'));
  const logFile = path.join(folder, 'server.log');
  const logHandle = openSync(logFile, 'a');
  const dataFolder = settings['LUMEGATE_DATA_DIR'] ?? path.join(folder, 'data');
  const child = watched(
    spawn(process.execPath, [...NODE_FLAGS, ...(options.nodeFlags ?? []), MAIN, 'serve'], {
      env: environment({ LUMEGATE_DATA_DIR: dataFolder, ...settings }),
      stdio: ['ignore', logHandle, logHandle],
    }),
  );
  closeSync(logHandle);
  const log = (): string => readFileSync(logFile, 'utf8');
  const stop = (): Promise<void> => end(child, folder);
  try {
    const told = await untilStarted(child, log);
    const port = Number(settings['PORT'] ?? told);
    return { port, pid: pidOf(child), dataFolder, log, stop, kill9: () => kill9(child) };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilStarted(child: ChildProcess, log: () => string): Promise<number> {
  const untilMs = performance.now() + START_MS_MAX;
  while (performance.now() < untilMs && child.exitCode === null && child.signalCode === null) {
    const port = /running at http:\/\/127\.0\.0\.1:(\d+)/.exec(log())?.[1];
    if (port !== undefined) return Number(port);
    await sleep(LOOK_MS);
  }
  throw new Error(`the gateway did not start: ${log().slice(-2_000)}`);
}

/** A port that was free a moment ago; for a gateway whose public address is another one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Starts a baseline on a data folder (or database) of its own. */
export async function startBare(order: BareOrder, settings: Settings = {}): Promise<Target> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-bench-'));
  const child = fork(path.join(import.meta.dirname, 'bare-server.ts'), [], {
    execArgv: NODE_FLAGS,
    env: environment({ LUMEGATE_DATA_DIR: path.join(folder, 'data'), ...settings }),
  });
  const stop = (): Promise<void> => end(child, folder);
  try {
    await answerOf(child, 'ready');
    child.send(order);
    const port = Number(await answerOf(child, 'port'));
    const dataFolder = path.join(folder, 'data');
    return { port, pid: pidOf(child), dataFolder, log: () => '', stop, kill9: () => kill9(child) };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The load generator: one process for the whole bench, so that its code is warm in every round. */
export interface LoadGenerator {
  run(order: LoadOrder): Promise<LoadResult>;
  stop(): Promise<void>;
}

export async function startLoadGenerator(): Promise<LoadGenerator> {
  const child = fork(path.join(import.meta.dirname, 'load-child.ts'), [], { execArgv: NODE_FLAGS });
  await answerOf(child, 'ready');
  return {
    run: async (order) => {
      child.send(order);
      // Safe: load-child.ts answers with exactly this.
      return (await answerOf(child, 'result')) as LoadResult;
    },
    stop: () => end(child, null),
  };
}

/** The named part of the child's next message; throws its error, or its death. */
async function answerOf(child: ChildProcess, name: string): Promise<unknown> {
  const gone = new AbortController();
  const died = once(child, 'exit', { signal: gone.signal }).then(() => {
    throw new Error(`a process of the bench died before it answered "${name}"`);
  });
  try {
    const [message] = await Promise.race([once(child, 'message', { signal: gone.signal }), died]);
    if (typeof message !== 'object' || message === null) throw new Error('a process of the bench answered nonsense');
    if ('error' in message) throw new Error(String(message.error));
    return Object.entries(message).find(([key]) => key === name)?.[1];
  } finally {
    gone.abort();
    await died.catch(() => {});
  }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('a process of the bench did not start');
  return child.pid;
}

async function kill9(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function end(child: ChildProcess, folder: string | null): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await exited;
    clearTimeout(killer);
  }
  if (folder !== null) await rm(folder, { recursive: true, force: true });
}
