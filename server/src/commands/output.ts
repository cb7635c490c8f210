/** Where a command writes for people; a test hands in its own. */
export interface Output {
  /** One line on standard output. */
  say(line?: string): void;
  /** One line on standard error, for people, beside what programs read on standard output. */
  tell(line: string): void;
  /** True when standard output is a terminal that shows colours. */
  isTerminal: boolean;
}

/** The process's own streams. */
export function processOutput(): Output {
  return {
    say: (line = '') => {
      process.stdout.write(`${line}\n`);
    },
    tell: (line) => {
      process.stderr.write(`${line}\n`);
    },
    isTerminal: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
  };
}

/** The command cannot do what was asked; the text says why and what would be right. */
export class CommandProblem extends Error {
  override readonly name = 'CommandProblem';
}
