import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import type { Net } from '../core/net-port.ts';
import { handClock } from '../core/hand-clock.ts';
import { downloadLimitsFor, limitsFor, netForTest, serve } from './net-test-kit.ts';

const ignore = (): void => {};

test('a file arrives whole and in order, one chunk at a time', async (t) => {
  const file = Buffer.from(Array.from({ length: 700_000 }, (_, index) => index % 251));
  const server = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'image/png', 'content-length': file.length }).end(file);
  });
  const chunks: Uint8Array[] = [];
  let inSink = 0;
  const result = await netForTest(t).download(
    `${server.origin}/a.png`,
    async (chunk) => {
      inSink += 1;
      assert.equal(inSink, 1, 'the sink is awaited');
      await new Promise((resolve) => setImmediate(resolve));
      chunks.push(chunk);
      inSink -= 1;
    },
    downloadLimitsFor(server.origin),
  );
  assert.ok(result.kind === 'done');
  assert.equal(result.sizeBytes, file.length);
  assert.equal(result.headers['content-type'], 'image/png');
  assert.equal(result.finalUrl, `${server.origin}/a.png`);
  assert.ok(Buffer.concat(chunks).equals(file));
});

test('a file that breaks off is truncated, however it was sent', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.url === '/length') response.writeHead(200, { 'content-length': 1_000 });
    else if (request.url === '/gzip') {
      const whole = zlib.gzipSync(Buffer.alloc(100_000, 'ab'));
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(whole.subarray(0, whole.length - 20));
      return;
    } else response.writeHead(200);
    response.write('half', () => response.socket?.end());
  });
  const outbound = netForTest(t);
  for (const path of ['length', 'chunked', 'gzip']) {
    const result = await outbound.download(`${server.origin}/${path}`, ignore, downloadLimitsFor(server.origin));
    assert.equal(result.kind === 'failed' && result.reason, 'truncated', path);
  }
});

test('a broken connection is a reset', async (t) => {
  const server = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 1_000 });
    response.write('half', () => response.socket?.resetAndDestroy());
  });
  const result = await netForTest(t).download(server.origin, ignore, downloadLimitsFor(server.origin));
  assert.equal(result.kind === 'failed' && result.reason, 'reset');
});

test('too large is noticed by the announcement, by counting, and after decompression', async (t) => {
  const bomb = zlib.gzipSync(Buffer.alloc(20_000_000));
  const server = await serve(t, (request, response) => {
    if (request.url === '/announced') response.writeHead(200, { 'content-length': 5_001 }).write('x');
    else if (request.url === '/bomb') response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    else response.writeHead(200).write(Buffer.alloc(5_001));
  });
  const outbound = netForTest(t);
  for (const path of ['announced', 'counted', 'bomb']) {
    let sunk = 0;
    const sink = (chunk: Uint8Array): void => void (sunk += chunk.length);
    const limits = { ...downloadLimitsFor(server.origin), bytesMax: 5_000 };
    const result = await outbound.download(`${server.origin}/${path}`, sink, limits);
    assert.equal(result.kind === 'failed' && result.reason, 'too-large', path);
    assert.ok(sunk <= 5_000, path);
  }
});

test('a slow drip ends after one window below the least speed', async (t) => {
  const clock = handClock();
  let drip = (): void => {};
  const server = await serve(t, (_request, response) => {
    drip = () => void response.write('x');
    response.writeHead(200);
    drip();
  });
  let arrived = (): void => {};
  const nextByte = (): Promise<void> => new Promise((resolve) => (arrived = resolve));
  const first = nextByte();
  const limits = { ...downloadLimitsFor(server.origin), bytesPer10sMin: 2 };
  let ended = false;
  const running = netForTest(t, { clock })
    .download(server.origin, () => arrived(), limits)
    .finally(() => (ended = true));
  await first;
  const second = nextByte();
  drip();
  await second;
  clock.advance(10_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ended, false, 'two bytes in the first window are enough');
  const third = nextByte();
  drip();
  await third;
  // The sink must have returned, or the time that passes would be its own.
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(10_000);
  const result = await running;
  assert.equal(result.kind === 'failed' && result.reason, 'too-slow');
});

test('a slow sink is not the fault of the sender', async (t) => {
  const clock = handClock();
  const server = await serve(t, (_request, response) => response.writeHead(200, { 'content-length': 1 }).end('x'));
  const limits = { ...downloadLimitsFor(server.origin), bytesPer10sMin: 1_000 };
  const result = await netForTest(t, { clock }).download(
    server.origin,
    async () => {
      clock.advance(5_000);
      clock.advance(5_000);
      await new Promise((resolve) => setImmediate(resolve));
    },
    limits,
  );
  assert.equal(result.kind, 'done');
});

test('total time and abort end a download in its middle', async (t) => {
  const server = await serve(t, (_request, response) => response.writeHead(200).write('x'));
  const clock = handClock();
  const slow = await netForTest(t, { clock }).download(server.origin, () => clock.advance(600_000), {
    ...downloadLimitsFor(server.origin),
    bytesPer10sMin: 0,
  });
  assert.equal(slow.kind === 'failed' && slow.reason, 'timeout');
  const stop = new AbortController();
  const limits = { ...downloadLimitsFor(server.origin), signal: stop.signal };
  const stopped = await netForTest(t).download(server.origin, () => stop.abort(), limits);
  assert.equal(stopped.kind === 'failed' && stopped.reason, 'aborted');
});

test('redirects are followed to a limit, and every other status is a failure with its number', async (t) => {
  const server = await serve(t, (request, response) => {
    const count = Number(request.url?.slice(1));
    if (count > 0) response.writeHead(302, { location: `/${count - 1}` }).end('moved');
    else if (count === 0) response.end('file');
    else response.writeHead(-count).end();
  });
  const outbound = netForTest(t);
  const limits = downloadLimitsFor(server.origin);
  const followed = await outbound.download(`${server.origin}/3`, ignore, limits);
  assert.equal(followed.kind === 'done' && followed.finalUrl, `${server.origin}/0`);
  const tooMany = await outbound.download(`${server.origin}/4`, ignore, limits);
  assert.equal(tooMany.kind === 'failed' && tooMany.reason, 'too-many-redirects');
  for (const status of [204, 206, 404, 500]) {
    const result = await outbound.download(`${server.origin}/-${status}`, ignore, limits);
    assert.deepEqual(result.kind === 'failed' && [result.reason, result.status], ['status', status]);
  }
});

test('a redirect to a private address, another scheme or a forbidden port goes nowhere', async (t) => {
  const canary = await serve(t, (_request, response) => response.end('secret'));
  const targets = [
    `${canary.origin}/`,
    'http://169.254.169.254/latest/',
    'http://localhost/',
    'file:///etc/passwd',
    'ftp://example.com/',
    'http://user@example.com/',
    'http://',
  ];
  const server = await serve(t, (request, response) => {
    response.writeHead(302, { location: targets[Number(request.url?.slice(1))] }).end();
  });
  const outbound = netForTest(t);
  const get = async (index: number, from: Net): Promise<unknown> => {
    const result = await from.download(`${server.origin}/${index}`, ignore, downloadLimitsFor(server.origin));
    return result.kind === 'failed' ? result.reason : result.kind;
  };
  for (const index of targets.keys()) {
    assert.match(String(await get(index, outbound)), /^(address-forbidden|url-invalid)$/, targets[index]);
  }
  assert.deepEqual(canary.hits, []);
  assert.equal(await get(0, netForTest(t, { allowPrivate: true })), 'done', 'the canary can be hit');
});

test('what the sink throws is thrown on, and the connection is given up', async (t) => {
  let onClose = (): void => {};
  const closed = new Promise<void>((resolve) => (onClose = resolve));
  const server = await serve(t, (_request, response) => response.on('close', onClose).writeHead(200).write('x'));
  const disk = new Error('disk full');
  const sink = (): never => {
    throw disk;
  };
  await assert.rejects(netForTest(t).download(server.origin, sink, downloadLimitsFor(server.origin)), disk);
  await closed;
});

test('many exchanges leave no timer and no listener behind', async (t) => {
  const server = await serve(t, (_request, response) => response.end('x'));
  const stop = new AbortController();
  const outbound = netForTest(t);
  let added = 0;
  const { addEventListener, removeEventListener } = stop.signal;
  stop.signal.addEventListener = (...all: Parameters<AbortSignal['addEventListener']>): void => {
    added += 1;
    addEventListener.apply(stop.signal, all);
  };
  stop.signal.removeEventListener = (...all: Parameters<AbortSignal['removeEventListener']>): void => {
    added -= 1;
    removeEventListener.apply(stop.signal, all);
  };
  const request = { method: 'GET', url: server.origin, headers: {}, body: null } as const;
  for (let count = 0; count < 20; count += 1) {
    await outbound.exchange(request, { ...limitsFor(server.origin), signal: stop.signal });
  }
  assert.equal(added, 0);
});
