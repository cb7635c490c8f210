/**
 * `npm run check`: everything that can be said about the sources without running the server, in seconds.
 * `npm run check -- lint types` runs only the named parts.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');

interface Part {
  name: string;
  /** Arguments of Node; the tools are started by their files, so that no shell and no PATH is in between. */
  command: readonly string[];
}

const PARTS: readonly Part[] = [
  { name: 'lint', command: [tool('oxlint', 'bin/oxlint'), '--format=unix'] },
  { name: 'types', command: [tool('typescript', 'bin/tsc'), '--project', '.'] },
  { name: 'dead-code', command: [tool('knip', 'bin/knip.js'), '--no-progress'] },
  {
    name: 'repo-rules',
    command: ['--test', '--test-reporter=dot', ...globSync('test/repo/**/*.test.ts', { cwd: root })],
  },
  { name: 'format', command: [tool('oxfmt', 'bin/oxfmt'), '--list-different'] },
];

/** Parts at once: they use several threads themselves, and more than this only makes them wait for each other. */
const TOGETHER_MAX = Math.max(2, Math.min(4, os.availableParallelism()));

function tool(name: string, file: string): string {
  return path.join(root, 'node_modules', name, file);
}

interface Result {
  part: Part;
  passed: boolean;
  seconds: number;
  output: string;
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => PARTS.every((part) => part.name !== name));
  if (unknown.length > 0) {
    say(`No part is called ${unknown.join(', ')}. The parts are ${PARTS.map((part) => part.name).join(', ')}.`);
    return 2;
  }
  const waiting = PARTS.filter((part) => names.length === 0 || names.includes(part.name));
  const results: Result[] = [];
  const startedMs = performance.now();
  const worker = async (): Promise<void> => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const result = await run(part);
      results.push(result);
      report(result);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER_MAX }, worker));
  const failed = results.filter((result) => !result.passed);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  say(
    failed.length === 0
      ? `check passed in ${seconds} s`
      : `check failed in ${seconds} s: ${failed.map(nameOf).join(', ')}`,
  );
  return failed.length === 0 ? 0 : 1;
}

function nameOf(result: Result): string {
  return result.part.name;
}

function run(part: Part): Promise<Result> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...part.command], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ part, passed: code === 0, seconds: (performance.now() - startedMs) / 1000, output });
    });
  });
}

function report(result: Result): void {
  if (!result.passed) say(result.output.trimEnd());
  say(`${result.passed ? '✔' : '✖'} ${result.part.name.padEnd(10)} ${result.seconds.toFixed(1).padStart(5)} s`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = await main(process.argv.slice(2));
