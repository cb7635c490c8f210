import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import type { ResolvedAddress } from './resolver.ts';
import { handClock } from '../core/hand-clock.ts';
import { limitsFor, netForTest, serve } from './net-test-kit.ts';

const NOBODY = { operatorOrigins: [] };
const PUBLIC: ResolvedAddress[] = [{ address: '1.1.1.1', family: 4 }];

test('the form of a URL is checked before anything is looked up', async (t) => {
  const outbound = netForTest(t, { resolve: () => assert.fail('nothing may be looked up') });
  const cases: [string, string][] = [
    ['', 'url-invalid'],
    ['picture.png', 'url-invalid'],
    ['https://', 'url-invalid'],
    ['https://exa\tmple.com/', 'url-invalid'],
    ['ftp://example.com/', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['data:image/png;base64,AAAA', 'scheme'],
    ['https://user@example.com/', 'credentials'],
    ['https://:secret@example.com/', 'credentials'],
    ['https://example.com:22/', 'port'],
    ['https://example.com:0/', 'port'],
    [`https://example.com/${'a'.repeat(2_048)}`, 'too-long'],
    ['http://127.1/', 'address-forbidden'],
    ['http://localhost./', 'address-forbidden'],
  ];
  for (const [url, reason] of cases) {
    assert.equal((await outbound.checkUrl(url, NOBODY))?.reason, reason, url);
    const request = { method: 'GET', url, headers: {}, body: null } as const;
    assert.equal((await outbound.exchange(request, limitsFor())).kind, 'refused', url);
  }
});

test('a public URL on each public port passes, and so does a name that nobody knows yet', async (t) => {
  const outbound = netForTest(t, {
    resolve: async (host) => {
      if (host === 'unknown.example') throw new Error('ENOTFOUND');
      return PUBLIC;
    },
  });
  for (const url of [
    'https://a.example/x?y#z',
    'http://a.example',
    'http://a.example:8080',
    'https://a.example:8443',
    'https://unknown.example',
    'https://8.8.8.8/',
  ]) {
    assert.equal(await outbound.checkUrl(url, NOBODY), null, url);
  }
});

test('one private address among public ones is enough to refuse a name', async (t) => {
  const outbound = netForTest(t, { resolve: async () => [...PUBLIC, { address: 'fd00::1', family: 6 }] });
  assert.equal((await outbound.checkUrl('https://a.example/', NOBODY))?.reason, 'address-forbidden');
});

test('a name that is never answered holds nobody up', async (t) => {
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
  const checking = outbound.checkUrl('https://slow.example/', NOBODY);
  await question;
  clock.advance(3_000);
  assert.equal(await checking, null);
});

test('an origin of the operator may be private and on any port; its neighbours may not', async (t) => {
  const outbound = netForTest(t);
  const trust = { operatorOrigins: ['http://127.0.0.1:9000/base/path', 'not a url'] };
  assert.equal(await outbound.checkUrl('http://127.0.0.1:9000/file', trust), null);
  assert.equal((await outbound.checkUrl('http://127.0.0.1:9001/', trust))?.reason, 'port');
  assert.equal((await outbound.checkUrl('https://127.0.0.1:9000/', trust))?.reason, 'port');
  assert.equal((await outbound.checkUrl('http://127.0.0.1/', trust))?.reason, 'address-forbidden');
  assert.equal((await outbound.checkUrl('http://u@127.0.0.1:9000/', trust))?.reason, 'credentials');
});

test('the far end is compared after connecting: a dialled socket that ends elsewhere is refused unused', async (t) => {
  const canary = await serve(t, (_request, response) => response.end());
  const connected: net.Socket[] = [];
  const outbound = netForTest(t, {
    resolve: async () => PUBLIC,
    // A network that sends public addresses to this machine.
    dial: () => {
      const socket = net.connect(canary.port, '127.0.0.1');
      connected.push(socket);
      return socket;
    },
  });
  const request = { method: 'POST', url: 'http://a.example/', headers: {}, body: 'x' } as const;
  const result = await outbound.exchange(request, limitsFor());
  assert.equal(result.kind === 'refused' && result.reason, 'address-forbidden');
  assert.equal(connected.length, 1);
  assert.equal(connected[0]?.bytesWritten, 0);
  assert.deepEqual(canary.hits, []);
});

test('a name is resolved once for a connection, and the connection goes to that answer', async (t) => {
  let asked = 0;
  const dialled: string[][] = [];
  const outbound = netForTest(t, {
    resolve: async () => {
      asked += 1;
      return asked % 2 === 1 ? PUBLIC : [{ address: '127.0.0.1', family: 4 }];
    },
    dial: (addresses) => {
      dialled.push(addresses.map(({ address }) => address));
      const socket = new net.Socket();
      setImmediate(() => socket.destroy(new Error('unreachable')));
      return socket;
    },
  });
  const request = { method: 'GET', url: 'http://a.example/', headers: {}, body: null } as const;
  const results = [];
  for (let count = 0; count < 4; count += 1) {
    const result = await outbound.exchange(request, limitsFor());
    results.push(result.kind === 'refused' && result.reason);
  }
  assert.deepEqual(results, ['connection-refused', 'address-forbidden', 'connection-refused', 'address-forbidden']);
  assert.deepEqual(dialled, [['1.1.1.1'], ['1.1.1.1']]);
  assert.equal(asked, 4);
});

test('our own listeners are refused on a public address, and only on their port', async (t) => {
  let dialled = 0;
  const outbound = netForTest(t, {
    ownListeners: () => [{ host: '1.1.1.1', port: 8080 }],
    dial: () => {
      dialled += 1;
      const socket = new net.Socket();
      setImmediate(() => socket.destroy(new Error('unreachable')));
      return socket;
    },
  });
  const get = (url: string) => outbound.exchange({ method: 'GET', url, headers: {}, body: null }, limitsFor());
  const own = await get('http://1.1.1.1:8080/');
  assert.equal(own.kind === 'refused' && own.reason, 'address-forbidden');
  assert.equal(dialled, 0);
  const other = await get('http://1.1.1.1:80/');
  assert.equal(other.kind === 'refused' && other.reason, 'connection-refused');
});

test('a forbidden address is logged with the host alone, and the result says nothing about it', async (t) => {
  const lines: unknown[] = [];
  const outbound = netForTest(t, {
    resolve: async () => [{ address: '10.1.2.3', family: 4 }],
    log: { info: () => {}, warn: (event, fields) => lines.push([event, fields]), error: () => {} },
  });
  const url = 'https://inside.example/secret?token=1';
  const result = await outbound.exchange({ method: 'GET', url, headers: {}, body: null }, limitsFor());
  assert.deepEqual(lines, [['net.address_forbidden', { host: 'inside.example' }]]);
  assert.doesNotMatch(JSON.stringify(result), /10\.1|inside|secret/);
});

test('closing ends what is still running', async (t) => {
  const server = await serve(t, () => void outbound.close());
  const outbound = netForTest(t);
  const request = { method: 'POST', url: server.origin, headers: {}, body: 'x' } as const;
  const result = await outbound.exchange(request, limitsFor(server.origin));
  assert.equal(result.kind === 'lost' && result.reason, 'aborted');
});

test('IPv6 literals and names with several addresses connect', async (t) => {
  const server = await serve(t, (_request, response) => response.end('six'), '::1');
  const outbound = netForTest(t, {
    allowPrivate: true,
    resolve: async () => [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ],
  });
  for (const host of ['[::1]', 'both.example']) {
    const url = `http://${host}:${server.port}/`;
    const result = await outbound.exchange({ method: 'GET', url, headers: {}, body: null }, limitsFor());
    assert.equal(result.kind === 'answer' && Buffer.from(result.body).toString(), 'six', host);
  }
});
