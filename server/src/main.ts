#!/usr/bin/env -S node --disable-warning=ExperimentalWarning --max-semi-space-size=32 --heap-growing-percent=40
import { readFileSync } from 'node:fs';

import { BlobStoreFailed } from './blobs/s3-failure.ts';
import { findCommand, usage } from './commands/command-table.ts';
import type { Machine } from './commands/open-store.ts';
import { CommandProblem, processOutput } from './commands/output.ts';
import { systemClock } from './core/clock.ts';
import { errorCode } from './core/error-code.ts';
import { CRASH_POINTS, type ReachCrashPoint } from './core/crash-point.ts';
import { systemRandom } from './core/random.ts';
import { readSettings, SettingError } from './core/settings.ts';
import { StoreUnavailable } from './database/database.ts';
import { createLineWriter } from './log/line-writer.ts';
import { createLog } from './log/log.ts';
import { SecretsProblem } from './teams/secrets-folder.ts';

/** Reads the environment once, builds the machine and hands it to the command that was asked for. */
async function main(): Promise<number> {
  const output = processOutput();
  const [name = 'help', ...words] = process.argv.slice(2);
  const command = findCommand(name);
  if (command === null) {
    output.tell(`Unknown command "${name}".`);
    output.say(usage());
    return 2;
  }
  try {
    const settings = readSettings(process.env);
    const clock = systemClock();
    const isUnderTest = process.env['NODE_ENV'] === 'test';
    const lines = createLineWriter((text) => void process.stdout.write(text));
    process.on('exit', lines.flush);
    const log = createLog({
      write: lines.write,
      clock,
      pretty: output.isTerminal,
      level: process.env['LUMEGATE_LOG'] === undefined && command.isQuiet ? 'warn' : settings.logLevel,
    });
    const machine: Machine = { settings, clock, random: systemRandom(), log, isUnderTest };
    return (
      (await command.run(
        { machine, output, stopped: stopSignal, reachCrashPoint: crashHook(isUnderTest), version: version() },
        words,
      )) ?? 0
    );
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    output.tell(explain(error));
    return 1;
  }
}

function explain(error: Error): string {
  const isExpected = [CommandProblem, SettingError, SecretsProblem, StoreUnavailable, BlobStoreFailed].some(
    (kind) => error instanceof kind,
  );
  if (errorCode(error) === 'EADDRINUSE') return `${error.message}. Set PORT to another one.`;
  return isExpected ? error.message : (error.stack ?? error.message);
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

/**
 * `LUMEGATE_CRASH_AT=C9` or `C9:3` ends the process at the point's first or third passing, by SIGKILL or, as in
 * `C9:3:SIGTERM`, by asking it to stop; for the fault harness alone.
 */
function crashHook(isUnderTest: boolean): ReachCrashPoint {
  const [wanted, count = '1', signal = 'SIGKILL'] = (isUnderTest ? (process.env['LUMEGATE_CRASH_AT'] ?? '') : '').split(
    ':',
  );
  if (!CRASH_POINTS.some((point) => point === wanted)) return () => {};
  let left = Number(count);
  return (point) => {
    if (point !== wanted) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, signal === 'SIGTERM' ? 'SIGTERM' : 'SIGKILL');
  };
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}

process.exitCode = await main();
