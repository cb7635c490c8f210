import { systemClock, type Clock } from '../core/clock.ts';
import { systemRandom, type Random } from '../core/random.ts';
import { htmlAnswer, jsonAnswer } from './answer.ts';
import { openDesk, type OpenDesk } from './desk.ts';
import type { Double, DoubleAnswer } from './double.ts';
import { fileLedger, memoryLedger, type Purchase, type PurchaseLedger } from './ledger.ts';
import { createCallbackSender } from './post-callback.ts';
import { runScript, scriptSchema, type RunningScript, type Script } from './script.ts';
import { serveDouble, type RawRequest } from './serve-double.ts';

const DURATION_MS_DEFAULT = 1_500;
const CONTROL = '/__double/';

/** How a double is started; everything may be left out. */
export interface DoubleOptions {
  /** Loopback port; 0, the default, lets the system choose. */
  port?: number;
  /** Folder of the ledger; without one it is kept in memory. */
  ledgerFolder?: string;
  /** How long a generation takes unless the script says otherwise; 1,500 ms. */
  durationMs?: number;
  script?: Script;
  clock?: Clock;
  random?: Random;
}

/** A double at work. */
export interface RunningDouble {
  id: string;
  /** `http://127.0.0.1:<port>`, without a slash. */
  url: string;
  /** The key that it accepts; null where it wants none. */
  key: string | null;
  /** Environment variables that point Lumegate at it. */
  settings: Readonly<Record<string, string>>;
  ledger(): Promise<Purchase[]>;
  /** Replaces the script, from the next start on. */
  script(script: Script): void;
  /** No more faults from now on; what was spoiled before stays so. */
  heal(): void;
  state(): DoubleState;
  close(): Promise<void>;
}

/** What a double counts; `GET /__double/state` gives the same. */
export interface DoubleState {
  id: string;
  /** Start requests with a valid input since the script began. */
  starts: number;
  purchases: number;
  /** Generations that have not ended. */
  inFlight: number;
  /** Requests of every kind but control. */
  requests: number;
  callbacks: { sent: number; failed: number; waiting: number };
  /** Requests that followed a redirect of a result link to another loopback address: an honest gateway has none. */
  trespasses: number;
}

interface Running {
  double: Double;
  open: OpenDesk;
  ledger: PurchaseLedger;
  script: RunningScript;
  requests: number;
  trespasses: number;
}

/** Starts one double on loopback and resolves once it listens. */
export async function runDouble(double: Double, options: DoubleOptions = {}): Promise<RunningDouble> {
  const { clock = systemClock(), random = systemRandom(), ledgerFolder } = options;
  const script = runScript(scriptSchema.parse(options.script ?? []));
  const ledger = ledgerFolder === undefined ? memoryLedger() : await fileLedger(ledgerFolder, double.id);
  const closing = new AbortController();
  const sender = createCallbackSender();
  let running: Running | null = null;
  const server = await serveDouble({
    port: options.port ?? 0,
    clock,
    answer: async (request) => (running === null ? { kind: 'reset' } : answer(running, request)),
  });
  const open = openDesk({
    double,
    url: server.url,
    clock,
    random,
    ledger,
    sender,
    durationMs: options.durationMs ?? DURATION_MS_DEFAULT,
    script: () => state.script,
    closing: closing.signal,
  });
  const state: Running = { double, open, ledger, script, requests: 0, trespasses: 0 };
  running = state;
  return {
    id: double.id,
    url: server.url,
    key: double.key,
    settings: double.settings(server.url),
    ledger: () => ledger.list(),
    script: (next) => {
      state.script = runScript(scriptSchema.parse(next));
    },
    heal: () => {
      state.script = runScript([]);
    },
    state: () => stateOf(state),
    close: async () => {
      closing.abort();
      await server.close();
      sender.close();
      await ledger.close();
    },
  };
}

async function answer(running: Running, request: RawRequest | null): Promise<DoubleAnswer> {
  const { double, open } = running;
  if (request === null) return double.refuse({ kind: 'too-large' });
  const path = request.url.pathname;
  if (path.startsWith(CONTROL)) return control(running, request);
  running.requests += 1;
  if (open.delivery.isMine(path)) return open.delivery.answer(request.url, (id) => open.desk.find(id));
  const key = double.keyOf(request.headers);
  if (!isRight(double, key) && double.isOpen?.(path) !== true) return double.refuse({ kind: 'wrong-key' });
  return double.handle({ ...request, path, json: parseJson(request.body), key: key ?? '' }, open.desk);
}

function isRight({ key }: Double, given: string | null): boolean {
  return key === null || given === key || given?.startsWith(`${key}-`) === true;
}

/** Routes that no provider has: what was bought, what shall go wrong. */
async function control(running: Running, request: RawRequest): Promise<DoubleAnswer> {
  const operation = `${request.method} ${request.url.pathname.slice(CONTROL.length)}`;
  switch (operation) {
    case 'GET ledger':
      return jsonAnswer(200, { purchases: await running.ledger.list() });
    case 'GET state':
      return jsonAnswer(200, stateOf(running));
    case 'POST script': {
      const parsed = scriptSchema.safeParse(parseJson(request.body));
      if (!parsed.success) return jsonAnswer(400, { error: parsed.error.issues });
      running.script = runScript(parsed.data);
      return jsonAnswer(200, { ok: true });
    }
    case 'POST heal':
      running.script = runScript([]);
      return jsonAnswer(200, { ok: true });
    case 'GET caught':
      running.trespasses += 1;
      return htmlAnswer(200, 'You should not be here');
    default:
      return jsonAnswer(404, { error: 'no such control route' });
  }
}

function stateOf({ double, open, script, requests, trespasses }: Running): DoubleState {
  const { purchases, inFlight } = open.counts();
  const callbacks = open.callbacks.counts();
  return { id: double.id, starts: script.starts(), purchases, inFlight, requests, callbacks, trespasses };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    // Not JSON: the double says so in its own words.
    return undefined;
  }
}
