import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import sharp from 'sharp';

import type { BlobWriter } from '../../server/src/core/blob-port.ts';
import { systemClock } from '../../server/src/core/clock.ts';
import { idMaker } from '../../server/src/core/ids.ts';
import { systemRandom } from '../../server/src/core/random.ts';
import { migrate } from '../../server/src/database/migrate.ts';
import { openSqlite } from '../../server/src/database/sqlite.ts';
import { startMedia } from '../../server/src/files/media/start-media.ts';
import { keepTrainingSet } from '../../server/src/files/training-set.ts';
import type { Upload } from '../../server/src/files/uploads.ts';
import { openDiskForTest, type OpenBlobs } from './blobs-world.ts';

const OWNER = { teamId: 'team-1', userId: 'user-1' };
const CAPTION = 'a photo of QWERT';

describe('the archive that a training learns from', () => {
  const clock = systemClock();
  const random = systemRandom();
  let open: OpenBlobs;
  let folder: string;
  let close: () => Promise<void>;
  let keep: (pictures: BlobWriter[]) => Promise<Upload>;
  before(async () => {
    open = await openDiskForTest();
    folder = await mkdtemp(path.join(tmpdir(), 'lumegate-training-'));
    const database = openSqlite({ file: path.join(folder, 'test.db'), clock });
    await migrate(database);
    await database.transaction((tx) =>
      tx.query(
        `INSERT INTO teams (id, name, plan, max_concurrent_jobs, created_at) VALUES ('team-1', 'T', 'free', 1, 0)`,
      ),
    );
    const quiet = { info: () => {}, warn: () => {}, error: () => {} };
    const media = startMedia({ drawModule: null, clock, log: quiet });
    const { blobs } = open;
    const world = { database, blobs, media, clock, random, newId: idMaker(clock, random) };
    keep = (pictures) => keepTrainingSet(world, OWNER, { set: { pictures, caption: CAPTION }, keepMs: 60_000 });
    close = async () => {
      await media.close();
      await database.close();
    };
  });
  after(async () => {
    await close?.();
    await open?.dispose();
    await rm(folder, { recursive: true });
  });

  const written = async (bytes: Buffer): Promise<BlobWriter> => {
    const writer = await open.blobs.create();
    await writer.write(bytes);
    return writer;
  };
  const stored = async ({ blobKey }: Upload): Promise<Buffer> => {
    const blob = await open.blobs.open(blobKey);
    assert.ok(blob !== null);
    const chunks: Uint8Array[] = [];
    for await (const chunk of blob.stream) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  it('has each picture small, upright and without its notes, and the caption beside it', async () => {
    const size = { width: 3_000, height: 1_500, channels: 3, background: 'teal' } as const;
    const photo = await sharp({ create: size })
      .jpeg()
      .withExif({ IFD0: { Artist: 'somebody' }, IFD3: { GPSLatitudeRef: 'N' } })
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const drawing = await sharp({ create: { ...size, width: 64, height: 48 } })
      .png()
      .toBuffer();
    const kept = await keep([await written(photo), await written(drawing)]);
    assert.deepEqual([kept.kind, kept.contentType], ['archive', 'application/zip']);
    const entries = entriesOf(await stored(kept));
    assert.deepEqual([...entries.keys()].toSorted(), ['01.jpg', '01.txt', '02.jpg', '02.txt']);
    assert.equal(entries.get('01.txt')?.toString(), CAPTION);
    const first = await sharp(entries.get('01.jpg')).metadata();
    assert.deepEqual([first.format, first.width, first.height], ['jpeg', 640, 1_280]);
    assert.equal(first.exif, undefined);
    const second = await sharp(entries.get('02.jpg')).metadata();
    assert.deepEqual([second.width, second.height], [64, 48], 'small ones stay as they are');
  });

  it('is the same for the same pictures', async () => {
    const picture = await sharp({ create: { width: 32, height: 32, channels: 3, background: 'teal' } })
      .png()
      .toBuffer();
    const [one, other] = [await keep([await written(picture)]), await keep([await written(picture)])];
    assert.equal(one.sha256, other.sha256);
  });

  it('that cannot be made leaves nothing behind', async () => {
    await assert.rejects(keep([await written(Buffer.from('no picture'))]), { code: 'upload_refused' });
    const kept: string[] = [];
    for await (const { key } of open.blobs.list('uploads/')) kept.push(key);
    assert.equal(kept.length, 3, 'those of the tests before');
  });
});

/** The files of an archive that packs nothing, by name, as its directory lists them. */
function entriesOf(zip: Buffer): Map<string, Buffer> {
  const end = zip.lastIndexOf('PK\u0005\u0006', undefined, 'latin1');
  const count = zip.readUInt16LE(end + 10);
  const entries = new Map<string, Buffer>();
  for (let index = 0, at = zip.readUInt32LE(end + 16); index < count; index += 1) {
    const [size, nameLength] = [zip.readUInt32LE(at + 24), zip.readUInt16LE(at + 28)];
    const local = zip.readUInt32LE(at + 42);
    const begin = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    entries.set(zip.toString('utf8', at + 46, at + 46 + nameLength), zip.subarray(begin, begin + size));
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}
