import type { FileHandle } from 'node:fs/promises';

/** Bytes read and handed on at a time. */
const CHUNK_BYTES = 64 * 1024;

/**
 * The file as a stream, from `range.start` to `range.end` inclusive, cut to what is there; `sizeBytes` is always
 * the whole file's. Takes the handle over: it is closed at the end, on error, and when the reader cancels.
 * Null when it is no file.
 */
export async function readFileStream(
  handle: FileHandle,
  range?: { start: number; end: number },
): Promise<{ stream: ReadableStream<Uint8Array>; sizeBytes: number } | null> {
  let facts: Awaited<ReturnType<FileHandle['stat']>>;
  try {
    facts = await handle.stat();
  } catch (error) {
    await handle.close();
    throw error;
  }
  if (!facts.isFile()) {
    await handle.close();
    return null;
  }
  const sizeBytes = facts.size;
  let position = Math.max(0, range?.start ?? 0);
  const stop = Math.min(sizeBytes, (range?.end ?? Number.MAX_SAFE_INTEGER) + 1);
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const length = Math.min(CHUNK_BYTES, stop - position);
          const { bytesRead, buffer } =
            length > 0
              ? await handle.read(Buffer.allocUnsafe(length), 0, length, position)
              : { bytesRead: 0, buffer: null };
          position += bytesRead;
          if (buffer !== null && bytesRead > 0) return controller.enqueue(buffer.subarray(0, bytesRead));
          // A blob never changes in place, so bytes that were there and are not now mean a damaged disk.
          if (length > 0) throw new Error('The file is shorter than it was.');
          await handle.close();
          controller.close();
        } catch (error) {
          await handle.close();
          throw error;
        }
      },
      cancel: () => handle.close(),
    },
    { highWaterMark: 0 },
  );
  return { stream, sizeBytes };
}
