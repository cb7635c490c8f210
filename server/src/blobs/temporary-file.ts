import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../core/error-code.ts';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** A file on this machine that is being written, here or by another process. */
export interface TemporaryFile {
  path: string;
  /** Throws when the file is finished or removed. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the writing and says how long the file is now. Throws the second time. */
  finish(): Promise<number>;
  remove(): Promise<void>;
}

/** Makes the folder if it is not there, for us alone. Several processes may use the same one. */
export async function openPrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  await chmod(folder, FOLDER_MODE);
}

/** Opens a fresh file. */
export async function createTemporaryFile(folder: string): Promise<TemporaryFile> {
  // Only this process ever looks at the name, so it need not come from the random port.
  const file = path.join(folder, randomUUID());
  let handle: FileHandle | null = await open(file, 'wx', FILE_MODE);
  const close = async (): Promise<void> => {
    const closing = handle;
    handle = null;
    await closing?.close();
  };
  const ended = (): Error => new Error('This blob is committed or discarded.');
  return {
    path: file,
    write: async (chunk) => {
      if (handle === null) throw ended();
      // One `write` of the system may take less than it was given.
      for (let written = 0; written < chunk.length;) {
        written += (await handle.write(chunk, written)).bytesWritten;
      }
    },
    finish: async () => {
      if (handle === null) throw ended();
      await close();
      // Asked anew: another process may have put another file in the place of the one that we opened.
      return (await stat(file)).size;
    },
    remove: async () => {
      await close();
      await rm(file, { force: true });
    },
  };
}

/** Deletes files that nobody has touched for `olderThanMs`. Returns how many. */
export async function sweepTemporaryFolder(folder: string, olderThanMs: number): Promise<number> {
  // Ages are told by the file system's own clock, which may be another machine's.
  const probe = await createTemporaryFile(folder);
  const now = (await stat(probe.path)).mtimeMs;
  await probe.remove();
  let swept = 0;
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    const facts = await stat(file).catch(nullWhenMissing);
    if (facts === null || now - facts.mtimeMs < olderThanMs) continue;
    await rm(file, { recursive: true, force: true });
    swept += 1;
  }
  return swept;
}

function nullWhenMissing(error: unknown): null {
  if (errorCode(error) === 'ENOENT') return null;
  throw error;
}
