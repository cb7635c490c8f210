import type { BlobStore } from '../../server/src/core/blob-port.ts';

/** Blobs in memory that keep the port's promises: invisible until commit, replaced by a commit of the same key. */
export interface MemoryBlobs extends BlobStore {
  /** Bytes of a blob, or null. */
  read(key: string): Buffer | null;
  keys(): string[];
  /** Temporary files by path, for the doubles that read and write them. */
  temporary: Map<string, Buffer>;
}

export function createMemoryBlobs(now: () => number): MemoryBlobs {
  const blobs = new Map<string, { bytes: Buffer; modifiedAt: number }>();
  const temporary = new Map<string, Buffer>();
  const touchedAt = new Map<string, number>();
  let count = 0;
  return {
    temporary,
    read: (key) => blobs.get(key)?.bytes ?? null,
    keys: () => [...blobs.keys()],
    create: async () => {
      count += 1;
      const path = `/temporary/${count}`;
      temporary.set(path, Buffer.alloc(0));
      touchedAt.set(path, now());
      return {
        path,
        write: async (chunk) => {
          temporary.set(path, Buffer.concat([temporary.get(path) ?? Buffer.alloc(0), chunk]));
          touchedAt.set(path, now());
        },
        commit: async (key) => {
          const bytes = temporary.get(path);
          if (bytes === undefined) throw new Error(`commit of ${path}, which was discarded`);
          blobs.set(key, { bytes, modifiedAt: now() });
          temporary.delete(path);
        },
        discard: async () => {
          temporary.delete(path);
        },
      };
    },
    open: async (key) => {
      const blob = blobs.get(key);
      if (blob === undefined) return null;
      return { stream: new Blob([new Uint8Array(blob.bytes)]).stream(), sizeBytes: blob.bytes.length };
    },
    stat: async (key) => {
      const blob = blobs.get(key);
      return blob === undefined ? null : { sizeBytes: blob.bytes.length };
    },
    localPath: async () => null,
    delete: async (key) => blobs.delete(key),
    list: async function* (folder) {
      for (const [key, { modifiedAt }] of blobs) if (key.startsWith(folder)) yield { key, modifiedAt };
    },
    sweepTemporary: async (olderThanMs) => {
      const old = [...temporary.keys()].filter((path) => now() - (touchedAt.get(path) ?? 0) >= olderThanMs);
      for (const path of old) temporary.delete(path);
      return old.length;
    },
  };
}
