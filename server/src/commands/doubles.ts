import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { RunningDouble } from '../doubles/run-double.ts';
import { scriptSchema, type Script } from '../doubles/script.ts';
import { CommandProblem } from './output.ts';
import type { CommandWorld } from './serve.ts';
import { DOUBLE_IDS, isDoubleId, startDouble, type DoubleId } from './vendors.ts';
import { readWords, wholeNumber } from './words.ts';

const DURATION_MS_MAX = 86_400_000;
const SEED_MAX = 2 ** 31 - 1;

/** `lumegate doubles`: plays providers on this machine until it is told to stop, and prints the settings for them. */
export async function playDoubles({ machine, output, stopped }: CommandWorld, words: string[]): Promise<void> {
  const { values } = readWords(words, {
    only: { type: 'string' },
    port: { type: 'string' },
    duration: { type: 'string' },
    script: { type: 'string' },
    seed: { type: 'string' },
    ledger: { type: 'string' },
    json: { type: 'boolean' },
  });
  const ids = idsIn(values.only);
  const port = wholeNumber(values.port ?? '0', '--port', { min: 0, max: 65_536 - ids.length });
  const options = {
    clock: machine.clock,
    random: machine.random,
    script: await scriptIn(values),
    ...(values.ledger === undefined ? {} : { ledgerFolder: path.resolve(values.ledger) }),
    ...(values.duration === undefined
      ? {}
      : { durationMs: wholeNumber(values.duration, '--duration', { min: 0, max: DURATION_MS_MAX }) }),
  };
  const hearStop = stopped();
  const doubles: RunningDouble[] = [];
  try {
    for (const [index, id] of ids.entries()) {
      doubles.push(await start(id, { ...options, port: port === 0 ? 0 : port + index }));
    }
    for (const line of values.json === true ? jsonLines(doubles) : exportLines(doubles)) output.say(line);
    if (values.json !== true) output.tell('The doubles play until they are stopped. Nothing leaves this machine.');
    await hearStop;
  } finally {
    await Promise.all(doubles.map((double) => double.close()));
  }
}

function idsIn(only: string | undefined): readonly DoubleId[] {
  if (only === undefined) return DOUBLE_IDS;
  return only.split(',').map((name) => {
    if (!isDoubleId(name)) throw new CommandProblem(`--only knows no "${name}": it takes ${DOUBLE_IDS.join(', ')}`);
    return name;
  });
}

async function scriptIn(values: { script?: string | undefined; seed?: string | undefined }): Promise<Script> {
  if (values.seed !== undefined) {
    if (values.script !== undefined) throw new CommandProblem('--script and --seed do not go together');
    return { seed: wholeNumber(values.seed, '--seed', { min: 0, max: SEED_MAX }) };
  }
  if (values.script === undefined) return [];
  const parsed = scriptSchema.safeParse(await jsonIn(values.script));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CommandProblem(`--script: ${values.script} is no script: ${issue?.path.join('.')} ${issue?.message}`);
}

async function jsonIn(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new CommandProblem(`--script: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function start(id: DoubleId, options: Parameters<typeof startDouble>[1]): Promise<RunningDouble> {
  try {
    return await startDouble(id, options);
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (isTaken) throw new CommandProblem(`--port: ${options?.port} for ${id} is taken`);
    throw error;
  }
}

function jsonLines(doubles: readonly RunningDouble[]): string[] {
  return doubles.map(({ id, url, key, settings }) => JSON.stringify({ id, url, key, settings }));
}

/** One line a double, to be pasted or sourced. */
function exportLines(doubles: readonly RunningDouble[]): string[] {
  return doubles.map(({ settings }) => {
    const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    return `export ${words.join(' ')}`;
  });
}
