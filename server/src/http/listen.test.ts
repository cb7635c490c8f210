import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';

import { systemClock } from '../core/clock.ts';
import { httpTest, JOB_ID, jobRecord, KEY, type HttpTestOptions } from './http-test-kit.ts';
import { listen, type ListenOptions, type Listener } from './listen.ts';

interface Served {
  listener: Listener;
  origin: string;
}

async function serve(
  t: TestContext,
  options: HttpTestOptions & Pick<ListenOptions, 'onHalfAnswer'> = {},
): Promise<Served> {
  const { app, closing } = httpTest(options);
  const { onHalfAnswer } = options;
  const listener = await listen(app, {
    host: '127.0.0.1',
    port: 0,
    clock: systemClock(),
    closing,
    ...(onHalfAnswer === undefined ? {} : { onHalfAnswer }),
  });
  t.after(() => listener.close());
  return { listener, origin: `http://127.0.0.1:${listener.port}` };
}

const SUBMIT = {
  method: 'POST',
  headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'flux-1.1-pro', prompt: 'a lighthouse' }),
};

async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(text);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

test('a submit and a poll work over a socket', async (t) => {
  const { origin } = await serve(t);
  const submitted = await fetch(`${origin}/v2/images/generate`, SUBMIT);
  assert.deepEqual([submitted.status, await submitted.json()], [202, { jobId: JOB_ID, status: 'QUEUED' }]);
  assert.ok(submitted.headers.get('content-length'));
  const polled = await fetch(`${origin}/v2/jobs/${JOB_ID}`, { headers: { 'x-api-key': KEY } });
  assert.equal(polled.status, 200);
});

test('a chunked body is counted while it arrives', async (t) => {
  const { listener } = await serve(t);
  const head = `POST /v2/images/generate HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEY}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
  const chunk = `${(0x10000).toString(16)}\r\n${'x'.repeat(0x10000)}\r\n`;
  const answer = await raw(listener.port, `${head}${chunk.repeat(17)}0\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /larger than 1 MiB/);
});

test('what is no HTTP, or has too many headers, still gets the envelope', async (t) => {
  const { listener } = await serve(t);
  const broken = await raw(listener.port, 'NONSENSE\r\n\r\n');
  assert.match(broken, /^HTTP\/1\.1 400 Bad Request\r\n[^]*\{"error":"The request is not valid HTTP"\}$/);
  const large = await raw(listener.port, `GET / HTTP/1.1\r\nHost: x\r\n${'X-A: 0123456789\r\n'.repeat(2000)}\r\n`);
  assert.match(large, /^HTTP\/1\.1 431 [^]*"The request headers are too large"/);
  const twice = await raw(
    listener.port,
    'POST /v2/estimate HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
  );
  assert.match(twice, /^HTTP\/1\.1 400 /);
  const host = await raw(listener.port, 'GET / HTTP/1.1\r\nHost: a b\\c\r\nConnection: close\r\n\r\n');
  assert.match(host, /^HTTP\/1\.1 400 [^]*\{"error":"The request cannot be read"\}/);
});

test('closing lets what is under way finish and takes nothing new', async (t) => {
  const entered = Promise.withResolvers<void>();
  const { listener, origin } = await serve(t, {
    jobs: {
      waitForJob: (_caller, _id, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(jobRecord()), { once: true });
          entered.resolve();
        }),
    },
  });
  const waiting = fetch(`${origin}/v2/jobs/${JOB_ID}?wait=60`, { headers: { 'x-api-key': KEY } });
  await entered.promise;
  await Promise.all([listener.close(), listener.close()]);
  assert.equal((await waiting).status, 200);
  await assert.rejects(fetch(`${origin}/healthz`));
});

test('a second server on the same port is refused', async (t) => {
  const { listener } = await serve(t);
  const { app, closing } = httpTest();
  const options = { host: '127.0.0.1', port: listener.port, clock: systemClock(), closing };
  await assert.rejects(listen(app, options), { code: 'EADDRINUSE' });
});

test('the fault harness can stop between the halves of a 202', async (t) => {
  const half = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<void>();
  const { listener } = await serve(t, { onHalfAnswer: () => half.promise });
  const socket = connect(listener.port, '127.0.0.1');
  t.after(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (text.includes('{"jobId"')) seen.resolve();
  });
  const { body } = SUBMIT;
  socket.write(
    `POST /v2/images/generate HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEY}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  await seen.promise;
  assert.match(text, /^HTTP\/1\.1 202 [^]*\{"jobId"[^}]*$/);
  half.resolve();
  await once(socket, 'close');
  assert.match(text, /"status":"QUEUED"\}$/);
});
