import assert from 'node:assert/strict';
import { mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { BlobStore } from '../core/blob-port.ts';
import { openDiskBlobs } from './disk-blobs.ts';

async function storeForTest(t: TestContext): Promise<{ blobs: BlobStore; folder: string }> {
  const parent = await mkdtemp(path.join(os.tmpdir(), 'lumegate-blobs-'));
  t.after(() => rm(parent, { recursive: true, force: true }));
  const folder = path.join(parent, 'deep', 'blobs');
  return { blobs: await openDiskBlobs(folder), folder };
}

async function put(blobs: BlobStore, key: string, text: string): Promise<void> {
  const writer = await blobs.create();
  await writer.write(Buffer.from(text));
  await writer.commit(key);
}

async function read(blobs: BlobStore, key: string, range?: { start: number; end: number }): Promise<string | null> {
  const blob = await blobs.open(key, range);
  if (blob === null) return null;
  const chunks: Uint8Array[] = [];
  for await (const chunk of blob.stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('what was written chunk by chunk is read back, also by another opener of the folder', async (t) => {
  const { blobs, folder } = await storeForTest(t);
  const writer = await blobs.create();
  await writer.write(Buffer.alloc(100_000, 'a'));
  await writer.write(Buffer.alloc(1, 'b'));
  await writer.commit('outputs/1/a.png');
  const other = await openDiskBlobs(folder);
  assert.equal(await read(other, 'outputs/1/a.png'), `${'a'.repeat(100_000)}b`);
  assert.deepEqual(await other.stat('outputs/1/a.png'), { sizeBytes: 100_001 });
  assert.equal((await stat((await other.localPath('outputs/1/a.png')) ?? '')).size, 100_001);
});

test('a half-written file is never visible, and nothing is left of a discarded one', async (t) => {
  const { blobs, folder } = await storeForTest(t);
  const writer = await blobs.create();
  await writer.write(Buffer.from('half'));
  assert.equal(await blobs.open('a'), null);
  assert.deepEqual(await readdir(path.join(folder, 'objects')), []);
  assert.equal((await readdir(path.join(folder, 'tmp'))).length, 1);
  await writer.discard();
  await writer.discard();
  assert.deepEqual(await readdir(path.join(folder, 'tmp')), []);
  await assert.rejects(writer.write(Buffer.from('x')));
  await assert.rejects(writer.commit('a'));
  assert.equal(await blobs.stat('a'), null);
});

test("a file that another process put in the writer's place is what is committed, readable by us alone", async (t) => {
  const { blobs } = await storeForTest(t);
  const writer = await blobs.create();
  await writeFile(`${writer.path}.other`, 'theirs', { mode: 0o644 });
  await rename(`${writer.path}.other`, writer.path);
  await writer.commit('a');
  assert.equal(await read(blobs, 'a'), 'theirs');
  assert.equal((await stat((await blobs.localPath('a')) ?? '')).mode & 0o777, 0o600);
});

test('folders are 0700 and files 0600', { skip: process.platform === 'win32' }, async (t) => {
  const { blobs, folder } = await storeForTest(t);
  await put(blobs, 'x/y/z', '1');
  for (const one of ['', 'tmp', 'objects', 'objects/x', 'objects/x/y']) {
    assert.equal((await stat(path.join(folder, one))).mode & 0o777, 0o700, one);
  }
  assert.equal((await stat(path.join(folder, 'objects/x/y/z'))).mode & 0o777, 0o600);
});

test('a blob is replaced as a whole: who reads the old one reads it to its end', async (t) => {
  const { blobs } = await storeForTest(t);
  await put(blobs, 'a', 'old'.repeat(50_000));
  const old = await blobs.open('a');
  assert.ok(old !== null);
  const reader = old.stream.getReader();
  let sizeBytes = (await reader.read()).value?.length ?? 0;
  await put(blobs, 'a', 'new');
  for (let next = await reader.read(); !next.done; next = await reader.read()) sizeBytes += next.value.length;
  assert.equal(sizeBytes, 150_000);
  assert.equal(await read(blobs, 'a'), 'new');
});

test('a range is inclusive at both ends and cut to what is there', async (t) => {
  const { blobs } = await storeForTest(t);
  await put(blobs, 'a', '0123456789');
  assert.equal(await read(blobs, 'a', { start: 0, end: 0 }), '0');
  assert.equal(await read(blobs, 'a', { start: 3, end: 5 }), '345');
  assert.equal(await read(blobs, 'a', { start: 8, end: 100 }), '89');
  assert.equal(await read(blobs, 'a', { start: 10, end: 20 }), '');
  const part = await blobs.open('a', { start: 3, end: 5 });
  await part?.stream.cancel();
  assert.equal(part?.sizeBytes, 10, "the size is the whole file's");
});

test('a reader that stops early leaves no open file', async (t) => {
  const { blobs } = await storeForTest(t);
  await put(blobs, 'a', 'x'.repeat(200_000));
  const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
  if (process.platform !== 'linux') return t.skip('counts open files by /proc');
  const before = await openFiles();
  for (let count = 0; count < 20; count += 1) {
    const blob = await blobs.open('a');
    const reader = blob?.stream.getReader();
    await reader?.read();
    await reader?.cancel();
  }
  assert.equal(await openFiles(), before);
});

test('keys that could leave the folder are refused by every operation', async (t) => {
  const { blobs, folder } = await storeForTest(t);
  await writeFile(path.join(folder, 'secret'), 'x');
  const keys = [
    '',
    '..',
    '../secret',
    'a/../../secret',
    '/etc/passwd',
    'a//b',
    './a',
    'a/.',
    'a/',
    'A',
    'a\\b',
    'a\0b',
    'ä',
    'a b',
    '%2e%2e/a',
    'a'.repeat(201),
  ];
  for (const key of keys) {
    await assert.rejects(async () => blobs.open(key), RangeError, key);
    await assert.rejects(async () => blobs.stat(key), RangeError, key);
    await assert.rejects(async () => blobs.localPath(key), RangeError, key);
    await assert.rejects(async () => blobs.delete(key), RangeError, key);
    const writer = await blobs.create();
    await assert.rejects(writer.commit(key), RangeError, key);
    await writer.discard();
  }
  for (const list of ['../', '', '/', 'a', 'a/../../', '/etc/'])
    assert.throws(() => blobs.list(list), RangeError, list);
});

test('a folder is no blob', async (t) => {
  const { blobs } = await storeForTest(t);
  await put(blobs, 'a/b', 'x');
  assert.deepEqual(
    [await blobs.open('a'), await blobs.stat('a'), await blobs.localPath('a'), await blobs.delete('a')],
    [null, null, null, false],
  );
  assert.equal(await read(blobs, 'a/b'), 'x');
  assert.equal(await blobs.open('a/b/c'), null);
});

test('delete says whether there was something, and tidies empty folders', async (t) => {
  const { blobs, folder } = await storeForTest(t);
  await put(blobs, 'a/b/c', '1');
  await put(blobs, 'a/d', '2');
  assert.equal(await blobs.delete('a/b/c'), true);
  assert.equal(await blobs.delete('a/b/c'), false);
  assert.deepEqual(await readdir(path.join(folder, 'objects/a')), ['d']);
  assert.equal(await blobs.delete('a/d'), true);
  assert.deepEqual(await readdir(path.join(folder, 'objects')), []);
});

test('commits and deletes in one folder at once lose nothing', async (t) => {
  const { blobs } = await storeForTest(t);
  for (let round = 0; round < 20; round += 1) {
    await put(blobs, 'a/b/old', 'x');
    await Promise.all([blobs.delete('a/b/old'), put(blobs, 'a/b/new', 'y')]);
    assert.equal(await read(blobs, 'a/b/new'), 'y');
    await blobs.delete('a/b/new');
  }
});

async function keysUnder(blobs: BlobStore, folder: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of blobs.list(folder)) keys.push(key);
  return keys.toSorted();
}

test('the walk shows each blob of a folder and below once, with its age, and no others', async (t) => {
  const { blobs } = await storeForTest(t);
  const many = Array.from({ length: 300 }, (_, index) => `u/${index}/a`);
  for (const key of [...many, 'u/b/c/d', 'u/z', 'up', 'v/a']) await put(blobs, key, 'x');
  assert.deepEqual(await keysUnder(blobs, 'u/'), [...many, 'u/b/c/d', 'u/z'].toSorted());
  assert.deepEqual(await keysUnder(blobs, 'u/b/'), ['u/b/c/d']);
  assert.deepEqual(await keysUnder(blobs, 'none/'), []);
  await utimes((await blobs.localPath('v/a')) ?? '', 1_000, 2_000);
  for await (const entry of blobs.list('v/')) assert.deepEqual(entry, { key: 'v/a', modifiedAt: 2_000_000 });
});

test('blobs and their folders may go while the walk is under way; it still shows all others', async (t) => {
  const { blobs } = await storeForTest(t);
  for (let index = 0; index < 100; index += 1) {
    await put(blobs, `o/${index}/a`, 'x');
    await put(blobs, `o/${index}/b`, 'x');
  }
  const seen: string[] = [];
  for await (const { key } of blobs.list('o/')) {
    seen.push(key);
    await blobs.delete(key);
  }
  assert.equal(seen.length, 200);
  assert.deepEqual(await keysUnder(blobs, 'o/'), []);
});

test('a walk that is left early leaves no open folder', async (t) => {
  if (process.platform !== 'linux') return t.skip('counts open files by /proc');
  const { blobs } = await storeForTest(t);
  await put(blobs, 'o/1/a', 'x');
  const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
  const before = await openFiles();
  for (let count = 0; count < 20; count += 1) {
    for await (const entry of blobs.list('o/')) {
      assert.equal(entry.key, 'o/1/a');
      break;
    }
  }
  assert.equal(await openFiles(), before);
});

test('what a crash left in tmp is swept when it is old enough, and nothing younger', async (t) => {
  const { blobs, folder } = await storeForTest(t);
  const crashed = await blobs.create();
  await crashed.write(Buffer.from('half'));
  await utimes(crashed.path, 1_000, 1_000);
  const running = await blobs.create();
  await put(blobs, 'kept', 'x');
  await utimes((await blobs.localPath('kept')) ?? '', 1_000, 1_000);
  const restarted = await openDiskBlobs(folder);
  assert.equal(await restarted.sweepTemporary(3_600_000), 1);
  assert.deepEqual(await readdir(path.join(folder, 'tmp')), [path.basename(running.path)]);
  assert.equal(await read(restarted, 'kept'), 'x');
  await crashed.discard();
  await running.discard();
});
