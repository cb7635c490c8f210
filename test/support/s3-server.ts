/**
 * A real object store for tests: versitygw, a gateway that is run in earnest, on a fresh folder and a loopback port.
 * It checks signatures and the hashes of bodies. Built from source by Go, once per machine.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { systemClock } from '../../server/src/core/clock.ts';
import { systemRandom } from '../../server/src/core/random.ts';
import { readS3Setting, type S3Setting } from '../../server/src/core/s3-setting.ts';
import { s3Address } from '../../server/src/blobs/s3-address.ts';
import { createS3Client } from '../../server/src/blobs/s3-client.ts';
import { createS3Transport } from '../../server/src/net/s3-transport.ts';

const run = promisify(execFile);

const VERSION = 'v1.8.0';
const SOURCE = `github.com/versity/versitygw/cmd/versitygw@${VERSION}`;
const CACHE = path.join(import.meta.dirname, '..', '..', 'node_modules', '.cache', `versitygw-${VERSION}`);
const BINARY = path.join(CACHE, process.platform === 'win32' ? 'versitygw.exe' : 'versitygw');
/** Two minutes on two cores the first time; five seconds once Go has built it for any checkout on this machine. */
const INSTALL_MS_MAX = 10 * 60_000;
const START_MS_MAX = 30_000;
const START_PAUSE_MS = 50;
const STOP_MS_MAX = 5_000;
/** Somebody else may take the free port before the server does. */
const START_TRIES_MAX = 3;
const BUCKET = 'lumegate-test';

export interface S3Server {
  /** With a bucket that is there; tests share it and keep apart by prefix. */
  setting: S3Setting;
  /** The same as an operator would write it. */
  env: Record<string, string>;
  /** SIGKILL, as a power cut would end it; resolves when it is gone. */
  kill9(): Promise<void>;
  /** On the same folder and the same port; resolves when it answers. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** A running server, or the reason why there is none; where the machine must have one (CI=true), that is an error. */
export async function startS3Server(): Promise<{ server: S3Server } | { reason: string }> {
  const reason = await installS3Server();
  if (reason === null) return { server: await start() };
  if (process.env['CI'] === 'true') throw new Error(`CI=true asks for tests on S3: ${reason}`);
  return { reason };
}

/** Builds the server where it is not there yet; null when it is there now, else the reason why not. */
export async function installS3Server(): Promise<string | null> {
  const isThere = await access(BINARY).then(
    () => true,
    () => false,
  );
  if (isThere) return null;
  const hasGo = await run('go', ['version']).then(
    () => true,
    () => false,
  );
  if (!hasGo) return 'there is no object store to test with, and no Go to build one';
  await mkdir(CACHE, { recursive: true });
  // Two test files may build at once: each into a folder of its own, then one rename.
  const folder = await mkdtemp(path.join(CACHE, 'build-'));
  try {
    await run('go', ['install', '-trimpath', '-ldflags=-s -w', SOURCE], {
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0' },
      timeout: INSTALL_MS_MAX,
    });
    await rename(path.join(folder, path.basename(BINARY)), BINARY);
    return null;
  } catch (error) {
    return `the object store could not be built: ${error instanceof Error ? error.message.slice(0, 500) : String(error)}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function start(): Promise<S3Server> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-s3-'));
  try {
    for (let tries = 1; ; tries += 1) {
      const port = await freePort();
      try {
        return await serve(folder, port, await startProcess(folder, port));
      } catch (error) {
        if (tries >= START_TRIES_MAX) throw error;
      }
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function serve(folder: string, port: number, first: ChildProcess): Promise<S3Server> {
  const { setting, env } = enter(port);
  let current = first;
  const onExit = (): void => void current.kill('SIGKILL');
  process.once('exit', onExit);
  await makeBucket(setting);
  return {
    setting,
    env,
    kill9: () => end(current, 'SIGKILL'),
    startAgain: async () => {
      current = await startProcess(folder, port);
    },
    stop: async () => {
      await end(current, 'SIGTERM');
      process.removeListener('exit', onExit);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function enter(port: number): { setting: S3Setting; env: Record<string, string> } {
  const env = {
    LUMEGATE_BLOBS: `s3://${BUCKET}`,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'lumegate-test',
    AWS_SECRET_ACCESS_KEY: 'not-a-secret-at-all',
    AWS_REGION: 'us-east-1',
  };
  const read = readS3Setting(env.LUMEGATE_BLOBS, env);
  if (!read.ok) throw new Error(read.problem);
  return { setting: read.setting, env };
}

async function startProcess(folder: string, port: number): Promise<ChildProcess> {
  const { setting } = enter(port);
  const objects = path.join(folder, 'objects');
  const facts = path.join(folder, 'facts');
  for (const one of [objects, facts]) await mkdir(one, { recursive: true });
  const general = [
    '--port',
    `127.0.0.1:${port}`,
    '--region',
    setting.region,
    '--health',
    '/health',
    '--quiet',
    '--keep-alive',
  ];
  const child = spawn(BINARY, [...general, 'posix', '--sidecar', facts, objects], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ROOT_ACCESS_KEY: setting.accessKeyId, ROOT_SECRET_KEY: setting.secretAccessKey },
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2_000);
  });
  const deadline = performance.now() + START_MS_MAX;
  while (!(await isHealthy(port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the object store did not start: ${said}`);
    }
    await sleep(START_PAUSE_MS);
  }
  return child;
}

function isHealthy(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(1_000) }).then(
    async (answer) => {
      await answer.arrayBuffer();
      return answer.ok;
    },
    () => false,
  );
}

async function makeBucket(setting: S3Setting): Promise<void> {
  const transport = createS3Transport({ clock: systemClock() });
  const closing = new AbortController().signal;
  const client = createS3Client({ setting, transport, clock: systemClock(), random: systemRandom(), closing });
  try {
    await client.ask({ action: 'make a bucket', method: 'PUT', url: s3Address(setting).bucketUrl });
  } finally {
    await transport.close();
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await exited;
  clearTimeout(timer);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Safe: a server that listens on a port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
