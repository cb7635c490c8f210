/**
 * Bytes under a key. A key is `[a-z0-9/_.-]{1,200}` without `..`, made by us, never by a caller.
 * A blob is visible under its key only when it is complete and synced to disk.
 */
export interface BlobStore {
  /** Opens a writer to a temporary place; nothing is visible until `commit`. */
  create(): Promise<BlobWriter>;
  /** null when there is no such blob. `range` is inclusive at both ends, as in HTTP. */
  open(
    key: string,
    range?: { start: number; end: number },
  ): Promise<{ stream: ReadableStream<Uint8Array>; sizeBytes: number } | null>;
  /** null when there is no such blob. */
  stat(key: string): Promise<{ sizeBytes: number } | null>;
  /** A path on this machine that reads as the blob (the blob itself on disk), or null. */
  localPath(key: string): Promise<string | null>;
  /** True when something was deleted. */
  delete(key: string): Promise<boolean>;
  /**
   * Walks all blobs of a folder (`outputs/`) and below, in no order and without keeping them in memory; for the sweep
   * of orphans. Blobs may be deleted while it walks; whether it shows one that is added meanwhile is left open.
   */
  list(folder: string): AsyncIterable<BlobEntry>;
  /**
   * A link from which whoever has it can fetch the blob for a while, past us; only where the store can do that and the
   * operator wants it. Whether there is such a blob is not looked at.
   */
  signedUrl?(key: string, options: LinkOptions): Promise<string>;
  /** Deletes temporary files that no writer has touched for `olderThanMs`. */
  sweepTemporary(olderThanMs: number): Promise<number>;
}

/** Under which name and type a link gives its file, and how long (604,800 s at most). */
export interface LinkOptions {
  expiresSeconds: number;
  /** `[0-9A-Za-z._-]{1,200}`. */
  fileName: string;
  contentType: string;
}

export interface BlobEntry {
  key: string;
  /** UTC milliseconds. */
  modifiedAt: number;
}

export interface BlobWriter {
  /** The temporary file, so that another process can read or write it before the commit. */
  path: string;
  write(chunk: Uint8Array): Promise<void>;
  /** Syncs file and folder, then renames into place. Replaces a blob of the same key. */
  commit(key: string): Promise<void>;
  /** Deletes the temporary file; harmless after a commit. */
  discard(): Promise<void>;
}
