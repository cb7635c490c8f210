import type { Readable } from 'node:stream';

import type busboy from 'busboy';

import { GatewayError } from '../../core/errors.ts';
import { refuseTooLarge, refuseUpload, UPLOAD_BYTES_MAX_ANY } from '../../files/uploads.ts';
import { feed, openParser } from './multipart.ts';

const HOW = 'send one file as multipart/form-data in the field "file"';

/** Bytes of a body: the largest file, and what multipart adds around it. */
export const BODY_BYTES_MAX = UPLOAD_BYTES_MAX_ANY + 2 * 1024 * 1024;

/** Text fields beside the file are read over, within bounds. */
const LIMITS = { files: 1, fields: 20, parts: 22, fieldSize: 64 * 1024, fieldNameSize: 100, headerPairs: 50 };

/**
 * The bytes of the one file of a multipart body, as they arrive; the source is slowed down to the reader's pace.
 * Throws `upload_refused` for every other body. Reading on after the limit of size is left to the reader.
 */
export async function* readFileField(request: Request, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  // One byte more than allowed, so that the reader sees that there was more.
  const limits = { ...LIMITS, fileSize: UPLOAD_BYTES_MAX_ANY + 1 };
  const parser = openParser(request.headers, limits, (cause) => refuseUpload(`Wrong content type: ${HOW}`, cause));
  const first = firstFile(parser);
  if (request.body === null) throw refuseUpload(`No body: ${HOW}`);
  const feeding = feed(parser, request.body, {
    signal,
    bytesMax: BODY_BYTES_MAX,
    refuseMore: () => refuseTooLarge('video'),
  });
  // Awaited below; when the reader leaves early its refusal is of no interest any more.
  feeding.catch(() => parser.destroy());
  try {
    const { stream } = await first.file;
    if (stream !== null) for await (const chunk of stream) yield chunk;
    await feeding;
  } catch (cause) {
    if (signal.aborted) throw refuseUpload('The upload took too long or was broken off');
    parser.destroy();
    const problem = await feeding.catch((error: unknown) => error);
    for (const error of [cause, problem]) if (error instanceof GatewayError) throw error;
    throw refuseUpload(
      `The body is not valid multipart/form-data: ${HOW}`,
      cause instanceof Error ? cause.message : '',
    );
  } finally {
    parser.destroy();
    await feeding.catch(() => {});
  }
  if (first.problem !== null) throw refuseUpload(first.problem);
}

interface FirstFile {
  /** Settles with the first file, or with null when the body has ended without one. */
  file: Promise<{ stream: Readable | null }>;
  problem: string | null;
}

function firstFile(parser: busboy.Busboy): FirstFile {
  const { promise, resolve } = Promise.withResolvers<{ stream: Readable | null }>();
  const found: FirstFile = { file: promise, problem: `No file: ${HOW}` };
  parser.on('file', (name, stream) => {
    // Errors of a broken body arrive through the pipeline as well.
    stream.on('error', () => {});
    if (name === 'file') {
      found.problem = null;
      resolve({ stream });
    } else {
      found.problem = `A file in another field: ${HOW}`;
      stream.resume();
    }
  });
  parser.on('field', (name) => {
    if (name === 'file') found.problem = `The field "file" holds text: ${HOW}`;
  });
  parser.on('filesLimit', () => {
    found.problem = `More than one file: ${HOW}`;
  });
  parser.on('partsLimit', () => {
    found.problem = `Too many fields: ${HOW}`;
  });
  parser.on('close', () => resolve({ stream: null }));
  return found;
}
