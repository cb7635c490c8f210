import { execFile } from 'node:child_process';

/** What a program has done. */
export interface ProgramRun {
  code: number;
  output: string;
  errors: string;
}

/** A sample makes one picture; on a loaded machine that takes seconds. */
const RUN_MS_MAX = 90_000;

/** Runs a program to its end. */
export function runProgram(
  command: string,
  words: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<ProgramRun> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...options.env };
  return new Promise((resolve) => {
    execFile(command, words, { ...options, env, timeout: RUN_MS_MAX }, (error, output, errors) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, output, errors: error === null ? errors : `${errors}\n${error.message}` });
    });
  });
}
