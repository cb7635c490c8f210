import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { S3Body } from '../core/s3-port.ts';

/** Bytes read and handed on at a time: what one upload keeps in memory, times the few that the socket holds. */
const CHUNK_BYTES = 64 * 1024;

/** A piece of a file, to be read as often as it must be sent. */
export interface FilePart {
  file: string;
  start: number;
  sizeBytes: number;
}

/** Reads the piece once for its hash; it is read anew for each sending, so no piece is ever in memory as a whole. */
export async function bodyOfFile(part: FilePart): Promise<S3Body & { sha256: string }> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  // One buffer for the whole piece: a fresh one for each read made memory rise twice as far.
  for await (const chunk of readPart(part, () => buffer)) hash.update(chunk);
  return {
    sizeBytes: part.sizeBytes,
    sha256: hash.digest('hex'),
    read: () => readPart(part, () => Buffer.allocUnsafe(CHUNK_BYTES)),
  };
}

async function* readPart({ file, start, sizeBytes }: FilePart, buffer: () => Buffer): AsyncGenerator<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    for (let read = 0; read < sizeBytes;) {
      const into = buffer();
      const length = Math.min(into.length, sizeBytes - read);
      const { bytesRead } = await handle.read(into, 0, length, start + read);
      if (bytesRead === 0) throw new Error('The temporary file is shorter than it was.');
      read += bytesRead;
      yield into.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
