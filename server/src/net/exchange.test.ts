import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import zlib from 'node:zlib';
import type { OutboundRequest } from '../core/net-port.ts';
import { handClock } from '../core/hand-clock.ts';
import { limitsFor, netForTest, serve } from './net-test-kit.ts';

function post(url: string, headers: Record<string, string> = {}): OutboundRequest {
  return { method: 'POST', url, headers: { 'content-type': 'application/json', ...headers }, body: '{"a":1}' };
}

/** A TCP server that does with each socket what the test says. */
async function rawServer(t: TestContext, onSocket: (socket: net.Socket) => void): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  // Safe: a TCP server that listens has an AddressInfo.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('an answer comes back with status, headers and body, and onSending is called once before', async (t) => {
  const server = await serve(t, (request, response) => {
    request.pipe(response.writeHead(201, { 'x-hello': 'yes', 'set-cookie': ['a=1', 'b=2'] }));
  });
  let sendings = 0;
  const result = await netForTest(t).exchange(post(`${server.origin}/start?x=1#part`), {
    ...limitsFor(server.origin),
    onSending: () => {
      assert.deepEqual(server.hits, []);
      sendings += 1;
    },
  });
  assert.ok(result.kind === 'answer');
  assert.equal(result.status, 201);
  assert.equal(Buffer.from(result.body).toString(), '{"a":1}');
  assert.equal(result.truncated, false);
  assert.equal(result.headers['x-hello'], 'yes');
  assert.equal(result.headers['set-cookie'], 'a=1, b=2');
  assert.equal(sendings, 1);
  assert.deepEqual(server.hits, ['POST /start?x=1']);
});

test('a closed port is refused: nothing was sent', async (t) => {
  const server = await serve(t, (_request, response) => response.end());
  const gone = net.createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  // Safe: as above.
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  let sendings = 0;
  const origin = `http://127.0.0.1:${port}`;
  const result = await netForTest(t).exchange(post(origin), {
    ...limitsFor(origin, server.origin),
    onSending: () => (sendings += 1),
  });
  assert.equal(result.kind === 'refused' && result.reason, 'connection-refused');
  assert.equal(sendings, 0);
  assert.doesNotMatch(JSON.stringify(result), /127|ECONN|\d{4,}/, 'the detail is generic');
});

test('a request that is withdrawn when its first byte is about to leave does not leave, and the connection serves on', async (t) => {
  const paths: (string | undefined)[] = [];
  const server = await serve(t, (request, response) => {
    paths.push(request.url);
    response.end();
  });
  const outbound = netForTest(t);
  for (const path of ['/warm', '/withdrawn', '/next']) {
    const withdrawn = new AbortController();
    const result = await outbound.exchange(post(`${server.origin}${path}`), {
      ...limitsFor(server.origin),
      signal: withdrawn.signal,
      onSending: () => {
        if (path === '/withdrawn') withdrawn.abort('too late');
      },
    });
    if (path === '/withdrawn') assert.equal(result.kind === 'refused' && result.reason, 'aborted');
    else assert.equal(result.kind, 'answer');
  }
  assert.deepEqual(paths, ['/warm', '/next']);
});

test('a reset after the request arrived is lost, and the request is not sent again', async (t) => {
  let requests = 0;
  const origin = await rawServer(t, (socket) => {
    socket.once('data', () => {
      requests += 1;
      socket.resetAndDestroy();
    });
  });
  const result = await netForTest(t).exchange(post(origin), limitsFor(origin));
  assert.equal(result.kind === 'lost' && result.reason, 'reset');
  assert.equal(requests, 1);
});

test('a kept socket that dies under the second request makes that request lost, not a retry', async (t) => {
  let requests = 0;
  const origin = await rawServer(t, (socket) => {
    socket.on('data', () => {
      requests += 1;
      if (requests === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok');
      else socket.resetAndDestroy();
    });
  });
  const outbound = netForTest(t);
  assert.equal((await outbound.exchange(post(origin), limitsFor(origin))).kind, 'answer');
  assert.equal((await outbound.exchange(post(origin), limitsFor(origin))).kind, 'lost');
  assert.equal(requests, 2);
});

test('an answer that breaks off in its body is lost', async (t) => {
  const endings = [
    'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
  ];
  for (const text of endings) {
    const origin = await rawServer(t, (socket) => socket.once('data', () => socket.end(text)));
    const result = await netForTest(t).exchange(post(origin), limitsFor(origin));
    assert.equal(result.kind === 'lost' && result.reason, 'reset', text);
  }
});

test('silence after the request is lost: after 10 s, or the longer time the caller allows', async (t) => {
  for (const [headersMs, waitMs] of [
    [undefined, 10_000],
    [45_000, 45_000],
    [120_000, 60_000],
  ] as const) {
    const clock = handClock();
    let arrived = (): void => {};
    const server = await serve(t, () => arrived());
    const request = new Promise<void>((resolve) => (arrived = resolve));
    const limits = { ...limitsFor(server.origin), ...(headersMs === undefined ? {} : { headersMs }) };
    let ended = false;
    const running = netForTest(t, { clock })
      .exchange(post(server.origin), limits)
      .finally(() => (ended = true));
    await request;
    clock.advance(waitMs - 1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(ended, false);
    clock.advance(1);
    const result = await running;
    assert.equal(result.kind === 'lost' && result.reason, 'timeout');
  }
});

test('a timeout while the name is looked up is refused', async (t) => {
  const clock = handClock();
  let asked = (): void => {};
  const question = new Promise<void>((resolve) => (asked = resolve));
  const outbound = netForTest(t, {
    clock,
    resolve: () => {
      asked();
      return new Promise(() => {});
    },
  });
  const running = outbound.exchange(post('http://slow.example/'), limitsFor());
  await question;
  clock.advance(5_000);
  const result = await running;
  assert.equal(result.kind === 'refused' && result.reason, 'timeout');
});

test('the caller may abort before the connection stands (refused) and after the request left (lost)', async (t) => {
  const early = new AbortController();
  const outbound = netForTest(t, {
    resolve: () => {
      early.abort();
      return new Promise(() => {});
    },
  });
  const before = await outbound.exchange(post('http://slow.example/'), { ...limitsFor(), signal: early.signal });
  assert.equal(before.kind === 'refused' && before.reason, 'aborted');
  const none = await outbound.exchange(post('http://slow.example/'), { ...limitsFor(), signal: early.signal });
  assert.equal(none.kind === 'refused' && none.reason, 'aborted');

  const late = new AbortController();
  const server = await serve(t, () => late.abort());
  const after = await outbound.exchange(post(server.origin), { ...limitsFor(server.origin), signal: late.signal });
  assert.equal(after.kind === 'lost' && after.reason, 'aborted');
});

test('a body over the limit is cut there and marked', async (t) => {
  const server = await serve(t, (_request, response) => response.end(Buffer.alloc(5_000, 'x')));
  const limits = { ...limitsFor(server.origin), bodyBytesMax: 4_999 };
  const cut = await netForTest(t).exchange(post(server.origin), limits);
  assert.ok(cut.kind === 'answer' && cut.truncated);
  assert.equal(cut.body.length, 4_999);
  const whole = await netForTest(t).exchange(post(server.origin), { ...limits, bodyBytesMax: 5_000 });
  assert.ok(whole.kind === 'answer' && !whole.truncated);
});

test('compressed answers are understood, and a bomb stops at the limit', async (t) => {
  const bomb = zlib.gzipSync(Buffer.alloc(50_000_000));
  const codings = {
    gzip: zlib.gzipSync('hello'),
    br: zlib.brotliCompressSync('hello'),
    deflate: zlib.deflateSync('hello'),
  };
  const server = await serve(t, (request, response) => {
    const coding = request.url?.slice(1) ?? '';
    if (coding === 'bomb') response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    else if (coding === 'broken') response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip');
    // Safe: the test asks for the names of the table only.
    else response.writeHead(200, { 'content-encoding': coding }).end(codings[coding as keyof typeof codings]);
  });
  const outbound = netForTest(t);
  for (const coding of Object.keys(codings)) {
    const result = await outbound.exchange(post(`${server.origin}/${coding}`), limitsFor(server.origin));
    assert.equal(result.kind === 'answer' && Buffer.from(result.body).toString(), 'hello', coding);
  }
  const before = process.memoryUsage().rss;
  const result = await outbound.exchange(post(`${server.origin}/bomb`), {
    ...limitsFor(server.origin),
    bodyBytesMax: 1_000,
  });
  assert.ok(result.kind === 'answer' && result.truncated);
  assert.equal(result.body.length, 1_000);
  assert.ok(process.memoryUsage().rss - before < 30_000_000);
  assert.equal((await outbound.exchange(post(`${server.origin}/broken`), limitsFor(server.origin))).kind, 'lost');
});

test('headers without end are cut off', async (t) => {
  const origin = await rawServer(t, (socket) => {
    socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`));
  });
  assert.equal((await netForTest(t).exchange(post(origin), limitsFor(origin))).kind, 'lost');
});

test('a redirect is the answer unless redirects are allowed; credentials stay with their origin', async (t) => {
  const other = await serve(t, (_request, response) => response.end('there'));
  const server = await serve(t, (request, response) => {
    response
      .writeHead(request.url === '/same' ? 307 : 302, { location: request.url === '/same' ? '/other' : other.origin })
      .end();
  });
  const secrets = { 'X-API-Key': 'a', authorization: 'b', 'x-key': 'c', 'x-plain': 'd' };
  const limits = limitsFor(server.origin, other.origin);
  const outbound = netForTest(t);
  const first = await outbound.exchange(post(`${server.origin}/same`, secrets), limits);
  assert.equal(first.kind === 'answer' && first.status, 307);
  const last = await outbound.exchange(post(`${server.origin}/same`, secrets), { ...limits, redirectsMax: 2 });
  assert.equal(last.kind === 'answer' && Buffer.from(last.body).toString(), 'there');
  assert.deepEqual(server.hits.slice(1), ['POST /same', 'POST /other']);
  assert.equal(server.requests[2]?.headers['x-api-key'], 'a');
  assert.deepEqual(other.hits, ['GET /']);
  const seen = other.requests[0]?.headers ?? {};
  assert.deepEqual(
    [seen['x-api-key'], seen['authorization'], seen['x-key'], seen['content-type']],
    [undefined, undefined, undefined, undefined],
  );
  assert.equal(seen['x-plain'], 'd');
});

test('a TLS handshake that fails is refused: the request never left', async (t) => {
  const server = await serve(t, (_request, response) => response.end());
  const origin = server.origin.replace('http:', 'https:');
  const result = await netForTest(t).exchange(post(origin), limitsFor(origin));
  assert.equal(result.kind === 'refused' && result.reason, 'tls');
  assert.deepEqual(server.hits, []);
});

test('a header that cannot be sent is our own mistake and is thrown', async (t) => {
  const server = await serve(t, (_request, response) => response.end());
  await assert.rejects(netForTest(t).exchange(post(server.origin, { 'x-bad': 'a\r\nb: c' }), limitsFor(server.origin)));
  assert.deepEqual(server.hits, []);
});

test('a socket of the operator is never reused for a stranger', async (t) => {
  const server = await serve(t, (_request, response) => response.end('x'));
  const outbound = netForTest(t, {
    publicPorts: [server.port],
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  });
  const url = `http://provider.example:${server.port}/`;
  assert.equal((await outbound.exchange(post(url), limitsFor(new URL(url).origin))).kind, 'answer');
  const stranger = await outbound.exchange(post(url), limitsFor());
  assert.equal(stranger.kind === 'refused' && stranger.reason, 'address-forbidden');
  assert.equal(server.hits.length, 1);
});
