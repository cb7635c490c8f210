import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = path.join(import.meta.dirname, '..', '..', 'main.ts');
/** A loaded laptop starts a server in some seconds. */
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 30_000;

/** A gateway in a process of its own, which can be killed and started again on the same folder and address. */
export interface ProofGateway {
  url: string;
  start(): Promise<void>;
  /** As a power cut would end it. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Prepares a gateway with this environment alone; nothing of the caller’s own settings reaches it. */
export async function prepareGateway(env: Record<string, string>): Promise<ProofGateway> {
  const port = await freePort();
  let child: ChildProcess | null = null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = null;
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = once(ending, 'exit');
    ending.kill(signal);
    const alarm = setTimeout(() => ending.kill('SIGKILL'), STOP_MS_MAX);
    await gone.finally(() => clearTimeout(alarm));
  };
  return {
    url: `http://127.0.0.1:${port}`,
    start: async () => {
      child = spawn(process.execPath, [...process.execArgv, MAIN, 'serve'], {
        env: { ...env, PORT: String(port) },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await untilStarted(child);
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}

async function untilStarted(child: ChildProcess): Promise<void> {
  const { stdout } = child;
  if (stdout === null) throw new Error('the gateway has no output to read');
  const lines = createInterface({ input: stdout });
  const started = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => line.includes('"server.started"') && resolve());
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code} instead of starting`)));
  });
  const alarm = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX);
  await started.finally(() => clearTimeout(alarm));
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Safe: a TCP server that listens on a host has this kind of address.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
