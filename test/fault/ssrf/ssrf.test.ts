import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { systemClock } from '../../../server/src/core/clock.ts';
import type { DownloadLimits, Net, OutboundLimits } from '../../../server/src/core/net-port.ts';
import { createNet, type NetOptions } from '../../../server/src/net/net.ts';

// Every spelling goes through the check at the door and through real requests. What counts is the canary: a
// server on 127.0.0.1 and ::1 (same port) that nobody may reach. Its port is declared public here, as otherwise
// the rule about ports would hide what the rules about addresses let through.

interface Corpus {
  /** What the fake name server answers. */
  resolves: Record<string, string[]>;
  /** `{port}` stands for the canary's port. */
  urls: string[];
}

const corpus = readCorpus();
const canary: { port: number; hits: string[]; close: () => void } = { port: 0, hits: [], close: () => {} };

before(async () => {
  const onRequest: http.RequestListener = (request, response) => {
    canary.hits.push(`${request.headers.host} ${request.url}`);
    const target = new URL(request.url ?? '/', 'http://canary').searchParams.get('to');
    if (target === null) response.end('secret');
    else response.writeHead(302, { location: target }).end();
  };
  const four = http.createServer(onRequest);
  const six = http.createServer(onRequest);
  // A connection without a request (a TLS greeting, say) is a hit as well.
  for (const server of [four, six])
    server.on('clientError', (_error, socket) => (canary.hits.push('raw'), socket.destroy()));
  await new Promise<void>((resolve) => four.listen(0, '127.0.0.1', resolve));
  // Safe: a TCP server that listens has an AddressInfo.
  canary.port = (four.address() as AddressInfo).port;
  await new Promise<void>((resolve, reject) => six.once('error', reject).listen(canary.port, '::1', resolve));
  canary.close = () => {
    for (const server of [four, six]) {
      server.closeAllConnections();
      server.close();
    }
  };
});

after(() => canary.close());

test('the corpus is large and has no doubles', () => {
  assert.ok(corpus.urls.length >= 150, `${corpus.urls.length} spellings`);
  assert.equal(new Set(corpus.urls).size, corpus.urls.length);
});

test('no spelling passes the check at the door', async (t) => {
  const outbound = openNet(t);
  const passed: string[] = [];
  for (const url of corpus.urls.map(withPort)) {
    if ((await outbound.checkUrl(url, NOBODY)) === null) passed.push(url);
  }
  assert.deepEqual(passed, []);
  assert.deepEqual(canary.hits, []);
});

test('no spelling reaches the canary by exchange, download or a redirect, and nothing of it is told', async (t) => {
  const outbound = openNet(t);
  const hop = await redirector(t);
  for (const url of corpus.urls.map(withPort)) {
    const shown = JSON.stringify(url);
    const sent = await outbound.exchange({ method: 'POST', url, headers: {}, body: 'x' }, exchangeLimits());
    assert.equal(sent.kind, 'refused', shown);
    assert.doesNotMatch(JSON.stringify(sent), /\d/, 'no address or port is told');
    const got = await outbound.download(url, refuseChunk, downloadLimits());
    assert.equal(got.kind, 'failed', shown);
    // A host that looks public (the operator's word makes it reachable here) redirects to the spelling.
    const from = `${hop.origin}/?to=${encodeURIComponent(url)}`;
    const limits = downloadLimits(hop.origin);
    const led = await outbound.download(from, refuseChunk, limits);
    // A relative spelling stays on the redirecting host, which is no leak: it is followed up to the limit.
    assert.equal(led.kind, 'failed', shown);
    await outbound.exchange({ method: 'GET', url: from, headers: {}, body: null }, exchangeLimits(hop.origin));
  }
  assert.deepEqual(canary.hits, []);
});

test('control: with private addresses allowed the canary is hit, by most ways of spelling it', async (t) => {
  const outbound = openNet(t, { allowPrivate: true });
  const hitBy: string[] = [];
  for (const url of corpus.urls.map(withPort)) {
    canary.hits.length = 0;
    await outbound.download(url, () => {}, downloadLimits());
    if (canary.hits.length > 0) hitBy.push(url);
  }
  canary.hits.length = 0;
  assert.ok(hitBy.length >= 80, `${hitBy.length} spellings hit`);
  for (const part of [
    '//127.0.0.1',
    '//[::1]',
    '//2130706433',
    '//0x7f.1',
    '//localhost',
    '//loop4.example',
    '//[::ffff:7f00:1]',
    '//0:',
  ]) {
    assert.ok(
      hitBy.some((url) => url.includes(part)),
      part,
    );
  }
  t.diagnostic(`${hitBy.length} of ${corpus.urls.length} spellings reach a canary when nothing forbids it`);
});

test('rebinding: a name that is public at the check and private at the use is refused at the use', async (t) => {
  let asked = 0;
  const resolve = async (): Promise<{ address: string; family: number }[]> => {
    asked += 1;
    return [asked % 2 === 1 ? { address: '1.1.1.1', family: 4 } : { address: '127.0.0.1', family: 4 }];
  };
  const outbound = openNet(t, { resolve });
  const url = `http://rebind.example:${canary.port}/`;
  for (let round = 0; round < 5; round += 1) {
    assert.equal(await outbound.checkUrl(url, NOBODY), null, 'the check sees the public address');
    const result = await outbound.exchange({ method: 'GET', url, headers: {}, body: null }, exchangeLimits());
    assert.equal(result.kind === 'refused' && result.reason, 'address-forbidden');
  }
  assert.deepEqual(canary.hits, []);

  // Control: who checks and then connects by name is fooled.
  asked = 0;
  const naive = openNet(t, { resolve, allowPrivate: true });
  assert.equal(await outbound.checkUrl(url, NOBODY), null);
  await naive.exchange({ method: 'GET', url, headers: {}, body: null }, exchangeLimits());
  assert.equal(canary.hits.length, 1);
  canary.hits.length = 0;
});

test('a network that leads a public address to this machine is noticed before a byte is sent', async (t) => {
  const outbound = openNet(t, {
    resolve: async () => [{ address: '1.1.1.1', family: 4 }],
    dial: () => net.connect(canary.port, '127.0.0.1'),
  });
  for (const scheme of ['http', 'https']) {
    const url = `${scheme}://public.example:${canary.port}/`;
    const result = await outbound.exchange({ method: 'POST', url, headers: {}, body: 'x' }, exchangeLimits());
    assert.equal(result.kind === 'refused' && result.reason, 'address-forbidden');
  }
  assert.deepEqual(canary.hits, []);
});

test('each kind of redirect to the canary ends before it; chains and loops end at their limit', async (t) => {
  const hop = await redirector(t);
  const outbound = openNet(t);
  for (const status of [301, 302, 303, 307, 308]) {
    for (const to of [
      `http://127.0.0.1:${canary.port}/`,
      `http://loop6.example:${canary.port}/`,
      `//[::1]:${canary.port}/`,
      '/?loop',
    ]) {
      const from = `${hop.origin}/?status=${status}&to=${encodeURIComponent(to)}`;
      const result = await outbound.download(from, refuseChunk, downloadLimits(hop.origin));
      const reason = result.kind === 'failed' ? result.reason : result.kind;
      assert.equal(reason, to === '/?loop' ? 'too-many-redirects' : 'address-forbidden', `${status} ${to}`);
    }
  }
  assert.deepEqual(canary.hits, []);
});

const NOBODY = { operatorOrigins: [] };

interface Cleanup {
  after(action: () => unknown): void;
}

function openNet(t: Cleanup, options: Partial<NetOptions> = {}): Net {
  const outbound = createNet({
    allowPrivate: false,
    publicPorts: [80, 443, canary.port],
    resolve: resolveFromCorpus,
    dial: dialOnlyLoopback,
    clock: systemClock(),
    log: { info: () => {}, warn: () => {}, error: () => {} },
    ...options,
  });
  t.after(() => outbound.close());
  return outbound;
}

async function resolveFromCorpus(hostname: string): Promise<{ address: string; family: number }[]> {
  const name = hostname.replace(/\.$/, '');
  // What the machine's own resolver would say, so that the control shows what a careless client would reach.
  const found = /(^|\.)localhost(\.localdomain)?\.*$/.test(name) ? ['127.0.0.1'] : corpus.resolves[name];
  if (found === undefined) throw new Error('unknown name');
  return found.map((address) => ({ address, family: net.isIP(address) }));
}

/** Tests send nothing to the outside: whatever is no address of this machine cannot be reached. */
function dialOnlyLoopback(addresses: { address: string }[], port: number): net.Socket {
  const here = addresses.find(({ address }) => /^(127\.|0\.0\.0\.0$|::1?$|::ffff:(127|7f))/.test(address));
  if (here !== undefined) return net.connect({ host: here.address, port });
  const socket = new net.Socket();
  setImmediate(() => socket.destroy(new Error('unreachable')));
  return socket;
}

async function redirector(t: Cleanup): Promise<{ origin: string }> {
  const server = http.createServer((request, response) => {
    const query = new URL(request.url ?? '/', 'http://hop').searchParams;
    if (query.has('loop')) response.writeHead(302, { location: '/?loop' }).end();
    // A header cannot hold every character of the corpus; its URL-encoded form is what a real server would send.
    else response.writeHead(Number(query.get('status') ?? 302), { location: headerText(query.get('to') ?? '/') }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  // Safe: a TCP server that listens has an AddressInfo.
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function headerText(url: string): string {
  return url.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character));
}

function exchangeLimits(...operatorOrigins: string[]): OutboundLimits {
  return { totalMs: 5_000, bodyBytesMax: 10_000, redirectsMax: 3, trust: { operatorOrigins } };
}

function downloadLimits(...operatorOrigins: string[]): DownloadLimits {
  return { totalMs: 5_000, bytesMax: 10_000, bytesPer10sMin: 1, redirectsMax: 3, trust: { operatorOrigins } };
}

function refuseChunk(): never {
  return assert.fail('no byte of a body may arrive');
}

function withPort(url: string): string {
  return url.replaceAll('{port}', String(canary.port));
}

function readCorpus(): Corpus {
  // Safe: the file lies beside this one and the first test looks at its content.
  return JSON.parse(readFileSync(new URL('corpus.json', import.meta.url), 'utf8')) as Corpus;
}
