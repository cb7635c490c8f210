/**
 * `npm test`: all tests, on SQLite and, where a PostgreSQL can be had, on PostgreSQL too.
 * `npm test -- test/suite/ledger.test.ts` runs a part; arguments with dashes go to Node's test runner.
 * Ends with the runner's own closing lines.
 */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';

import { startPrivatePostgres, type PrivatePostgres } from './private-postgres.ts';

const root = path.join(import.meta.dirname, '..');
const ALL_FILES = ['server/src/**/*.test.ts', 'test/**/*.test.ts'];
/** Test files at once: one for each core, and not so many that tests of time limits starve. */
const TOGETHER_MAX = Math.max(2, Math.min(8, os.availableParallelism()));
/** No test of ours may take longer; what hangs fails with its name instead of holding up the run. */
const TEST_MS_MAX = 15 * 60_000;
const CLOSING_LINE = /^ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;
const SKIPPED_LINE = /^\s*﹣ .*? # (.+)$/;

async function main(given: readonly string[]): Promise<number> {
  const postgres = await findPostgres();
  if (postgres === 'missing') return 1;
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopped.abort());
  try {
    const { code, closing, skipped } = await runTests(given, postgres.url, stopped.signal);
    for (const [reason, count] of skipped) say(`Skipped (${count}): ${reason}`);
    await postgres.server?.stop();
    for (const line of closing) say(line);
    return code;
  } finally {
    await postgres.server?.stop();
  }
}

/** The server that tests may use; 'missing' where the machine promised one, as CI does, and it does not run. */
async function findPostgres(): Promise<{ url: string | null; server: PrivatePostgres | null } | 'missing'> {
  const given = process.env['LUMEGATE_TEST_POSTGRES'];
  if (given !== undefined && given !== '') {
    say(`PostgreSQL: ${given.replace(/\/\/[^@/]*@/, '//')}, from LUMEGATE_TEST_POSTGRES`);
    return { url: given, server: null };
  }
  const result = await startPrivatePostgres();
  if ('server' in result) {
    say(`PostgreSQL: a private server for these tests, ${result.server.label}`);
    return { url: result.server.url, server: result.server };
  }
  if (process.env['CI'] === 'true') {
    say(`PostgreSQL: none, and CI=true asks for tests on both engines: ${result.reason}`);
    return 'missing';
  }
  say(`PostgreSQL: none, so its tests are skipped: ${result.reason}`);
  return { url: null, server: null };
}

interface TestRun {
  code: number;
  closing: string[];
  /** How many tests were skipped, by reason. */
  skipped: Map<string, number>;
}

function runTests(given: readonly string[], postgresUrl: string | null, stopped: AbortSignal): Promise<TestRun> {
  const options = given.filter((argument) => argument.startsWith('-'));
  const files = given.filter((argument) => !argument.startsWith('-')).map(testsIn);
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${TOGETHER_MAX}`,
      `--test-timeout=${TEST_MS_MAX}`,
      ...options,
      ...(files.length > 0 ? files : ALL_FILES),
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], env: environment(postgresUrl) },
  );
  stopped.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  const closing: string[] = [];
  const skipped = new Map<string, number>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const plain = stripVTControlCharacters(line);
    // With failures the runner prints more after its closing lines; they are held back to be the last.
    if (CLOSING_LINE.test(plain)) return closing.push(line);
    const reason = SKIPPED_LINE.exec(plain)?.[1];
    if (reason !== undefined) skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    return say(line);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: stopped.aborted ? 130 : (code ?? 1), closing, skipped }));
  });
}

/** A folder stands for the tests in it. */
function testsIn(argument: string): string {
  const isFolder = statSync(path.resolve(root, argument), { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? path.join(argument, '**/*.test.ts') : argument;
}

function environment(postgresUrl: string | null): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env };
  if (postgresUrl !== null) env['LUMEGATE_TEST_POSTGRES'] = postgresUrl;
  else delete env['LUMEGATE_TEST_POSTGRES'];
  if (process.stdout.isTTY) env['FORCE_COLOR'] ??= '1';
  return env;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = await main(process.argv.slice(2));
