import { pipeline, type Readable } from 'node:stream';
import zlib from 'node:zlib';

/**
 * The body without its transport compression. Only one layer is undone, bit by bit as it is read, so a bomb
 * costs no more than the reader's own limit. Unknown codings are handed on as they are: object stores leave
 * words there that mean nothing.
 */
export function decodeBody(body: Readable, coding: string | undefined): Readable {
  const decoder = decoderOf(coding);
  if (decoder === null) return body;
  // Errors of either stream reach the reader through the decoder; the callback only keeps them from being thrown.
  return pipeline(body, decoder, () => {});
}

/** Whether `decodeBody` would change a body with this `content-encoding`. */
export function isDecodable(coding: string | undefined): boolean {
  return DECODABLE.has((coding ?? '').trim().toLowerCase());
}

const DECODABLE = new Set(['gzip', 'x-gzip', 'deflate', 'br']);

function decoderOf(coding: string | undefined): zlib.Gunzip | zlib.Inflate | zlib.BrotliDecompress | null {
  const name = (coding ?? '').trim().toLowerCase();
  if (name === 'gzip' || name === 'x-gzip') return zlib.createGunzip();
  if (name === 'deflate') return zlib.createInflate();
  if (name === 'br') return zlib.createBrotliDecompress();
  return null;
}
