import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import pg from 'pg';

/** The workspace's root, where every command is started. */
export const ROOT = path.join(import.meta.dirname, '..', '..');
const MAIN = path.join(ROOT, 'server', 'src', 'main.ts');
/** A machine with two cores starts a server in 2 s; one that is overloaded takes its time. */
const START_MS_MAX = 60_000;
/** The server drains for 20 s at most. */
const STOP_MS_MAX = 25_000;

/** One JSON line of the server's log. */
export type LogLine = { event: string } & Record<string, unknown>;

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process of ours under test. */
export interface TestProcess {
  pid: number;
  /** Lines on standard output, as they have come so far. */
  outputLines: string[];
  /** Lines on standard error, which are for people. */
  errorLines: string[];
  waitForExit(): Promise<Exit>;
  /** SIGTERM, and SIGKILL when it does not end in time. Harmless for a process that has ended. */
  stop(): Promise<Exit>;
  /** SIGKILL, as a power cut would end it; resolves when it is gone. */
  kill9(): Promise<void>;
}

/** A server under test. */
export interface TestServer extends TestProcess {
  /** Base of its addresses. */
  url: string;
  /** The bootstrap key of the first team's owner. */
  key: string;
  /** The first team's test key; null when this was not the first start of its folder. */
  testKey: string | null;
  dataFolder: string;
  logLines: LogLine[];
  /** Resolves with the first line (past or future) of that event; rejects when the process ends before. */
  waitForLine(event: string, isWanted?: (line: LogLine) => boolean): Promise<LogLine>;
}

export interface ServerOptions {
  /** Settings beside the ones that every test needs; nothing is taken over from the test's own environment. */
  env?: Record<string, string>;
  /** A folder of an earlier start; without it a fresh one is made, and removed by `stop`. */
  dataFolder?: string;
  /** `postgres://…`; SQLite in the data folder without it. */
  databaseUrl?: string | null;
  /** The bootstrap key of an earlier start. */
  key?: string;
}

/** Starts `lumegate serve` on a free port of loopback and resolves when it listens. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const dataFolder = options.dataFolder ?? (await temporaryFolder());
  const key = options.key ?? newKeyText();
  const child = startCommand(['serve'], {
    PORT: '0',
    LUMEGATE_DATA_DIR: dataFolder,
    LUMEGATE_BOOTSTRAP_KEY: key,
    ...(options.databaseUrl == null ? {} : { DATABASE_URL: options.databaseUrl }),
    ...options.env,
  });
  const waitForLine = (event: string, isWanted: (line: LogLine) => boolean = () => true): Promise<LogLine> =>
    child.waitFor(() => logLines(child).find((line) => line.event === event && isWanted(line)));
  const removeOwnFolder = async (): Promise<void> => {
    if (options.dataFolder === undefined) await rm(dataFolder, { recursive: true, force: true });
  };
  // The greeting, which tells the keys of a first start, comes after the line in the log.
  const greeted = waitForLine('server.started').then(async (line) => {
    await child.waitFor(() => child.errorLines.find((text) => text.startsWith('curl ')));
    return line;
  });
  const started = await withLimit(greeted, START_MS_MAX).catch(async (error: unknown) => {
    await child.kill9();
    await removeOwnFolder();
    throw error;
  });
  const { pid, outputLines, errorLines, waitForExit, kill9 } = child;
  return {
    pid,
    outputLines,
    errorLines,
    waitForExit,
    kill9,
    url: String(started['url']),
    key,
    get testKey() {
      return /\bafk_test_\w+/.exec(errorLines.join('\n'))?.[0] ?? null;
    },
    dataFolder,
    get logLines() {
      return logLines(child);
    },
    waitForLine,
    stop: async () => {
      const exit = await child.stop();
      await removeOwnFolder();
      return exit;
    },
  };
}

/** The sandbox provider in a process of its own; its address goes into `LUMEGATE_PROVIDER_SANDBOX_URL`. */
export async function startSandboxProvider(
  options: { env?: Record<string, string>; dataFolder?: string } = {},
): Promise<TestProcess & { url: string; dataFolder: string }> {
  const dataFolder = options.dataFolder ?? (await temporaryFolder());
  const child = startCommand(['sandbox', '--port', '0'], { LUMEGATE_DATA_DIR: dataFolder, ...options.env });
  const listening = child.waitFor(() => /listens at (http:\S+)/.exec(child.outputLines.join('\n'))?.[1]);
  const url = await withLimit(listening, START_MS_MAX).catch(async (error: unknown) => {
    await child.kill9();
    throw error;
  });
  return {
    ...child,
    url,
    dataFolder,
    stop: async () => {
      const exit = await child.stop();
      if (options.dataFolder === undefined) await rm(dataFolder, { recursive: true, force: true });
      return exit;
    },
  };
}

/** A command that runs, and a way to wait for what it says. */
export interface StartedCommand extends TestProcess {
  /** Resolves with what `find` finds, asked again at each new line; rejects when the process ends without it. */
  waitFor<T>(find: () => T | undefined): Promise<T>;
}

const running = new Set<ChildProcess>();
// A test that breaks off must not leave processes behind; only those that were started here are ended.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts one `lumegate` command with this environment alone, in the workspace's root unless told otherwise; `main` is the
 * file to run, or null where the words are Node's own.
 */
export function startCommand(
  words: readonly string[],
  env: Record<string, string>,
  cwd: string = ROOT,
  main: string | null = MAIN,
): StartedCommand {
  const program = main === null ? [] : [main];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...program, ...words], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_ENV: 'test', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const outputLines: string[] = [];
  const errorLines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => outputLines.push(line) && child.emit('news'));
  createInterface({ input: child.stderr }).on('line', (line) => errorLines.push(line) && child.emit('news'));
  child.setMaxListeners(0);
  // `close` and not `exit`: then every line has been read.
  const exited = once(child, 'close').then((): Exit => {
    running.delete(child);
    return { code: child.exitCode, signal: child.signalCode };
  });
  const end = (signal: NodeJS.Signals): void => void (running.has(child) && child.kill(signal));
  return {
    // Safe: a child without a pid makes `spawn` emit an error, which ends the test.
    pid: child.pid ?? 0,
    outputLines,
    errorLines,
    waitForExit: () => exited,
    stop: async () => {
      end('SIGTERM');
      const alarm = setTimeout(() => end('SIGKILL'), STOP_MS_MAX);
      return exited.finally(() => clearTimeout(alarm));
    },
    kill9: async () => {
      end('SIGKILL');
      await exited;
    },
    waitFor: async (find) => {
      for (;;) {
        const found = find();
        if (found !== undefined) return found;
        if (!running.has(child)) throw new Error(`${words.join(' ')} ended: ${errorLines.slice(-20).join('\n')}`);
        await Promise.race([once(child, 'news'), exited]);
      }
    },
  };
}

function logLines({ outputLines }: Pick<TestProcess, 'outputLines'>): LogLine[] {
  // Safe: every line of the log that begins so is one that `createLog` has written.
  return outputLines.filter((line) => line.startsWith('{"at"')).map((line) => JSON.parse(line) as LogLine);
}

function withLimit<T>(work: Promise<T>, ms: number): Promise<T> {
  let alarm: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    alarm = setTimeout(() => reject(new Error(`not within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(alarm));
}

/** A bootstrap key that no other test has. */
export function newKeyText(): string {
  return `afk_${randomBytes(24).toString('hex')}`;
}

/** A fresh folder under the system's temporary one. */
export function temporaryFolder(): Promise<string> {
  return mkdtemp(path.join(tmpdir(), 'lumegate-test-'));
}

/** A fresh place for one server's store, on one engine. */
export interface StorePlace {
  dataFolder: string;
  /** null on SQLite. */
  databaseUrl: string | null;
  dispose(): Promise<void>;
}

/** An engine that a server can be started on. */
export interface ServerEngine {
  name: 'sqlite' | 'postgres';
  /** Why this engine cannot be tested here, or false; hand it to `describe` as it is. */
  skip: string | false;
  makePlace(): Promise<StorePlace>;
}

/** Both engines, in the form `for (const engine of serverEngines()) describe(engine.name, { skip: engine.skip }, …)`. */
export function serverEngines(): ServerEngine[] {
  const server = process.env['LUMEGATE_TEST_POSTGRES'];
  return [
    { name: 'sqlite', skip: false, makePlace: () => makePlace(null) },
    {
      name: 'postgres',
      skip: server === undefined ? 'LUMEGATE_TEST_POSTGRES names no PostgreSQL server' : false,
      makePlace: () => makePlace(server ?? ''),
    },
  ];
}

async function makePlace(server: string | null): Promise<StorePlace> {
  const dataFolder = await temporaryFolder();
  const removeFolder = (): Promise<void> => rm(dataFolder, { recursive: true, force: true });
  if (server === null) return { dataFolder, databaseUrl: null, dispose: removeFolder };
  const name = `lumegate_test_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  return {
    dataFolder,
    databaseUrl: url.href,
    dispose: async () => {
      await onServer(server, `DROP DATABASE ${name} WITH (FORCE)`);
      await removeFolder();
    },
  };
}

async function onServer(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
