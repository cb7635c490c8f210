import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener } from 'node:http';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { handClock } from '../core/hand-clock.ts';
import type { S3Body, S3Sent, S3Transport } from '../core/s3-port.ts';
import { serve } from './net-test-kit.ts';
import { createS3Transport } from './s3-transport.ts';

const LIMITS = { headersMs: 10_000, idleMs: 5_000 };

function transportForTest(t: TestContext, clock = systemClock()): S3Transport {
  const transport = createS3Transport({ clock });
  t.after(() => transport.close());
  return transport;
}

async function textOf(sent: S3Sent): Promise<string> {
  assert.ok(sent.kind === 'answer', JSON.stringify(sent));
  const chunks: Uint8Array[] = [];
  for await (const chunk of sent.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const CHUNK = Buffer.alloc(1024 * 1024);

function bodyOf(text: string): S3Body {
  return {
    sizeBytes: text.length,
    read: async function* () {
      for (const character of text) yield Buffer.from(character);
    },
  };
}

const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => response.end(`${request.headers['content-length']} ${Buffer.concat(chunks).toString()}`));
};

test('a streamed body arrives whole, under its announced length; an empty one too', async (t) => {
  const { origin, requests } = await serve(t, echo);
  const transport = transportForTest(t);
  const put = (text: string): Promise<S3Sent> =>
    transport.send({ method: 'PUT', url: `${origin}/a?b=c`, headers: { 'x-a': '1' }, body: bodyOf(text) }, LIMITS);
  assert.equal(await textOf(await put('hello')), '5 hello');
  assert.equal(await textOf(await put('')), '0 ');
  assert.deepEqual([requests[0]?.url, requests[0]?.headers['x-a']], ['/a?b=c', '1']);
});

test('a redirect is an answer like others and is not followed', async (t) => {
  const { origin, hits } = await serve(t, (_, response) => response.writeHead(307, { location: '/other' }).end());
  const sent = await transportForTest(t).send({ method: 'GET', url: `${origin}/a`, headers: {}, body: null }, LIMITS);
  assert.equal(sent.kind === 'answer' && sent.status, 307);
  await textOf(sent);
  assert.deepEqual(hits, ['GET /a']);
});

test('an answer that does not come, or stops in the middle, ends when its time is over', async (t) => {
  const arrived = Promise.withResolvers<IncomingMessage>();
  const { origin } = await serve(t, (request, response) => {
    if (request.url === '/never') return arrived.resolve(request);
    response.writeHead(200, { 'content-length': '9' }).write('half');
  });
  const clock = handClock();
  const transport = transportForTest(t, clock);
  const never = transport.send({ method: 'GET', url: `${origin}/never`, headers: {}, body: null }, LIMITS);
  await arrived.promise;
  clock.advance(LIMITS.headersMs);
  const sent = await never;
  assert.equal(sent.kind === 'failed' && sent.reason, 'timeout');
  const half = await transport.send({ method: 'GET', url: `${origin}/half`, headers: {}, body: null }, LIMITS);
  assert.ok(half.kind === 'answer');
  const chunks = half.body[Symbol.asyncIterator]();
  assert.equal((await chunks.next()).done, false);
  const rest = assert.rejects(chunks.next(), /timeout/);
  clock.advance(LIMITS.idleMs);
  await rest;
});

test('nobody there, and a caller who gives up, are told apart; the file is closed', async (t) => {
  const arrived = Promise.withResolvers<void>();
  const { origin } = await serve(t, (request) => {
    request.once('data', () => {
      request.pause();
      arrived.resolve();
    });
  });
  const transport = transportForTest(t);
  const nobody = await transport.send({ method: 'GET', url: 'http://127.0.0.1:1/', headers: {}, body: null }, LIMITS);
  assert.equal(nobody.kind === 'failed' && nobody.reason, 'unreachable');
  const closed = Promise.withResolvers<void>();
  const controller = new AbortController();
  // Far more than the sockets between us hold.
  const body: S3Body = {
    sizeBytes: 64 * CHUNK.length,
    read: async function* () {
      try {
        for (let count = 0; count < 64; count += 1) yield CHUNK;
      } finally {
        closed.resolve();
      }
    },
  };
  const request = { method: 'PUT', url: `${origin}/a`, headers: {}, body } as const;
  const sending = transport.send(request, { ...LIMITS, signal: controller.signal });
  await arrived.promise;
  controller.abort();
  const sent = await sending;
  assert.equal(sent.kind === 'failed' && sent.reason, 'aborted');
  await closed.promise;
});

test('an answer read to its end leaves its connection for the next requests', async (t) => {
  const ports = new Set<number | undefined>();
  const { origin } = await serve(t, (request, response) => {
    ports.add(request.socket.remotePort);
    response.end('x'.repeat(1_000));
  });
  const transport = transportForTest(t);
  for (let count = 0; count < 20; count += 1) {
    await textOf(await transport.send({ method: 'GET', url: origin, headers: {}, body: null }, LIMITS));
  }
  assert.ok(ports.size <= 3, `${ports.size} connections for 20 requests in a row`);
});
