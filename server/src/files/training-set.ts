import { createHash } from 'node:crypto';

import { ZipFile } from 'yazl';

import type { BlobWriter } from '../core/blob-port.ts';
import type { MediaPort } from '../core/media-port.ts';
import { keepUpload, refuseUpload, stored, type Upload, type UploadWorld } from './uploads.ts';

/** Trainers bring pictures down to 1,024 pixels or less; more would only make the archive heavy. */
const SIDE_MAX = 1_280;
const QUALITY = 92;
/** Thirty pictures of that size come to some 10 MB; what is to go inside a request must not be more than this. */
const ARCHIVE_BYTES_MAX = 40 * 1024 * 1024;
/** The same pictures make the same archive, whenever they come. */
const ENTRY = { compress: false, mtime: new Date(Date.UTC(2000, 0, 1)), mode: 0o100644 };

/** What a training learns from. */
export interface TrainingSet {
  /** Pictures that have been looked at, in the caller's order. */
  pictures: readonly BlobWriter[];
  /** What all of them show, the word for it included. */
  caption: string;
}

/**
 * Packs the pictures for a trainer: each as a JPEG of moderate size without any of its notes (place, camera), and beside it
 * its caption. Kept among the uploads for `keepMs`. The caller still owns the pictures' temporary files.
 */
export async function keepTrainingSet(
  world: Omit<UploadWorld, 'media' | 'settings'> & { media: Pick<MediaPort, 'convert'> },
  owner: { teamId: string; userId: string },
  { set, keepMs }: { set: TrainingSet; keepMs: number },
): Promise<Upload> {
  const smaller: BlobWriter[] = [];
  const archive = await stored(world.blobs.create());
  try {
    for (const picture of set.pictures) smaller.push(await madeSmaller(world, picture));
    const { sizeBytes, sha256 } = await pack(archive, { pictures: smaller, caption: set.caption });
    const facts = { kind: 'archive', contentType: 'application/zip', extension: 'zip', sizeBytes, sha256 } as const;
    return await keepUpload(world, owner, { writer: archive, facts, keepMs });
  } finally {
    for (const writer of [...smaller, archive]) await writer.discard();
  }
}

async function madeSmaller(
  { blobs, media }: Pick<UploadWorld, 'blobs'> & { media: Pick<MediaPort, 'convert'> },
  picture: BlobWriter,
): Promise<BlobWriter> {
  const writer = await stored(blobs.create());
  const wish = { from: picture.path, to: writer.path, format: 'jpg', quality: QUALITY, sideMax: SIDE_MAX } as const;
  const made = await media.convert(wish);
  if (made.ok) return writer;
  await writer.discard();
  throw refuseUpload('A picture cannot be read; send it in another format', made.detail);
}

async function pack(
  to: BlobWriter,
  { pictures, caption }: TrainingSet,
): Promise<{ sizeBytes: number; sha256: string }> {
  const zip = new ZipFile();
  // A picture that vanished is told here, and to the reader of the stream through it.
  zip.on('error', (error) => zip.outputStream.emit('error', error));
  pictures.forEach(({ path }, index) => {
    const name = String(index + 1).padStart(2, '0');
    zip.addFile(path, `${name}.jpg`, ENTRY);
    zip.addBuffer(Buffer.from(caption), `${name}.txt`, ENTRY);
  });
  zip.end();
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of zip.outputStream) {
    // Safe: a stream of bytes gives buffers.
    const bytes = chunk as Buffer;
    sizeBytes += bytes.length;
    if (sizeBytes > ARCHIVE_BYTES_MAX) throw refuseUpload('The pictures are too large together');
    hash.update(bytes);
    await stored(to.write(bytes));
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}
