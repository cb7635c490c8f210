import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { childEnvironment } from '../child-habits.ts';

/** How a program is started. */
export interface ProgramCommand {
  file: string;
  /** What stands before the two paths. */
  words: readonly string[];
}

/**
 * Finds the program that a setting names: a path, or a name to be found in `PATH`. JavaScript is run with the Node that runs
 * us. A text says why it cannot be.
 */
export function findProgram(setting: string): ProgramCommand | string {
  const isPath = setting.includes('/') || setting.includes(path.sep);
  const places = isPath
    ? ['']
    : (childEnvironment()['PATH'] ?? '').split(path.delimiter).filter((place) => place !== '');
  const script = /\.[cm]?js$/.test(setting);
  for (const place of script ? [''] : places) {
    const file = path.resolve(place, setting);
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) continue;
    if (script) return { file: process.execPath, words: [file] };
    if (isExecutable(file)) return { file, words: [] };
    return `${file} is no program: it may not be executed.`;
  }
  return isPath || script
    ? `There is no file ${path.resolve(setting)}.`
    : `No folder of PATH has a program ${setting}.`;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    // The caller says so in words.
    return false;
  }
}
