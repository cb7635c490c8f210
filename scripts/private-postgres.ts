/** A throw-away PostgreSQL server for tests: found on this machine, started on loopback, gone afterwards. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { accessSync, chownSync, constants, globSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The oldest server that the project supports. */
const MAJOR_MIN = 15;
/** A start takes about a second; a slow disk may need ten. */
const START_MS_MAX = 60_000;
const START_PAUSE_MS = 200;
/** A fast shutdown that takes longer is ended by force: nothing in it is worth keeping. */
const STOP_MS_MAX = 10_000;

export interface PrivatePostgres {
  url: string;
  /** For the log: version and address. */
  label: string;
  /** SIGKILL to the server's first process, as a power cut would end it; resolves when that is gone. */
  kill9(): Promise<void>;
  /** Starts again on the same data and the same port; resolves when it takes connections. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** A running server, or the reason why there is none. */
export type PostgresResult = { server: PrivatePostgres } | { reason: string };

/** Starts a server of the newest PostgreSQL installed here. */
export async function startPrivatePostgres(): Promise<PostgresResult> {
  const found = findBinaries();
  if (found === null)
    return { reason: `no PostgreSQL ${MAJOR_MIN} or later is installed (initdb and postgres were looked for)` };
  const user = unprivilegedUser();
  if (user === null) return { reason: 'PostgreSQL does not run as root, and there is no user called postgres' };
  const folder = await mkdtemp(path.join(os.tmpdir(), 'lumegate-postgres-'));
  try {
    if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
    return { server: await start(found, user, folder) };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    return {
      reason: `PostgreSQL ${found.version} did not start: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

interface Binaries {
  folder: string;
  version: string;
}

function findBinaries(): Binaries | null {
  const folders = [
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    ...globSync(['/usr/lib/postgresql/*/bin', '/opt/homebrew/opt/postgresql@*/bin', '/usr/local/opt/postgresql@*/bin']),
  ];
  const usable = folders.flatMap((folder) => {
    const version = isExecutable(folder, 'initdb') && isExecutable(folder, 'postgres') ? versionOf(folder) : null;
    return version !== null && Number.parseInt(version, 10) >= MAJOR_MIN ? [{ folder, version }] : [];
  });
  return usable.sort((a, b) => Number.parseFloat(b.version) - Number.parseFloat(a.version))[0] ?? null;
}

function isExecutable(folder: string, name: string): boolean {
  try {
    accessSync(path.join(folder, name), constants.X_OK);
    return true;
  } catch {
    // Absent or not for us: either way this folder is not the one.
    return false;
  }
}

function versionOf(folder: string): string | null {
  try {
    const text = execFileSync(path.join(folder, 'postgres'), ['--version'], { encoding: 'utf8' });
    return /\d+(\.\d+)?/.exec(text)?.[0] ?? null;
  } catch {
    // A binary that cannot say its version cannot serve either.
    return null;
  }
}

interface User {
  /** Absent where this process is not root and starts the server as itself. */
  uid?: number;
  gid?: number;
}

function unprivilegedUser(): User | null {
  if (process.getuid?.() !== 0) return {};
  try {
    const id = (flag: string): number =>
      Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    // `id` ends with an error for a user that does not exist.
    return null;
  }
}

async function start(found: Binaries, user: User, folder: string): Promise<PrivatePostgres> {
  const data = path.join(folder, 'data');
  const env = { ...process.env, LC_ALL: 'C', HOME: folder };
  execFileSync(
    path.join(found.folder, 'initdb'),
    ['--pgdata', data, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'],
    { ...user, env, cwd: folder, stdio: 'pipe' },
  );
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    // Durable like a real one: what the tests prove about crashes must not come from a shortcut.
    fsync: 'on',
    max_connections: '1000',
    shared_buffers: '64MB',
    logging_collector: 'off',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const run = async (): Promise<ChildProcess> => {
    const child = spawn(path.join(found.folder, 'postgres'), ['-D', data, ...options], {
      ...user,
      env,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await untilReady(child);
    return child;
  };
  let child = await run();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    label: `PostgreSQL ${found.version} on 127.0.0.1:${port}`,
    kill9: () => end(child, 'SIGKILL'),
    startAgain: async () => {
      child = await again(run);
    },
    stop: async () => {
      // SIGINT is its fast shutdown: open connections are cut.
      await end(child, 'SIGINT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`it was not ready after ${START_MS_MAX} ms`));
    }, START_MS_MAX);
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      // Read on after the start too: a full pipe would stop the server.
      if (text.length < 10_000) text += chunk;
      if (!text.includes('ready to accept connections')) return;
      clearTimeout(timer);
      resolve();
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`it ended with code ${code}: ${text.trim()}`));
    });
  });
}

/** After a SIGKILL the server's other processes hold its shared memory for a moment; until then it refuses to start. */
async function again(run: () => Promise<ChildProcess>): Promise<ChildProcess> {
  const until = performance.now() + START_MS_MAX;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(START_PAUSE_MS);
    }
  }
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    child.on('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill(signal);
  });
}
