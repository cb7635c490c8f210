import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { errorCode } from '../core/error-code.ts';
import { generationRecord, type GenerationRecord } from './generation.ts';

/** Generations as files: they outlive a restart of the process, as a provider's would. */
export interface GenerationStore {
  /** null for an unknown id. */
  find(id: string): Promise<GenerationRecord | null>;
  save(record: GenerationRecord): Promise<void>;
  /** Where a drawn file of a generation lies (or will lie); the first one has position 1. */
  filePath(id: string, position: number, extension: string): string;
  /** A fresh path for an input file or an unfinished drawing. */
  scratchPath(name: string): string;
  /** Deletes what was last touched before `before` (UTC milliseconds). */
  sweep(before: number): Promise<void>;
}

/** Opens the folder, making it when absent. */
export async function openGenerationStore(folder: string): Promise<GenerationStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const recordPath = (id: string): string => path.join(folder, `${id}.json`);
  return {
    find: async (id) => {
      try {
        return generationRecord.parse(JSON.parse(await readFile(recordPath(id), 'utf8')));
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return null;
        throw error;
      }
    },
    save: async (record) => {
      const target = recordPath(record.request.id);
      const file = await open(`${target}.new`, 'w', 0o600);
      await file.writeFile(JSON.stringify(record));
      await file.close();
      await rename(`${target}.new`, target);
    },
    filePath: (id, position, extension) => path.join(folder, `${id}-${position}.${extension}`),
    scratchPath: (name) => path.join(folder, `scratch-${name}`),
    sweep: async (before) => {
      for (const name of await readdir(folder)) {
        const file = path.join(folder, name);
        // A file may have been renamed since the folder was read.
        const found = await stat(file).catch(() => null);
        if (found !== null && found.mtimeMs < before) await rm(file, { force: true });
      }
    },
  };
}
