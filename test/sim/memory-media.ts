import { createHash } from 'node:crypto';

import type { MediaFacts, MediaPort, MediaResult } from '../../server/src/core/media-port.ts';

const PICTURE = /^SIM (jpg|png|webp) ([^ ]+) (\d+)(?: (small|bomb))?( marked)? END$/;
const SIDE_PIXELS = 1024;
const SIDE_PIXELS_SMALL = 512;

/** A result file of the doubles: text that says which generation made it, and that shows when its end is missing. */
export function simPicture(
  format: 'jpg' | 'png' | 'webp',
  generationId: string,
  { position, flaw }: { position: number; flaw?: 'small' | 'bomb' },
): Buffer {
  return Buffer.from(`SIM ${format} ${generationId} ${position}${flaw === undefined ? '' : ` ${flaw}`} END`);
}

/** The generation that a stored file says it came from, or null for a file that is none of the doubles'. */
export function generationOf(bytes: Buffer): string | null {
  return PICTURE.exec(bytes.toString('utf8'))?.[2] ?? null;
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Picture work on the doubles' files, in the temporary files of `MemoryBlobs`. */
export function createMemoryMedia(files: Map<string, Buffer>): MediaPort {
  const inspect = (path: string): MediaResult<MediaFacts> => {
    const bytes = files.get(path);
    if (bytes === undefined || bytes.length === 0) return { ok: false, problem: 'empty', detail: 'no bytes' };
    const text = bytes.toString('utf8');
    if (!text.startsWith('SIM ')) return { ok: false, problem: 'unsupported-type', detail: 'not a picture' };
    const match = PICTURE.exec(text);
    if (match === null) return { ok: false, problem: 'damaged', detail: 'the end is missing' };
    if (match[4] === 'bomb') return { ok: false, problem: 'too-many-pixels', detail: '100,000 x 100,000' };
    const extension = match[1] ?? 'jpg';
    const side = match[4] === 'small' ? SIDE_PIXELS_SMALL : SIDE_PIXELS;
    return {
      ok: true,
      value: {
        kind: 'image',
        contentType: `image/${extension === 'jpg' ? 'jpeg' : extension}`,
        extension,
        sizeBytes: bytes.length,
        sha256: sha256(bytes),
        width: side,
        height: side,
        seconds: null,
        hasSignedProvenance: false,
        digitalSourceType: match[5] === undefined ? null : 'trainedAlgorithmicMedia',
      },
    };
  };
  const rewrite = (from: string, to: string, change: (text: string) => string): MediaResult<MediaFacts> => {
    files.set(to, Buffer.from(change((files.get(from) ?? Buffer.alloc(0)).toString('utf8'))));
    return inspect(to);
  };
  return {
    inspect: async (path) => inspect(path),
    convert: async ({ from, to, format }) => rewrite(from, to, (text) => text.replace(/^SIM \w+/, `SIM ${format}`)),
    mark: async ({ from, to }) => rewrite(from, to, (text) => text.replace(/ END$/, ' marked END')),
    draw: async () => ({ ok: false, problem: 'crashed', detail: 'the doubles do not draw' }),
    expect: () => () => {},
    close: async () => {},
  };
}
