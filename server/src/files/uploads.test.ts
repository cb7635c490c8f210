import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';

import type { BlobStore } from '../core/blob-port.ts';
import { GatewayError } from '../core/errors.ts';
import { idMaker } from '../core/ids.ts';
import type { MediaFacts, MediaResult } from '../core/media-port.ts';
import { systemRandom } from '../core/random.ts';
import { migrate } from '../database/migrate.ts';
import { openSqlite } from '../database/sqlite.ts';
import { findPublicFile } from './public-files.ts';
import { expireUploads, isUploadBlob, receiveUpload, UPLOAD_BYTES_MAX, type UploadWorld } from './uploads.ts';

const OWNER = { teamId: 'team-1', userId: 'user-1' };
const PNG: MediaFacts = {
  kind: 'image',
  contentType: 'image/png',
  extension: 'png',
  sizeBytes: 3,
  sha256: 'ab'.repeat(32),
  width: 1,
  height: 1,
  seconds: null,
  hasSignedProvenance: false,
  digitalSourceType: null,
};

interface Fixture {
  world: UploadWorld;
  blobs: Map<string, number>;
  open: () => number;
  time: { now: number };
}

async function fixture(t: TestContext, found: MediaResult<MediaFacts> = { ok: true, value: PNG }): Promise<Fixture> {
  const folder = await mkdtemp(path.join(tmpdir(), 'uploads-'));
  const time = { now: 1_000_000 };
  const clock = { now: () => time.now, monotonicMs: () => time.now, sleep: async () => {} };
  const database = openSqlite({ file: path.join(folder, 'test.db'), clock });
  t.after(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });
  await migrate(database);
  await database.transaction((tx) =>
    tx.query(
      `INSERT INTO teams (id, name, plan, max_concurrent_jobs, created_at) VALUES ('team-1', 'T', 'free', 1, 0)`,
    ),
  );
  const { store, blobs, open } = memoryBlobs();
  const media = { inspect: async () => found };
  const world = {
    database,
    blobs: store,
    media,
    clock,
    random: systemRandom(),
    newId: idMaker(clock, systemRandom()),
    settings: { uploadMs: 1000 },
  };
  return { world, blobs, open, time };
}

function memoryBlobs(): { store: BlobStore; blobs: Map<string, number>; open: () => number } {
  const blobs = new Map<string, number>();
  let open = 0;
  const create: BlobStore['create'] = async () => {
    open += 1;
    let size = 0;
    return {
      path: '/temporary',
      write: async (chunk) => void (size += chunk.byteLength),
      commit: async (key) => void blobs.set(key, size),
      discard: async () => void (open -= 1),
    };
  };
  const store: BlobStore = {
    create,
    open: async () => null,
    stat: async () => null,
    localPath: async () => null,
    delete: async (key) => blobs.delete(key),
    list: async function* () {},
    sweepTemporary: async () => 0,
  };
  return { store, blobs, open: () => open };
}

async function* bytes(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size);
}

async function refusal(working: Promise<unknown>): Promise<GatewayError> {
  const error = await working.then(
    () => null,
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof GatewayError, 'it was not refused');
  return error;
}

test('an upload is stored under a name of ours and found by its token until it expires', async (t) => {
  const { world, blobs, open, time } = await fixture(t);
  const upload = await receiveUpload(world, OWNER, bytes(1, 2));
  assert.deepEqual([upload.fileName, upload.kind, upload.expiresAt], ['upload.png', 'image', time.now + 1000]);
  assert.match(upload.token, /^[0-9A-Za-z]{32}$/);
  assert.deepEqual([...blobs], [[`uploads/${upload.id}.png`, 3]]);
  assert.equal(open(), 0);
  const find = (token: string, fileName = 'upload.png'): ReturnType<typeof findPublicFile> =>
    findPublicFile(world.database, { token, fileName, now: time.now });
  assert.equal((await find(upload.token))?.blobKey, upload.blobKey);
  assert.equal(await find(upload.token, 'other.png'), null);
  assert.equal(await find('x'.repeat(32)), null);
  assert.equal(await expireUploads(world), 0);
  time.now = upload.expiresAt;
  assert.equal(await find(upload.token), null);
  assert.equal(await isUploadBlob(world.database, upload.blobKey), true);
  assert.equal(await expireUploads(world), 1);
  assert.equal(await isUploadBlob(world.database, upload.blobKey), false);
  assert.deepEqual([...blobs], [], 'its file is gone too');
});

test('what cannot be used is refused with words, and nothing of it is kept', async (t) => {
  const cases: [MediaResult<MediaFacts>, AsyncGenerator<Uint8Array>, RegExp][] = [
    [{ ok: false, problem: 'unsupported-type', detail: 'svg' }, bytes(5), /^Unsupported file type: send PNG, JPEG/],
    [{ ok: false, problem: 'damaged', detail: 'cut' }, bytes(5), /damaged or cut off/],
    [{ ok: true, value: PNG }, bytes(), /empty/],
    [
      { ok: true, value: { ...PNG, sizeBytes: UPLOAD_BYTES_MAX.image + 1 } },
      bytes(5),
      /larger than 25 MB, the most for an image/,
    ],
    [{ ok: true, value: PNG }, bytes(UPLOAD_BYTES_MAX.video, 1), /larger than 50 MB/],
  ];
  for (const [found, body, words] of cases) {
    const { world, blobs, open } = await fixture(t, found);
    const error = await refusal(receiveUpload(world, OWNER, body));
    assert.equal(error.status, 400);
    assert.match(error.options.details?.['file']?.[0] ?? '', words);
    assert.match(error.publicText, /^Validation error: file: /);
    assert.deepEqual([blobs.size, open()], [0, 0]);
    assert.deepEqual(await world.database.query('SELECT id FROM uploads'), []);
  }
});

test('a full disk is 502, and a row that cannot be kept leaves no file', async (t) => {
  const { world, blobs } = await fixture(t);
  const full = { ...world, blobs: { ...world.blobs, create: () => Promise.reject(new Error('ENOSPC')) } };
  assert.equal((await refusal(receiveUpload(full, OWNER, bytes(1)))).status, 502);
  await assert.rejects(receiveUpload(world, { ...OWNER, teamId: 'no-such-team' }, bytes(1)));
  assert.equal(blobs.size, 0);
});
