import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';

import { serverEngines } from '../support/server.ts';
import { openFuzzWorld, SMALL_BODY, type FuzzWorld } from './fuzz-world.ts';
import { residentMebibytes, sendRaw } from './raw-socket.ts';
import { changedTables } from './store-watch.ts';

/** Sockets that send their headers slowly, or their bodies; each is a file handle on both sides. */
const SLOW_HEADERS = 300;
const SLOW_BODIES = 50;
/** Headers 10 s, bodies 30 s, looked at every 2 s; and a machine that is busy. */
const SLOW_MS_MAX = 60_000;
/** What floods may cost in memory for good; reliability T10. */
const GROWTH_MEBIBYTES_MAX = 50;

/** Cases in which we hang up after the last byte, as otherwise both sides would wait. */
const THEN_END = new Set(['a body that ends early']);

const [sqlite] = serverEngines();
assert.ok(sqlite !== undefined);
const engine = sqlite;

describe('what no HTTP library would send', () => {
  let world: FuzzWorld;
  before(async () => {
    world = await openFuzzWorld(engine);
  });
  after(() => world.close());

  /** A submit that would be accepted, with these headers and this body after them. */
  const post = (headers: readonly string[], body: string | Buffer = ''): Buffer =>
    Buffer.concat([
      Buffer.from(
        `POST /v2/images/generate HTTP/1.1\r\nHost: x\r\nX-API-Key: ${world.keys.owner}\r\nConnection: close\r\n`,
      ),
      Buffer.from(`${['Content-Type: application/json', ...headers].join('\r\n')}\r\n\r\n`, 'latin1'),
      Buffer.from(body),
    ]);
  const get = (headers: string, target = '/v2/me', version = 'HTTP/1.1'): Buffer =>
    Buffer.from(`GET ${target} ${version}\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`, 'latin1');

  it('each gets an answer of ours or a closed connection, never a 5xx, and changes nothing', async (context) => {
    const json = JSON.stringify(SMALL_BODY);
    const key = `X-API-Key: ${world.keys.owner}\r\n`;
    const half = json.length / 2;
    const cases: [string, Buffer, (number | null)[]][] = [
      [
        'two Content-Lengths',
        post([`Content-Length: ${json.length}`, `Content-Length: ${json.length + 1}`], json),
        [400],
      ],
      [
        'the same Content-Length twice',
        post([`Content-Length: ${json.length}`, `Content-Length: ${json.length}`], json),
        [400],
      ],
      [
        'Content-Length and Transfer-Encoding',
        post(
          [`Content-Length: 3`, 'Transfer-Encoding: chunked'],
          `${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`,
        ),
        [400],
      ],
      ['a negative Content-Length', post(['Content-Length: -1'], json), [400]],
      ['a Content-Length in words', post(['Content-Length: ten'], json), [400]],
      ['a Content-Length with a plus', post([`Content-Length: +${json.length}`], json), [400]],
      ['a Content-Length in hexadecimal', post(['Content-Length: 0x10'], json), [400]],
      ['a Content-Length beyond all numbers', post([`Content-Length: ${'9'.repeat(40)}`], json), [400]],
      ['a Content-Length over 1 MiB', post(['Content-Length: 99999999'], json), [400]],
      ['a body that ends early', post([`Content-Length: ${json.length}`], json.slice(0, half)), [400, null]],
      ['chunks that are no chunks', post(['Transfer-Encoding: chunked'], 'zz\r\nhello\r\n'), [400]],
      ['a chunk of endless size', post(['Transfer-Encoding: chunked'], `${'f'.repeat(40)}\r\nhello`), [400]],
      ['a negative chunk', post(['Transfer-Encoding: chunked'], '-1\r\n\r\n'), [400]],
      ['a chunk longer than it says', post(['Transfer-Encoding: chunked'], `2\r\n${json}\r\n0\r\n\r\n`), [400]],
      [
        'chunks over 1 MiB',
        post(['Transfer-Encoding: chunked'], `200000\r\n${' '.repeat(0x20_0000)}\r\n0\r\n\r\n`),
        [400],
      ],
      [
        'a chunk extension of 100 KiB',
        post(['Transfer-Encoding: chunked'], `5;${'a'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n`),
        [400, 413],
      ],
      [
        'trailers of 100 KiB',
        post(['Transfer-Encoding: chunked'], `1\r\nx\r\n0\r\nA: ${'a'.repeat(100_000)}\r\n\r\n`),
        [400, 431],
      ],
      ['another transfer coding', post(['Transfer-Encoding: gzip'], json), [400, 501]],
      ['chunked twice', post(['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'), [400]],
      ['chunked, written oddly', post(['Transfer-Encoding: xchunked', `Content-Length: ${json.length}`], json), [400]],
      ['a gzip bomb', post(['Content-Encoding: gzip', `Content-Length: ${gzipBomb.length}`], gzipBomb), [400]],
      ['invalid UTF-8 in the body', post([`Content-Length: 4`], Buffer.from([0x22, 0xff, 0xc0, 0x22])), [400]],
      ['10⁵ headers', get(key + 'A: b\r\n'.repeat(100_000)), [431, null]],
      ['2,000 short headers', get(key + 'A: b\r\n'.repeat(2_000)), [200, 431]],
      ['a header of 1 MiB', get(`A: ${'a'.repeat(1024 * 1024)}\r\n`), [431, null]],
      ['a target of 1 MiB', get('', `/${'a'.repeat(1024 * 1024)}`), [431, null]],
      ['NUL in a header', get('X-Request-Id: a\0b\r\n'), [400]],
      ['a lone line feed in a header', get('X-Request-Id: a\nX-Evil: 1\r\n'), [400, 401]],
      ['a lone carriage return in a header', get('X-Request-Id: a\rX-Evil: 1\r\n'), [400]],
      ['a folded header', get('X-Request-Id: a\r\n b\r\n'), [400, 401]],
      ['a space before the colon', get('X-API-Key : x\r\n'), [400]],
      ['no colon', get('hello\r\n'), [400]],
      ['a nameless header', get(': x\r\n'), [400]],
      ['bytes above 127 in a key', get('X-API-Key: afk_\xff\xfe\r\n'), [401]],
      ['two keys', get(`${key}${key}`), [401]],
      ['no Host', Buffer.from(`GET /v2/me HTTP/1.1\r\n${key}Connection: close\r\n\r\n`), [400]],
      ['two Hosts', get(`Host: y\r\n${key}`), [400, 200]],
      [
        'a broken Host',
        Buffer.from(`GET /v2/me HTTP/1.1\r\nHost: a b<>\r\n${key}Connection: close\r\n\r\n`),
        [400, 200],
      ],
      [
        'a Host with a user name',
        Buffer.from(`GET /v2/me HTTP/1.1\r\nHost: a@b\r\n${key}Connection: close\r\n\r\n`),
        [400, 200],
      ],
      ['HTTP/1.0', get(key, '/v2/me', 'HTTP/1.0'), [200]],
      ['HTTP/9.9', get(key, '/v2/me', 'HTTP/9.9'), [400, 505]],
      ['HTTP/2 without being asked', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), [400, null]],
      ['an absolute target', get(key, 'http://evil.example/v2/me'), [200, 400, 404]],
      [
        'a target that is an asterisk',
        Buffer.from(`OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
        [400, 404, 405],
      ],
      ['a target without a slash', get(key, 'v2/me'), [400, 404]],
      ['a target with a fragment', get(key, '/v2/me#x'), [200, 400, 404]],
      ['a target with bytes above 127', get(key, '/v2/\xff\xfe'), [400, 404]],
      ['a target with a NUL', get(key, '/v2/\0me'), [400]],
      ['two slashes that look like a host', get(key, '//evil.example/v2/me'), [400, 404]],
      ['CONNECT', Buffer.from('CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n'), [400, 405, null]],
      ['an unknown method', Buffer.from('BREW / HTTP/1.1\r\nHost: x\r\n\r\n'), [400]],
      ['an upgrade', get(`${key}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n`), [200, 400]],
      ['an expectation', get(`${key}Expect: the worst\r\n`), [417, 400, 200]],
      ['a TLS greeting', Buffer.from('160301020001000001fc0303', 'hex'), [400, null]],
      ['nothing but line ends', Buffer.from(`${'\r\n'.repeat(1_000)}x`), [400, null]],
      ['random bytes', Buffer.from(Array.from({ length: 2_000 }, (_, index) => (index * 7919) % 256)), [400, null]],
      ['a range of 10⁴ parts', get(`Range: bytes=${'0-0,'.repeat(3_000)}0-0\r\n`, world.upload.path), [200, 416]],
      ['a Range beyond all numbers', get(`Range: bytes=${'9'.repeat(300)}-\r\n`, world.upload.path), [200, 416]],
    ];
    const unchanged = await world.watch.snapshot();
    for (const [what, bytes, statuses] of cases) {
      const answer = await sendRaw(world.stage.server.url, bytes, { thenEnd: THEN_END.has(what) });
      assert.ok(statuses.includes(answer.status), `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
      if (answer.status !== null && answer.status >= 400)
        assert.doesNotMatch(answer.text, /node_modules|    at |\.ts:/, what);
      if (answer.status !== null && answer.status >= 400 && answer.status !== 417) {
        assert.match(answer.body, /^\{"error":".+"/, `${what} in our envelope`);
        assert.match(answer.text, /\r\nx-content-type-options: nosniff\r\n/i, what);
      }
      assert.doesNotMatch(answer.text, /^X-Evil/im, what);
      assert.ok(answer.answers <= 1, `${what} was answered ${answer.answers} times`);
      assert.deepEqual(changedTables(unchanged, await world.watch.snapshot()), [], what);
      assert.equal((await world.send({ target: '/healthz' })).status, 200, `after ${what}`);
    }
    context.diagnostic(`${cases.length} cases`);
  });

  it('control: the same submit in good form is accepted', async () => {
    const json = JSON.stringify(SMALL_BODY);
    const whole = await sendRaw(world.stage.server.url, post([`Content-Length: ${json.length}`], json));
    assert.equal(whole.status, 202, whole.text);
    const chunked = post(['Transfer-Encoding: chunked'], `${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`);
    assert.equal((await sendRaw(world.stage.server.url, chunked)).status, 202);
  });

  it('a refused upload leaves its connection fit for the next request', async () => {
    const starts = ['', 'garbage', '--b\r\n:::\r\n\r\n', '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n'];
    for (const start of starts) {
      const body = Buffer.alloc(2_000_000, 'a');
      body.write(start);
      const head =
        `POST /v2/uploads HTTP/1.1\r\nHost: x\r\nX-API-Key: ${world.keys.owner}\r\n` +
        `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: ${body.length}\r\n\r\n`;
      const both = Buffer.concat([Buffer.from(head), body, get('', '/healthz')]);
      const answer = await sendRaw(world.stage.server.url, both);
      assert.equal(answer.status, 400, start);
      assert.equal(answer.answers, 2, start);
    }
  });

  it('floods of large bodies and many headers are refused and leave no memory behind', async (context) => {
    const { url, pid } = world.stage.server;
    const flood = async (): Promise<void> => {
      const big = `{"model":"${'x'.repeat(2 * 1024 * 1024)}"}`;
      for (let round = 0; round < 10; round += 1) {
        const refused = await Promise.all([
          sendRaw(url, post(['Transfer-Encoding: chunked'], `${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`)),
          sendRaw(url, post([`Content-Length: ${big.length}`], big)),
          sendRaw(url, get('A: b\r\n'.repeat(100_000))),
          sendRaw(url, post(['Content-Encoding: gzip', `Content-Length: ${gzipBomb.length}`], gzipBomb)),
        ]);
        for (const { status } of refused) assert.ok(status === null || (status >= 400 && status < 500), String(status));
      }
    };
    // The first flood warms the process up; the second shows what stays.
    await flood();
    const beforeMebibytes = await residentMebibytes(pid);
    await flood();
    const afterMebibytes = await residentMebibytes(pid);
    if (beforeMebibytes === null || afterMebibytes === null)
      return context.diagnostic('this system does not tell the memory of a process');
    context.diagnostic(`resident ${Math.round(beforeMebibytes)} MiB before, ${Math.round(afterMebibytes)} MiB after`);
    assert.ok(afterMebibytes - beforeMebibytes < GROWTH_MEBIBYTES_MAX);
  });

  it('slow headers and dripping bodies are cut off in time while everybody else is served', async (context) => {
    const slow = [
      ...Array.from({ length: SLOW_HEADERS }, () => drip(world, 'GET /v2/me HTTP/1.1\r\nHost: x\r\n', 'X-A: b\r\n')),
      ...Array.from({ length: SLOW_BODIES }, () => drip(world, post(['Content-Length: 1000']).toString('latin1'), ' ')),
    ];
    const opened = performance.now();
    const all = Promise.all(slow);
    const progress = { isOver: false };
    const over = all.finally(() => (progress.isOver = true));
    const latencies: number[] = [];
    while (!progress.isOver && performance.now() - opened < SLOW_MS_MAX) {
      const startedAt = performance.now();
      const { status } = await world.send({ target: '/v2/me', headers: { 'x-api-key': world.keys.owner } });
      latencies.push(performance.now() - startedAt);
      assert.equal(status, 200);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.ok(progress.isOver, `sockets were still open after ${SLOW_MS_MAX} ms`);
    const ends = await over;
    const statuses = new Map<string, number>();
    for (const { status } of ends) statuses.set(String(status), (statuses.get(String(status)) ?? 0) + 1);
    const sorted = latencies.sort((a, b) => a - b);
    const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
    context.diagnostic(
      `${slow.length} slow sockets: ${JSON.stringify(Object.fromEntries(statuses))}, the last closed after ${Math.round(Math.max(...ends.map(({ ms }) => ms)))} ms; ` +
        `meanwhile ${latencies.length} others, p50 ${sorted[Math.floor(sorted.length / 2)]?.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    );
    assert.deepEqual(
      [...statuses.keys()].filter((status) => !['408', '400', 'null'].includes(status)),
      [],
    );
    assert.ok(p99 < 1_000, `p99 ${p99} ms`);
  });
});

/** 100 MiB of zeros in 100 KiB. */
const gzipBomb = gzipSync(Buffer.alloc(100 * 1024 * 1024));

/** Opens a connection, writes the beginning, and then a little each second until the server hangs up. */
function drip(world: FuzzWorld, beginning: string, drop: string): Promise<{ status: number | null; ms: number }> {
  const { hostname, port } = new URL(world.stage.server.url);
  const startedAt = performance.now();
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect({ host: hostname, port: Number(port) });
    const timer = setInterval(() => socket.write(drop), 1_000);
    const finish = (): void => {
      clearInterval(timer);
      socket.destroy();
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
      resolve({ status: status === undefined ? null : Number(status), ms: performance.now() - startedAt });
    };
    socket.on('connect', () => socket.write(beginning));
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('end', finish);
    socket.on('error', finish);
  });
}
