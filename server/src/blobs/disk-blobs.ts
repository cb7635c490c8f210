import type { Dir, Dirent } from 'node:fs';
import { chmod, mkdir, open, opendir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { BlobEntry, BlobStore, BlobWriter } from '../core/blob-port.ts';
import { checkBlobKey } from './blob-key.ts';
import { readFileStream } from './file-stream.ts';
import { createTemporaryFile, openPrivateFolder, sweepTemporaryFolder } from './temporary-file.ts';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** A folder that another delete just tidied away is made again this often before giving up. */
const COMMIT_TRIES_MAX = 5;

/** Places where a test may break in. */
export interface DiskBlobHooks {
  /** The file is on disk and not yet under its key. */
  beforeRename?: () => void | Promise<void>;
}

/**
 * Blobs as files: `objects/` holds what is complete, `tmp/` what is being written. Both lie in one folder, so
 * that the step from one to the other is one atomic rename. Several processes may use the same folder.
 */
export async function openDiskBlobs(folder: string, hooks: DiskBlobHooks = {}): Promise<BlobStore> {
  const objects = path.join(path.resolve(folder), 'objects');
  const temporary = path.join(path.resolve(folder), 'tmp');
  for (const one of [path.resolve(folder), objects, temporary]) await openPrivateFolder(one);
  const syncFolder = sharedSync();
  const fileOf = (key: string): string => path.join(objects, ...checkBlobKey(key).split('/'));
  return {
    create: () => createWriter({ temporary, objects, fileOf, hooks, syncFolder }),
    open: async (key, range) => {
      const handle = await orNull(open(fileOf(key), 'r'));
      return handle === null ? null : readFileStream(handle, range);
    },
    stat: async (key) => fileSize(fileOf(key)),
    localPath: async (key) => ((await fileSize(fileOf(key))) === null ? null : fileOf(key)),
    delete: (key) => deleteFile(fileOf(key), objects),
    list: (prefix) => walk(objects, checkFolder(prefix)),
    sweepTemporary: (olderThanMs) => sweepTemporaryFolder(temporary, olderThanMs),
  };
}

interface WriterPlace {
  temporary: string;
  objects: string;
  fileOf(key: string): string;
  hooks: DiskBlobHooks;
  syncFolder: SyncFolder;
}

async function createWriter({ temporary, objects, fileOf, hooks, syncFolder }: WriterPlace): Promise<BlobWriter> {
  const file = await createTemporaryFile(temporary);
  return {
    path: file.path,
    write: file.write,
    commit: async (key) => {
      const target = fileOf(key);
      await file.finish();
      await syncFile(file.path);
      await hooks.beforeRename?.();
      await moveIntoPlace({ file: file.path, target, objects, syncFolder });
    },
    discard: file.remove,
  };
}

/** Opened anew: another process may have put another file in the place of the one that we opened. */
async function syncFile(file: string): Promise<void> {
  await chmod(file, FILE_MODE);
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function moveIntoPlace(place: {
  file: string;
  target: string;
  objects: string;
  syncFolder: SyncFolder;
}): Promise<void> {
  const { file, target, objects, syncFolder } = place;
  const folder = path.dirname(target);
  for (let tries = 1; ; tries += 1) {
    const firstMade = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    // A new folder is itself an entry of its parent, which must be on disk before the file counts as kept.
    if (firstMade !== undefined) await syncFolders(path.dirname(folder), objects, syncFolder);
    try {
      await rename(file, target);
      break;
    } catch (error) {
      const wasTidied = isMissing(error) && (await fileSize(file)) !== null;
      if (!wasTidied || tries >= COMMIT_TRIES_MAX) throw error;
    }
  }
  await syncFolder(folder);
}

/** From a folder up to one above it, both included. */
async function syncFolders(from: string, upTo: string, syncFolder: SyncFolder): Promise<void> {
  for (let folder = from; folder.startsWith(upTo); folder = path.dirname(folder)) await syncFolder(folder);
}

type SyncFolder = (folder: string) => Promise<void>;

/** Whoever asks while the same folder is being synced shares the next sync of it: all results lie below one folder. */
function sharedSync(): SyncFolder {
  const running = new Map<string, Promise<void>>();
  const planned = new Map<string, Promise<void>>();
  return (folder) => {
    const known = planned.get(folder);
    if (known !== undefined) return known;
    const before = running.get(folder) ?? Promise.resolve();
    const begin = (): Promise<void> => {
      planned.delete(folder);
      running.set(folder, sync);
      return syncNow(folder);
    };
    // Each one hears of its own sync alone.
    const sync = before.then(begin, begin).finally(() => {
      if (running.get(folder) === sync) running.delete(folder);
    });
    planned.set(folder, sync);
    return sync;
  };
}

async function syncNow(folder: string): Promise<void> {
  // Windows cannot open folders for this, and keeps its own journal of names.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function deleteFile(file: string, objects: string): Promise<boolean> {
  if ((await fileSize(file)) === null || (await orNull(unlink(file).then(() => true))) === null) return false;
  // A folder per job would pile up otherwise; `rmdir` refuses one that holds something.
  for (let folder = path.dirname(file); folder !== objects; folder = path.dirname(folder)) {
    const isGone = await rmdir(folder).then(
      () => true,
      () => false,
    );
    if (!isGone) break;
  }
  return true;
}

/** A key and a slash, so that `out/` cannot mean `outputs/`. */
function checkFolder(prefix: string): string {
  if (!prefix.endsWith('/')) throw new RangeError('A folder of blobs ends with a slash.');
  checkBlobKey(prefix.slice(0, -1));
  return prefix;
}

/** Names are read from the disk a few at a time: a store has a folder for each job, which may be millions. */
async function* walk(objects: string, prefix: string): AsyncGenerator<BlobEntry> {
  const folder = await orNull(opendir(path.join(objects, prefix)));
  if (folder === null) return;
  try {
    for (let entry = await nextEntry(folder); entry !== null; entry = await nextEntry(folder)) {
      const key = prefix + entry.name;
      if (entry.isDirectory()) {
        yield* walk(objects, `${key}/`);
        continue;
      }
      const facts = await orNull(stat(path.join(objects, key)));
      if (facts !== null) yield { key, modifiedAt: Math.floor(facts.mtimeMs) };
    }
  } finally {
    await folder.close();
  }
}

/** A folder that was tidied away while it was read has nothing more to give. */
function nextEntry(folder: Dir): Promise<Dirent | null> {
  return orNull(folder.read());
}

async function fileSize(file: string): Promise<{ sizeBytes: number } | null> {
  const facts = await orNull(stat(file));
  return facts?.isFile() ? { sizeBytes: facts.size } : null;
}

/** null for what is not there; every other trouble with the disk is thrown. */
async function orNull<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
