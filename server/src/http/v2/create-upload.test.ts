import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { BlobStore } from '../../core/blob-port.ts';
import { bodyOfAnswer, fakeDatabase, httpTest, KEY, PUBLIC_URL, type HttpTest } from '../http-test-kit.ts';
import { uploadSchema } from '../schemas.ts';

interface UploadTest extends HttpTest {
  written: Buffer[];
  committed: string[];
}

function uploadTest(): UploadTest {
  const written: Buffer[] = [];
  const committed: string[] = [];
  const blobs: BlobStore = {
    ...httpTest().world.blobs,
    create: async () => ({
      path: '/temporary',
      write: async (chunk) => void written.push(Buffer.from(chunk)),
      commit: async (key) => void committed.push(key),
      discard: async () => {},
    }),
  };
  const facts = {
    kind: 'image',
    contentType: 'image/png',
    extension: 'png',
    sizeBytes: 4,
    sha256: 'ab'.repeat(32),
    width: 1,
    height: 1,
    seconds: null,
    hasSignedProvenance: false,
    digitalSourceType: null,
  } as const;
  const http = httpTest({
    world: {
      blobs,
      media: { inspect: async () => ({ ok: true, value: facts }), convert: async () => ({ ok: true, value: facts }) },
      database: {
        ...fakeDatabase({}),
        transaction: (work) => work({ query: async () => [], lock: async () => {}, afterCommit: () => {} }),
      },
    },
  });
  return { ...http, written, committed };
}

function form(parts: Record<string, Blob | string>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(parts)) data.append(name, value);
  return data;
}

async function send(
  http: HttpTest,
  body: FormData | string | ReadableStream,
  headers: Record<string, string> = {},
): Promise<[number, string]> {
  // Streams need `duplex`, which the type of the options lacks; otherwise it says the same.
  const options = { method: 'POST', headers: { 'x-api-key': KEY, ...headers }, body, duplex: 'half' } as RequestInit;
  const answer = await http.app.request('/v2/uploads', options);
  return [answer.status, String((await bodyOfAnswer(answer))['error'])];
}

test('a file is answered with 201 and a URL on the media path', async () => {
  const http = uploadTest();
  const body = form({ note: 'x', file: new File(['\x89PNG'], '../../evil.html', { type: 'text/html' }) });
  const answer = await http.app.request('/v2/uploads', { method: 'POST', headers: { 'x-api-key': KEY }, body });
  assert.equal(answer.status, 201);
  const upload = uploadSchema.strict().parse(await answer.json());
  assert.match(upload.url, new RegExp(`^${PUBLIC_URL}/media/[0-9A-Za-z]{32}/upload\\.png$`));
  assert.equal(Buffer.concat(http.written).toString(), '\u0089PNG');
  assert.deepEqual(http.committed, [`uploads/${upload.id}.png`]);
});

test('a body without exactly one file in its field is refused with words', async () => {
  const file = new File(['x'], 'a.png');
  const two = form({ file });
  two.append('file', file);
  const cases: [FormData | string, Record<string, string>, RegExp][] = [
    [form({ note: 'x' }), {}, /No file: send one file as multipart\/form-data in the field "file"/],
    [form({ file: 'text' }), {}, /holds text/],
    [form({ picture: file }), {}, /another field/],
    [two, {}, /More than one file/],
    ['{}', { 'content-type': 'application/json' }, /Wrong content type/],
    ['x', { 'content-type': 'multipart/form-data' }, /Wrong content type/],
    ['--b\r\nnonsense', { 'content-type': 'multipart/form-data; boundary=b' }, /not valid multipart/],
    [
      '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc',
      { 'content-type': 'multipart/form-data; boundary=b' },
      /not valid multipart/,
    ],
    ['', { 'content-type': 'multipart/form-data; boundary=b' }, /No body|No file|not valid/],
  ];
  for (const [body, headers, words] of cases) {
    const http = uploadTest();
    const [status, error] = await send(http, body, headers);
    assert.equal(status, 400, error);
    assert.match(error, words);
    assert.deepEqual(http.committed, []);
  }
});

test('a body that says it is too large is not read, and one that is too large is not kept', async () => {
  const http = uploadTest();
  assert.match(
    (await send(http, 'x', { 'content-type': 'multipart/form-data; boundary=b', 'content-length': '99000000' }))[1],
    /larger than 50 MB/,
  );
  assert.equal(http.written.length, 0);
  const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n';
  const mebibyte = new Uint8Array(1024 * 1024);
  let count = 0;
  // Without end, so that only stopping to read can bring an answer.
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(count++ === 0 ? new TextEncoder().encode(head) : mebibyte),
  });
  assert.match((await send(http, body, { 'content-type': 'multipart/form-data; boundary=b' }))[1], /larger than 50 MB/);
  assert.ok(count < 60, `read ${count} MiB`);
  assert.deepEqual(http.committed, []);
});

test('an upload without end is given up', async () => {
  const http = uploadTest();
  const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc';
  const endless = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(head)) });
  const answering = send(http, endless, { 'content-type': 'multipart/form-data; boundary=b' });
  while (http.written.length === 0) await new Promise((resolve) => setImmediate(resolve));
  http.clock.advance(300_000);
  const [status, error] = await answering;
  assert.equal(status, 400);
  assert.match(error, /took too long/);
});
