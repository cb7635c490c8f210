import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { childEnvironment, giveWay } from '../child-habits.ts';
import { refused, parseChildMessage } from './media-task.ts';
import type { FactsResult, MediaTask, TaskMessage } from './media-task.ts';

/** From fork to `ready`; 150 ms on a free machine, seconds on one that swaps. */
const START_MS_MAX = 20_000;
/** JavaScript memory of a child. Pixels live outside it and are watched by the child itself. */
const CHILD_HEAP_MB = 512;
const STDERR_CHARACTERS_MAX = 2_000;

interface Running {
  id: number;
  begin: () => void;
  finish: (result: FactsResult) => void;
}

/**
 * One child process with at most one task; used until it ends, then replaced. It does not keep the
 * parent's event loop alive while it has nothing to do.
 */
export class MediaProcess {
  /** Resolves when the process is gone, with what it last wrote to stderr. */
  readonly ended: Promise<{ stderr: string }>;
  readonly #child: ChildProcess;
  #isReady = false;
  #isUsable = true;
  #running: Running | null = null;
  #taskCount = 0;

  /** Forks at once; tasks may be given before the child is ready. */
  constructor() {
    const child = forkChild();
    this.#child = child;
    const stderr = collectStderr(child);
    child.on('message', (raw) => this.#receive(raw));
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#isUsable = false;
        this.#running?.finish(refused('crashed', 'The media process ended during the task.'));
        resolve({ stderr: stderr() });
      };
      child.once('exit', end);
      // A process that could not be started, or a channel that broke: `exit` may never come.
      child.on('error', () => {
        this.kill();
        end();
      });
    });
  }

  /** null when it could not be started. */
  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** False once it has ended or has been told to. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** Never rejects. To be called only while no other task runs. The limit counts from when the child is ready. */
  run(task: MediaTask, timeoutMs: number): Promise<FactsResult> {
    return new Promise((resolve) => {
      if (!this.#isUsable) return resolve(refused('crashed', 'The media process had already ended.'));
      const id = ++this.#taskCount;
      // Limits on a real process run on real time, also in a test whose clock does not.
      let timer = setTimeout(() => this.#overrun(START_MS_MAX), START_MS_MAX);
      const finish = (result: FactsResult): void => {
        clearTimeout(timer);
        this.#running = null;
        this.#holdEventLoop(false);
        resolve(result);
      };
      const begin = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => this.#overrun(timeoutMs), timeoutMs);
        // A channel that broke is followed by `exit` or `error`, which end the task.
        this.#child.send({ id, task } satisfies TaskMessage, () => {});
      };
      this.#running = { id, begin, finish };
      this.#holdEventLoop(true);
      if (this.#isReady) begin();
    });
  }

  /** Ends it at once; a running task answers `crashed` when the process is gone. */
  kill(): void {
    // The process dies a moment later; a task given to it in between would be lost.
    this.#isUsable = false;
    // Whoever closes the port waits for the exit, so the event loop must live until then.
    this.#child.ref();
    this.#child.kill('SIGKILL');
  }

  #receive(raw: unknown): void {
    const message = parseChildMessage(raw);
    if (message?.kind === 'ready') {
      this.#isReady = true;
      this.#running?.begin();
    } else if (message?.kind === 'answer') {
      if (message.id === this.#running?.id) this.#running.finish(message.result);
    } else {
      const why = message === null ? 'wrote nonsense' : `needed ${Math.round(message.rssBytes / 2 ** 20)} MB of memory`;
      this.kill();
      this.#running?.finish(refused('crashed', `The media process ${why} and was stopped.`));
    }
  }

  #overrun(limitMs: number): void {
    this.kill();
    this.#running?.finish(refused('too-slow', `The media process did not finish within ${limitMs} ms.`));
  }

  #holdEventLoop(isHeld: boolean): void {
    for (const handle of [this.#child, this.#child.channel]) {
      if (isHeld) handle?.ref();
      else if (this.#isUsable) handle?.unref();
    }
  }
}

function forkChild(): ChildProcess {
  const entry = new URL(`./media-child${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
  const child = fork(entry, {
    execPath: process.execPath,
    // Nothing is inherited: a parent under a debugger or a test runner must not make its children so.
    execArgv: [
      `--max-old-space-size=${CHILD_HEAP_MB}`,
      // Denies the child's JavaScript new processes, threads and debuggers. Native code is outside its reach.
      '--permission',
      '--allow-addons',
      '--allow-fs-read=*',
      '--allow-fs-write=*',
      '--disable-warning=SecurityWarning',
      '--disable-warning=ExperimentalWarning',
    ],
    env: { ...childEnvironment(), VIPS_BLOCK_UNTRUSTED: '1' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'json',
  });
  giveWay(child.pid);
  return child;
}

function collectStderr(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-STDERR_CHARACTERS_MAX);
  });
  if (child.stderr instanceof Socket) child.stderr.unref();
  return () => text.trim();
}
