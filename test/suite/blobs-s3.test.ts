import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { after, describe, it, type TestContext } from 'node:test';

import { s3Address } from '../../server/src/blobs/s3-address.ts';
import type { S3Blobs } from '../../server/src/blobs/s3-blobs.ts';
import { createS3Client, type S3Client } from '../../server/src/blobs/s3-client.ts';
import { BlobStoreFailed } from '../../server/src/blobs/s3-failure.ts';
import { systemClock, type Clock } from '../../server/src/core/clock.ts';
import { systemRandom } from '../../server/src/core/random.ts';
import type { S3Answer, S3Request, S3Sent } from '../../server/src/core/s3-port.ts';
import type { S3Setting } from '../../server/src/core/s3-setting.ts';
import { createS3Transport } from '../../server/src/net/s3-transport.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { openS3ForTest, put, putPattern, read, type OpenBlobs, type S3ForTest } from './blobs-world.ts';

const LARGE_BYTES = 20 * 1024 * 1024;

const found = await startS3Server();
const skip = 'server' in found ? false : found.reason;
after(async () => {
  if ('server' in found) await found.server.stop();
});

function server(): S3Server {
  if (!('server' in found)) throw new Error(found.reason);
  return found.server;
}

async function openFor(t: TestContext, options: Partial<S3ForTest> = {}): Promise<OpenBlobs<S3Blobs>> {
  const opened = await openS3ForTest({ setting: server().setting, ...options });
  t.after(() => opened.dispose());
  return opened;
}

async function proxyFor(t: TestContext): Promise<{ line: TcpProxy; setting: S3Setting }> {
  const { setting } = server();
  const line = await startTcpProxy(setting.endpoint ?? '');
  t.after(() => line.close());
  return { line, setting: { ...setting, endpoint: line.url.replace(/\/$/, ''), prefix: `test-${randomUUID()}` } };
}

/** A transport that does something else for some requests; null lets one pass. */
function through(instead: (request: S3Request) => Promise<S3Sent | null>): NonNullable<S3ForTest['through']> {
  return (real) => ({
    close: () => real.close(),
    send: async (request, limits) => (await instead(request)) ?? real.send(request, limits),
  });
}

function answer({ status = 200, headers = {}, text = '' }: Partial<S3Answer> & { text?: string }): S3Sent {
  const body = (async function* () {
    yield Buffer.from(text);
  })();
  return { kind: 'answer', status, headers, body, cancel: () => {} };
}

function hushedAfterFirstChunk(request: S3Request, line: TcpProxy): S3Request {
  const { body } = request;
  if (body === null) return request;
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of body.read()) {
      yield chunk;
      line.silence();
    }
  };
  return { ...request, body: { ...body, read: chunks } };
}

/** The system's clock for a hurried test: pauses and limits of seconds pass in hundredths. */
function hurriedClock(): Clock {
  const clock = systemClock();
  return { ...clock, sleep: (ms, signal) => clock.sleep(ms / 100, signal) };
}

/** A client of the same bucket, to see what the store does not show. */
function clientFor(t: TestContext, setting: S3Setting): S3Client {
  const clock = systemClock();
  const transport = createS3Transport({ clock });
  t.after(() => transport.close());
  return createS3Client({ setting, transport, clock, random: systemRandom(), closing: new AbortController().signal });
}

async function unfinishedUploads(client: S3Client, setting: S3Setting): Promise<number> {
  const query = { uploads: '', prefix: `${setting.prefix}/` };
  const { text } = await client.ask({ action: 'look', method: 'GET', url: s3Address(setting).bucketUrl, query });
  return text.split('<UploadId>').length - 1;
}

function fails(code: BlobStoreFailed['code'], text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof BlobStoreFailed, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    assert.ok(!error.message.includes(server().setting.secretAccessKey));
    return true;
  };
}

describe('opening an object store', { skip }, () => {
  const wrong: { what: string; change: Partial<S3Setting>; text: RegExp }[] = [
    {
      what: 'a missing bucket',
      change: { bucket: 'no-such-bucket' },
      text: /there is no bucket "no-such-bucket" at http:/,
    },
    { what: 'an unknown access key', change: { accessKeyId: 'nobody' }, text: /AWS_ACCESS_KEY_ID is not known/ },
    { what: 'a wrong secret', change: { secretAccessKey: 'wrong' }, text: /AWS_SECRET_ACCESS_KEY does not belong/ },
    { what: 'a wrong region', change: { region: 'eu-central-1' }, text: /AWS_REGION/ },
  ];
  for (const { what, change, text } of wrong) {
    it(`${what} is said in words that name the setting, at once`, async () => {
      const setting = { ...server().setting, ...change };
      await assert.rejects(openS3ForTest({ setting }), fails('BLOB_REFUSED', text));
    });
  }

  it('a service that does not listen is said after a few tries', async () => {
    const setting = { ...server().setting, endpoint: 'http://127.0.0.1:1' };
    const opening = openS3ForTest({ setting, clock: hurriedClock() });
    await assert.rejects(opening, fails('BLOB_UNAVAILABLE', /no answer from http:\/\/127\.0\.0\.1:1 \(unreachable\)/));
  });

  it('two prefixes in one bucket do not see each other', async (t) => {
    const [one, other] = [(await openFor(t)).blobs, (await openFor(t)).blobs];
    await put(one, 'outputs/a', '1');
    await put(other, 'outputs/a', '2');
    assert.equal(await one.delete('outputs/a'), true);
    assert.equal(await read(other, 'outputs/a'), '2');
  });
});

describe('uploads that go wrong', { skip }, () => {
  it('a server killed in the middle is an error, nothing is visible, and the next try succeeds', async (t) => {
    let sent = 0;
    const killing = through(async (request) => {
      if (request.method === 'PUT' && request.url.includes('partNumber=2&')) {
        sent += 1;
        if (sent === 1) await server().kill9();
      }
      return null;
    });
    const { blobs, temporaryFolder } = await openFor(t, { through: killing, clock: hurriedClock() });
    await put(blobs, 'large', 'old');
    await assert.rejects(putPattern(blobs, 'large', LARGE_BYTES), fails('BLOB_UNAVAILABLE', /could not store a part/));
    await server().startAgain();
    assert.ok(sent > 1, 'it was tried again');
    assert.deepEqual([await read(blobs, 'large'), await readdir(temporaryFolder)], ['old', []]);
    await putPattern(blobs, 'large', LARGE_BYTES);
    assert.deepEqual(await blobs.stat('large'), { sizeBytes: LARGE_BYTES });
  });

  it('an upload that fails for good leaves no parts and no file behind', async (t) => {
    const setting = { ...server().setting, prefix: `test-${randomUUID()}` };
    const full = answer({ status: 507, text: '<Error><Code>QuotaExceeded</Code></Error>' });
    const refusing = through(async ({ url }) => (url.includes('partNumber=2&') ? full : null));
    const { blobs, temporaryFolder } = await openFor(t, { setting, through: refusing });
    const upload = putPattern(blobs, 'large', LARGE_BYTES);
    await assert.rejects(upload, fails('BLOB_REFUSED', /store a part of a file: it answered 507 QuotaExceeded/));
    assert.equal(await unfinishedUploads(clientFor(t, setting), setting), 0);
    assert.deepEqual([await blobs.stat('large'), await readdir(temporaryFolder)], [null, []]);
  });

  it('a store that takes a file and then shows another length, or none, is not believed', async (t) => {
    for (const shown of [answer({ status: 404 }), answer({ headers: { 'content-length': '4' } })]) {
      const lying = through(async ({ method }) => (method === 'HEAD' ? shown : null));
      const { blobs } = await openFor(t, { through: lying });
      await assert.rejects(
        put(blobs, 'a', 'five!'),
        fails('BLOB_UNAVAILABLE', /a file (that it took|of another length)/),
      );
    }
  });

  it('closing ends an upload under way, and nothing of it is visible', async (t) => {
    const reached = Promise.withResolvers<void>();
    const watching = through(async ({ url }) => (url.includes('partNumber=') ? (reached.resolve(), null) : null));
    const setting = { ...server().setting, prefix: `test-${randomUUID()}` };
    const { blobs } = await openFor(t, { setting, through: watching });
    const upload = putPattern(blobs, 'large', LARGE_BYTES);
    const ended = assert.rejects(upload, fails('BLOB_UNAVAILABLE', /aborted/));
    await reached.promise;
    await blobs.close();
    await ended;
    const { blobs: again } = await openFor(t, { setting });
    assert.equal(await again.stat('large'), null);
    // The way to the service was closed, so the parts stay until the sweep; no upload is as old as the last day.
    assert.equal(await again.sweepTemporary(86_400_000), 0);
    assert.equal(await unfinishedUploads(clientFor(t, setting), setting), 1);
    assert.equal(await again.sweepTemporary(-86_400_000), 1);
    assert.equal(await unfinishedUploads(clientFor(t, setting), setting), 0);
  });

  it('nothing is visible right before the last step, with one request and with parts', async (t) => {
    const seen: unknown[] = [];
    const opened = await openFor(t, {
      beforeVisible: async () => {
        seen.push(await opened.blobs.stat('a'));
      },
    });
    await put(opened.blobs, 'a', 'small');
    await opened.blobs.delete('a');
    await putPattern(opened.blobs, 'a', LARGE_BYTES);
    assert.deepEqual(seen, [null, null]);
  });
});

describe('a line to the object store that fails', { skip }, () => {
  for (const { what, key, cutAt, sizeBytes } of [
    { what: 'of a whole file', key: 'a', cutAt: 'HTTP/1.1 200', sizeBytes: 5 },
    {
      what: 'to the last step of an upload',
      key: 'b',
      cutAt: 'CompleteMultipartUploadResult',
      sizeBytes: LARGE_BYTES,
    },
  ]) {
    it(`a lost answer ${what} is asked for again, and the file is there once and whole`, async (t) => {
      const { line, setting } = await proxyFor(t);
      const { blobs } = await openFor(t, { setting, clock: hurriedClock() });
      line.cutAt(cutAt);
      await putPattern(blobs, key, sizeBytes);
      assert.deepEqual(await blobs.stat(key), { sizeBytes });
      assert.equal(await unfinishedUploads(clientFor(t, server().setting), setting), 0);
    });
  }

  it('an upload that the service has forgotten because it is finished is a success, and otherwise an error', async (t) => {
    const forgotten = { status: 404, text: '<Error><Code>NoSuchUpload</Code></Error>' };
    for (const isFinished of [true, false]) {
      const { blobs } = await openFor(t, {
        through: (real) => ({
          close: () => real.close(),
          send: async (request, limits) => {
            if (request.method !== 'POST' || !request.url.includes('uploadId=')) return real.send(request, limits);
            const sent = isFinished ? await real.send(request, limits) : null;
            if (sent?.kind === 'answer') for await (const _ of sent.body);
            return answer(forgotten);
          },
        }),
      });
      const upload = putPattern(blobs, 'a', LARGE_BYTES);
      if (isFinished) await upload;
      else await assert.rejects(upload, fails('BLOB_UNAVAILABLE', /does not show a file that it took/));
      assert.deepEqual(await blobs.stat('a'), isFinished ? { sizeBytes: LARGE_BYTES } : null);
    }
  });

  it('a line that falls silent in the middle is given up after a bounded time, and a new one used', async (t) => {
    const { line, setting } = await proxyFor(t);
    let tries = 0;
    const { blobs } = await openFor(t, {
      setting,
      clock: hurriedClock(),
      through: (real) => ({
        close: () => real.close(),
        send: (request, limits) => {
          if (request.method !== 'PUT') return real.send(request, limits);
          tries += 1;
          return real.send(tries === 1 ? hushedAfterFirstChunk(request, line) : request, limits);
        },
      }),
    });
    await putPattern(blobs, 'a', 5_000_000);
    await line.swallowed();
    assert.deepEqual([tries, await blobs.stat('a')], [2, { sizeBytes: 5_000_000 }]);
  });

  it('a download that is cut off is an error, never a short file', async (t) => {
    const { line, setting } = await proxyFor(t);
    const { blobs } = await openFor(t, { setting });
    await putPattern(blobs, 'large', LARGE_BYTES);
    const blob = await blobs.open('large');
    const reader = blob?.stream.getReader();
    await reader?.read();
    await line.close();
    await assert.rejects(async () => {
      for (let next = await reader?.read(); next?.done === false; next = await reader?.read());
    });
  });
});

describe('signed links', { skip }, () => {
  const link = { expiresSeconds: 60, fileName: 'job-1.png', contentType: 'image/png' };

  it('a link fetches that one file, with our name and type, without a key', async (t) => {
    const { blobs } = await openFor(t);
    await put(blobs, 'outputs/a.png', 'picture');
    const fetched = await fetch(await blobs.signedUrl('outputs/a.png', link), { headers: { range: 'bytes=0-2' } });
    assert.deepEqual([fetched.status, await fetched.text()], [206, 'pic']);
    assert.equal(fetched.headers.get('content-type'), 'image/png');
    assert.match(fetched.headers.get('content-disposition') ?? '', /^inline; ?filename="job-1\.png"$/);
  });

  it('a changed link, an old link and another method are refused', async (t) => {
    const { blobs } = await openFor(t);
    await put(blobs, 'outputs/a.png', 'picture');
    await put(blobs, 'outputs/b.png', 'other');
    const url = await blobs.signedUrl('outputs/a.png', link);
    const changed = [
      url.replace('a.png', 'b.png'),
      url.replace('Expires=60', 'Expires=600'),
      url.replace('png', 'html'),
    ];
    for (const other of changed) assert.equal(await statusOf(other), 403, other);
    assert.equal(await statusOf(url, 'DELETE'), 403);
    const past = systemClock();
    const old = await openFor(t, {
      clock: { ...past, now: () => past.now() - 120_000 },
      setting: { ...server().setting, prefix: new URL(url).pathname.split('/')[2] ?? '' },
    });
    assert.equal(await statusOf(await old.blobs.signedUrl('outputs/a.png', link)), 403);
    assert.equal(await statusOf(url), 200);
  });

  it('names and lives that could break a header or a link are refused', async (t) => {
    const { blobs } = await openFor(t);
    for (const change of [
      { fileName: 'a"b' },
      { fileName: 'a\r\nb' },
      { expiresSeconds: 0 },
      { expiresSeconds: 604_801 },
    ]) {
      await assert.rejects(blobs.signedUrl('a', { ...link, ...change }), RangeError);
    }
    await assert.rejects(async () => blobs.signedUrl('../a', link), RangeError);
  });
});

async function statusOf(url: string, method = 'GET'): Promise<number> {
  const fetched = await fetch(url, { method });
  await fetched.arrayBuffer();
  return fetched.status;
}
