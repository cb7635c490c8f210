import { fork } from 'node:child_process';
import { childEnvironment } from '../child-habits.ts';
import { endGroup } from './end-group.ts';
import { parseKeeperMessage, type ProgramEnd, type ProgramOrder } from './keeper-messages.ts';

/** The keeper does little but wait. */
const KEEPER_HEAP_MB = 64;
/** A keeper that is not done so long after its program's time is itself ended. */
const GRACE_MS = 30_000;

/**
 * Runs a program of the operator's to its end, kept by a process of its own that ends it when we are gone. Never rejects. An
 * aborted signal ends it at once, and `failed` says so.
 */
export function runProgram(order: ProgramOrder, signal: AbortSignal): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(WITHDRAWN);
    const keeper = forkKeeper(order);
    let program: number | null = null;
    let told: ProgramEnd | null = null;
    keeper.on('message', (raw) => {
      const message = parseKeeperMessage(raw);
      if (message?.kind === 'started') program = message.pid;
      if (message?.kind === 'ended') told = message.ended;
    });
    const leave = (): void => {
      if (keeper.connected) keeper.disconnect();
    };
    signal.addEventListener('abort', leave, { once: true });
    const alarm = setTimeout(() => keeper.kill('SIGKILL'), order.limits.ms + GRACE_MS);
    const end = (): void => {
      clearTimeout(alarm);
      signal.removeEventListener('abort', leave);
      // A keeper that was ended itself has left its program behind.
      if (told === null && program !== null) endGroup(program);
      resolve(signal.aborted ? WITHDRAWN : (told ?? { end: 'failed', detail: 'The process that keeps it ended.' }));
    };
    keeper.once('exit', end);
    keeper.once('error', (error) => {
      told ??= { end: 'failed', detail: `The process that keeps it cannot be started: ${error.message}` };
      if (keeper.pid === undefined) end();
    });
  });
}

const WITHDRAWN: ProgramEnd = { end: 'failed', detail: 'The work was withdrawn.' };

function forkKeeper(order: ProgramOrder): ReturnType<typeof fork> {
  const entry = new URL(`./program-keeper${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
  return fork(entry, [JSON.stringify(order)], {
    execPath: process.execPath,
    // Nothing is inherited: a parent under a debugger or a test runner must not make its children so.
    execArgv: [`--max-old-space-size=${KEEPER_HEAP_MB}`, '--disable-warning=ExperimentalWarning'],
    env: childEnvironment(),
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'json',
  });
}
