import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

import type { Random } from '../core/random.ts';
import { SECRET_BYTES } from './key-vault.ts';

/** The two secrets that never enter the database. */
export interface Secrets {
  pepper: Buffer;
  masterKey: Buffer;
}

/** The secrets cannot be used as they are; the text says what to do. */
export class SecretsProblem extends Error {
  override readonly name = 'SecretsProblem';
}

/** The form of a secret file: 32 bytes in hex and an end of line. */
const SECRET_TEXT = /^[0-9a-f]{64}\n?$/;

/**
 * Reads `<dataFolder>/secrets/{pepper,master-key}`, or makes them for a store that has no keys yet. Refuses files that
 * others may read, and a store whose keys were made with secrets that are gone.
 */
export async function openSecretsFolder(options: {
  dataFolder: string;
  random: Random;
  databaseHasKeys: boolean;
}): Promise<Secrets> {
  const folder = join(options.dataFolder, 'secrets');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await refuseShared(folder);
  const pepper = await openSecret(join(folder, 'pepper'), options);
  const masterKey = await openSecret(join(folder, 'master-key'), options);
  return { pepper, masterKey };
}

async function openSecret(path: string, options: { random: Random; databaseHasKeys: boolean }): Promise<Buffer> {
  const found = await readSecret(path);
  if (found !== null) return found;
  if (options.databaseHasKeys) {
    throw new SecretsProblem(
      `the database has API keys, but ${path} is missing: without it no key can be verified. ` +
        'Put the file back from your backup, or start with an empty database.',
    );
  }
  await createSecret(path, options.random);
  // Read back instead of returned: another process may have been first, and its secret is the one that counts.
  const created = await readSecret(path);
  if (created === null) throw new SecretsProblem(`${path} vanished while it was created`);
  return created;
}

async function readSecret(path: string): Promise<Buffer | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw new SecretsProblem(`${path} cannot be read: ${String(error)}`, { cause: error });
  }
  await refuseShared(path);
  if (!SECRET_TEXT.test(text)) throw new SecretsProblem(`${path} does not hold ${SECRET_BYTES} bytes in hex`);
  return Buffer.from(text.trim(), 'hex');
}

/** Written and synced beside its place, then linked: the file is whole or absent, and never replaced. */
async function createSecret(path: string, random: Random): Promise<void> {
  const draft = `${path}.${Buffer.from(random.bytes(8)).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${Buffer.from(random.bytes(SECRET_BYTES)).toString('hex')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    await unlink(draft);
  }
  await syncFolder(join(path, '..'));
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder as a file, and needs no such sync.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function refuseShared(path: string): Promise<void> {
  // Windows has no such bits: there the folder's owner decides by its access list.
  if (process.platform === 'win32') return;
  const { mode } = await stat(path);
  if ((mode & 0o077) === 0) return;
  const bits = (mode & 0o777).toString(8).padStart(3, '0');
  throw new SecretsProblem(`${path} is open to others (mode ${bits}): run chmod go= ${path}`);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
