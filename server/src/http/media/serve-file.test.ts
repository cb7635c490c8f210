import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { BlobStore } from '../../core/blob-port.ts';
import { fakeDatabase, httpTest } from '../http-test-kit.ts';
import { parseRange } from './byte-range.ts';

const BYTES = Buffer.from('0123456789');
const NOW = 1_760_000_000_000;
const PATH = '/media/abcdefghijklmnopqrstuvwxyz012345/result-1.jpg';

function fileTest(more: Partial<BlobStore> = {}): ReturnType<typeof httpTest> {
  const opened: unknown[] = [];
  const row = {
    file_name: 'result-1.jpg',
    blob_key: 'outputs/1.jpg',
    content_type: 'image/jpeg',
    size_bytes: BYTES.length,
    sha256: 'ab'.repeat(32),
    expires_at: NOW + 90_500,
  };
  const http = httpTest({
    world: {
      database: fakeDatabase({ outputs: [row] }),
      blobs: {
        ...httpTest().world.blobs,
        open: async (key, range) => {
          opened.push(key);
          const part = range === undefined ? BYTES : BYTES.subarray(range.start, range.end + 1);
          return { sizeBytes: BYTES.length, stream: new Blob([part]).stream() };
        },
        ...more,
      },
    },
  });
  return Object.assign(http, { opened });
}

test('a file is served with its exact type and lets no browser take it for a page', async () => {
  const answer = await fileTest().app.request(PATH);
  assert.equal(answer.status, 200);
  assert.equal(await answer.text(), '0123456789');
  const header = (name: string): string | null => answer.headers.get(name);
  assert.equal(header('content-type'), 'image/jpeg');
  assert.equal(header('content-length'), '10');
  assert.equal(header('x-content-type-options'), 'nosniff');
  assert.equal(header('content-security-policy'), "default-src 'none'; sandbox");
  assert.equal(header('cross-origin-resource-policy'), 'cross-origin');
  assert.equal(header('referrer-policy'), 'no-referrer');
  assert.equal(header('cache-control'), 'private, max-age=90, immutable');
  assert.equal(header('accept-ranges'), 'bytes');
  assert.equal(header('etag'), `"${'ab'.repeat(16)}"`);
});

test('HEAD tells the same and opens nothing', async () => {
  const http = fileTest();
  const answer = await http.app.request(PATH, { method: 'HEAD' });
  assert.deepEqual([answer.status, answer.headers.get('content-length'), await answer.text()], [200, '10', '']);
  assert.deepEqual(Object(http).opened, []);
});

test('a range is answered with that part', async () => {
  const { app } = fileTest();
  const ask = async (range: string, more: Record<string, string> = {}): Promise<unknown[]> => {
    const answer = await app.request(PATH, { headers: { range, ...more } });
    return [
      answer.status,
      answer.headers.get('content-range'),
      answer.headers.get('content-length'),
      await answer.text(),
    ];
  };
  assert.deepEqual(await ask('bytes=2-4'), [206, 'bytes 2-4/10', '3', '234']);
  assert.deepEqual(await ask('bytes=7-'), [206, 'bytes 7-9/10', '3', '789']);
  assert.deepEqual(await ask('bytes=-2'), [206, 'bytes 8-9/10', '2', '89']);
  assert.deepEqual(await ask('bytes=0-99'), [206, 'bytes 0-9/10', '10', '0123456789']);
  assert.deepEqual((await ask('bytes=0-1,3-4'))[0], 200);
  assert.deepEqual((await ask('bytes=0-1', { 'if-range': '"other"' }))[0], 200);
  assert.deepEqual((await ask('bytes=0-1', { 'if-range': `"${'ab'.repeat(16)}"` }))[0], 206);
  const [status, contentRange, , body] = await ask('bytes=10-');
  assert.deepEqual([status, contentRange, body], [416, 'bytes */10', '{"error":"Range not satisfiable"}']);
});

test('where the store signs links, a file is fetched there, for as long as it is kept at most', async () => {
  const asked: unknown[] = [];
  const http = fileTest({
    signedUrl: async (...words) => {
      asked.push(words);
      return 'https://store.invalid/link';
    },
  });
  const answer = await http.app.request(PATH, { headers: { range: 'bytes=0-1' } });
  assert.deepEqual([answer.status, answer.headers.get('location')], [302, 'https://store.invalid/link']);
  assert.equal(answer.headers.get('cache-control'), 'private, max-age=60');
  const link = { expiresSeconds: 90, fileName: 'result-1.jpg', contentType: 'image/jpeg' };
  assert.deepEqual(asked, [['outputs/1.jpg', link]]);
  const head = await http.app.request(PATH, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, '10']);
  assert.equal((await http.app.request(PATH.replace('result', 'other'))).status, 404);
  assert.deepEqual(Object(http).opened, []);
});

test('what the client has already is 304', async () => {
  const { app } = fileTest();
  for (const mark of [`"${'ab'.repeat(16)}"`, `W/"${'ab'.repeat(16)}"`, `"x", "${'ab'.repeat(16)}"`, '*']) {
    const answer = await app.request(PATH, { headers: { 'if-none-match': mark } });
    assert.deepEqual([answer.status, await answer.text()], [304, ''], mark);
  }
  assert.equal((await app.request(PATH, { headers: { 'if-none-match': '"x"' } })).status, 200);
});

test('another name, a short token and an unknown one are the same 404', async () => {
  const { app } = fileTest();
  const paths = [
    '/media/abcdefghijklmnopqrstuvwxyz012345/other.jpg',
    '/media/abc/result-1.jpg',
    '/media/a%2e%2e%2f/result-1.jpg',
  ];
  for (const path of paths) {
    const answer = await app.request(path);
    assert.deepEqual([answer.status, await answer.json()], [404, { error: 'File not found' }], path);
  }
  assert.equal((await httpTest().app.request(PATH)).status, 404);
});

test('a range is read as the standard says', () => {
  assert.equal(parseRange(null, 10), null);
  for (const header of ['bytes=', 'bytes=-', 'bytes=4-2', 'items=0-1', 'bytes=a-b', 'bytes=0-1,2-3'])
    assert.equal(parseRange(header, 10), null, header);
  assert.deepEqual(parseRange('bytes=-99', 10), { start: 0, end: 9 });
  assert.equal(parseRange('bytes=-0', 10), 'unsatisfiable');
  assert.equal(parseRange('bytes=99999-', 10), 'unsatisfiable');
});
