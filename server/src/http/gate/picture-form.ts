import type { Readable } from 'node:stream';

import type { BlobStore, BlobWriter } from '../../core/blob-port.ts';
import { GatewayError } from '../../core/errors.ts';
import { refuseInput, WHOLE_BODY } from '../../core/refuse-input.ts';
import { stored } from '../../files/uploads.ts';
import { feed, openParser } from './multipart.ts';

const HOW = 'send multipart/form-data with the pictures in fields "images"';

/** How many pictures a form may hold, and how large. */
export interface FormLimits {
  filesMax: number;
  fileBytesMax: number;
  totalBytesMax: number;
}

/** A form that was read whole: its texts by name, and its pictures in temporary files of the store, in their order. */
export interface PictureForm {
  fields: Map<string, string>;
  pictures: BlobWriter[];
  /** What is wrong with its files, by name; empty where nothing is. */
  problems: Record<string, string[]>;
}

/** What multipart adds around so many parts. */
const AROUND_BYTES = 1024 * 1024;
const FIELDS = { fields: 40, fieldSize: 64 * 1024, fieldNameSize: 100, headerPairs: 50 };

/**
 * Reads a form with pictures. Throws a 400 for what is no such form. The caller discards the pictures' files, which it
 * is handed through `keep` as they come, whatever happens.
 */
export async function readPictureForm(
  request: Request,
  { signal, limits, blobs, keep }: FormReading,
): Promise<PictureForm> {
  const form: PictureForm = { fields: new Map(), pictures: [], problems: {} };
  const wanted = { ...FIELDS, files: limits.filesMax + 1, fileSize: limits.fileBytesMax };
  const parser = openParser(request.headers, wanted, () => refuseForm(`Wrong content type: ${HOW}`));
  if (request.body === null) throw refuseForm(`No body: ${HOW}`);
  const writing: Promise<void>[] = [];
  parser.on('field', (name, text) => void form.fields.set(name, text));
  parser.on('file', (name, stream) => {
    // Errors of a broken body arrive through the feeding as well.
    stream.on('error', () => {});
    const isPicture = name === 'images' || name === 'images[]';
    if (!isPicture) form.problems[name] = ['Unknown file field; pictures go into "images"'];
    if (isPicture && writing.length >= limits.filesMax)
      form.problems['images'] = [`Too big: expected at most ${limits.filesMax} pictures`];
    if (!isPicture || writing.length >= limits.filesMax) {
      stream.resume();
      return;
    }
    const place = writing.length;
    const work = takePicture(stream, { blobs, keep, form, place });
    // Awaited below; an earlier refusal may make its result unwanted.
    work.catch(() => stream.resume());
    writing.push(work);
  });
  parser.on(
    'filesLimit',
    () => void (form.problems['images'] = [`Too big: expected at most ${limits.filesMax} files`]),
  );
  try {
    await feed(parser, request.body, {
      signal,
      bytesMax: limits.totalBytesMax + AROUND_BYTES,
      refuseMore: () =>
        refuseInput({ images: [`The pictures are larger than ${megabytes(limits.totalBytesMax)} together`] }),
    });
  } catch (cause) {
    if (signal.aborted) throw refuseForm('The upload took too long or was broken off');
    throw cause instanceof GatewayError ? cause : refuseForm(`The body is not valid multipart/form-data: ${HOW}`);
  } finally {
    parser.destroy();
    await Promise.allSettled(writing);
  }
  await Promise.all(writing);
  return form;
}

interface FormReading {
  signal: AbortSignal;
  limits: FormLimits;
  blobs: Pick<BlobStore, 'create'>;
  keep(writer: BlobWriter): void;
}

async function takePicture(
  stream: Readable & { truncated?: boolean },
  { blobs, keep, form, place }: Pick<FormReading, 'blobs' | 'keep'> & { form: PictureForm; place: number },
): Promise<void> {
  const writer = await stored(blobs.create());
  keep(writer);
  form.pictures[place] = writer;
  for await (const chunk of stream) {
    // Safe: a file's stream gives buffers.
    await stored(writer.write(chunk as Buffer));
  }
  if (stream.truncated === true) (form.problems[`images.${place}`] ??= []).push('The picture is larger than 10 MB');
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}

function refuseForm(text: string): GatewayError {
  return refuseInput({ [WHOLE_BODY]: [text] });
}
