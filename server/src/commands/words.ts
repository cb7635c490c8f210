import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

import { CommandProblem } from './output.ts';

/** Reads a command's words; throws CommandProblem that names the wrong one. */
export function readWords<const T extends ParseArgsOptionsConfig>(words: string[], options: T) {
  try {
    return parseArgs({ args: words, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new CommandProblem(error instanceof Error ? error.message : String(error));
  }
}

/** A whole number from a word; throws CommandProblem that names the option. */
export function wholeNumber(text: string | undefined, name: string, bounds: { min: number; max: number }): number {
  const value = Number(text);
  if (text === undefined || !Number.isSafeInteger(value) || value < bounds.min || value > bounds.max) {
    throw new CommandProblem(`${name} must be a whole number from ${bounds.min} to ${bounds.max}`);
  }
  return value;
}
