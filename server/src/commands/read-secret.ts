import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

import type { Settings } from '../core/settings.ts';
import { PROVIDER_SECRET } from '../teams/provider-keys.ts';
import { CommandProblem, type Output } from './output.ts';

/** No provider's key is longer; more on standard input is some other file. */
const INPUT_CHARACTERS_MAX = 8_192;

/**
 * A secret from a variable that the operator names, from standard input, or from a prompt that shows nothing. Never
 * from the command's words: those stand in the shell's history and in everybody's list of processes.
 */
export async function readSecret(
  { output, settings }: { output: Output; settings: Pick<Settings, 'providerSecrets'> },
  fromEnv: string | undefined,
): Promise<string> {
  const text = fromEnv === undefined ? await readInput(output) : readVariable(settings, fromEnv);
  const secret = text.trim();
  if (!PROVIDER_SECRET.test(secret)) {
    throw new CommandProblem('a key is 8 to 4096 visible ASCII characters without spaces');
  }
  return secret;
}

function readVariable({ providerSecrets }: Pick<Settings, 'providerSecrets'>, name: string): string {
  const value = providerSecrets[name];
  if (value === undefined) {
    throw new CommandProblem(`--from-env must name a variable that is set and ends in _KEY or _TOKEN, not "${name}"`);
  }
  return value;
}

function readInput(output: Output): Promise<string> {
  return process.stdin.isTTY ? readHidden(output) : readPiped();
}

async function readHidden(output: Output): Promise<string> {
  output.tell('Paste the key; it is not shown. Then press Enter.');
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
  }
}

async function readPiped(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > INPUT_CHARACTERS_MAX) throw new CommandProblem('standard input is too long for a key');
  }
  return text;
}
