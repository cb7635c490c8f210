import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it, type TestContext } from 'node:test';

import type { InsideAnswer } from '../core/inside-port.ts';
import type { MediaFacts, MediaProblem, MediaResult } from '../core/media-port.ts';
import { openLocalService, type LocalService } from './local-service.ts';

const ID = '00000000-0000-7000-8000-000000000001';
const BASE = 'http://local.invalid';
const IMAGE = 'https://example.com/a%20b.jpg?x=1&y=2';

const FACTS: MediaFacts = {
  kind: 'image',
  contentType: 'image/png',
  extension: 'png',
  sizeBytes: 3,
  sha256: '',
  width: 2,
  height: 2,
  seconds: null,
  hasSignedProvenance: false,
  digitalSourceType: null,
};

interface Bench {
  open(): Promise<LocalService>;
  folder: string;
  /** Ends the work that is under way. */
  finish(result?: MediaResult<MediaFacts>): Promise<void>;
  fetched: string[];
  signals: AbortSignal[];
}

/** A service whose tool works until it is told to end. */
async function benchOf(context: TestContext): Promise<Bench> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-local-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const asked: { to: string; resolve: (result: MediaResult<MediaFacts>) => void }[] = [];
  let onAsked = (): void => {};
  const bench: Bench = {
    folder,
    fetched: [],
    signals: [],
    open: () =>
      openLocalService({
        folder,
        log: { info: () => {}, warn: () => {}, error: () => {} },
        closing: new AbortController().signal,
        fetchInput: async (url, to) => {
          bench.fetched.push(url);
          await writeFile(to, 'given');
          return true;
        },
        problem: () => null,
        tools: {
          double: ({ to }, signal) =>
            new Promise((resolve) => {
              bench.signals.push(signal);
              asked.push({ to, resolve });
              onAsked();
            }),
        },
      }),
    finish: async (result = { ok: true, value: FACTS }) => {
      if (asked.length === 0) await new Promise<void>((resolve) => (onAsked = resolve));
      const { to, resolve } = asked.shift() ?? assert.fail('nothing is under way');
      if (result.ok) await writeFile(to, 'png');
      resolve(result);
    },
  };
  return bench;
}

function ask(service: LocalService, method: string, target: string, body: unknown = null): Promise<InsideAnswer> {
  return service.handle({ method, path: target, base: BASE, body: body === null ? null : JSON.stringify(body) });
}

function bodyOf(answer: InsideAnswer): Record<string, unknown> {
  assert.equal(answer.kind, 'answer');
  // Safe: every body of the service is an object.
  return JSON.parse(answer.kind === 'answer' ? answer.body : '{}') as Record<string, unknown>;
}

async function start(service: LocalService): Promise<string> {
  const order = { id: ID, tool: 'double', image: IMAGE };
  const { path: target } = bodyOf(await ask(service, 'POST', '/v1/works', order));
  assert.ok(typeof target === 'string');
  return target;
}

/** Looks until the work has ended; each look lets what is written to the folder go on. */
async function ended(service: LocalService, target: string): Promise<Record<string, unknown>> {
  for (let looks = 0; looks < 1_000; looks += 1) {
    const seen = bodyOf(await ask(service, 'GET', target));
    if (seen['status'] !== 'pending') return seen;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('the work has not ended');
}

it('a work that is started twice is done once, and its result lies there', async (context) => {
  const bench = await benchOf(context);
  const service = await bench.open();
  const target = await start(service);
  assert.equal(await start(service), target);
  assert.deepEqual(bodyOf(await ask(service, 'GET', target)), { status: 'pending' });
  await bench.finish();
  const seen = await ended(service, target);
  assert.deepEqual(seen, { status: 'completed', outputs: [{ url: `${BASE}/files/${ID}.png` }] });
  assert.deepEqual(bench.fetched, [IMAGE]);
  assert.equal(Buffer.from((await service.file(`/files/${ID}.png`))?.bytes ?? []).toString(), 'png');
  assert.deepEqual(await readdir(bench.folder), [`${ID}.png`]);
});

it('a process that never heard of a work does it anew from the address of the look alone', async (context) => {
  const bench = await benchOf(context);
  const target = await start(await bench.open());
  const restarted = await bench.open();
  assert.deepEqual(bodyOf(await ask(restarted, 'GET', target)), { status: 'pending' });
  await bench.finish();
  await bench.finish();
  assert.equal((await ended(restarted, target))['status'], 'completed');
  assert.deepEqual(bench.fetched, [IMAGE, IMAGE]);
});

it('a result that was made before a restart is found', async (context) => {
  const bench = await benchOf(context);
  const first = await bench.open();
  const target = await start(first);
  await bench.finish();
  await ended(first, target);
  assert.equal(bodyOf(await ask(await bench.open(), 'GET', target))['status'], 'completed');
  assert.equal(bench.fetched.length, 1);
});

it('a cancelled work ends, and files go with time', async (context) => {
  const bench = await benchOf(context);
  const service = await bench.open();
  const target = await start(service);
  await bench.finish();
  await ended(service, target);
  await service.sweep(Date.now() + 60_000);
  assert.deepEqual(await readdir(bench.folder), []);
  await ask(service, 'GET', target);
  await ask(service, 'DELETE', target);
  await bench.finish({ ok: false, problem: 'crashed', detail: 'withdrawn' });
  assert.equal(bench.signals.at(-1)?.aborted, true);
  assert.equal((await ended(service, target))['kind'], 'unavailable');
});

for (const [problem, kind] of [
  ['too-many-pixels', 'input_rejected'],
  ['damaged', 'input_rejected'],
  ['no-tool', 'unavailable'],
  ['too-slow', 'unavailable'],
] as const satisfies readonly (readonly [MediaProblem, string])[]) {
  it(`what ends as ${problem} is told as ${kind}`, async (context) => {
    const bench = await benchOf(context);
    const service = await bench.open();
    const target = await start(service);
    await bench.finish({ ok: false, problem, detail: 'why' });
    const seen = await ended(service, target);
    assert.deepEqual([seen['status'], seen['kind']], ['failed', kind]);
  });
}

it('what is no order is refused', async (context) => {
  const service = await (await benchOf(context)).open();
  for (const order of [
    null,
    {},
    { id: ID, tool: 'melt', image: IMAGE },
    { id: ID, tool: 'constructor', image: IMAGE },
    { id: ID, tool: 'double', image: 'file:///x' },
  ]) {
    const answer = await ask(service, 'POST', '/v1/works', order);
    assert.equal(answer.kind === 'answer' && answer.status, 422, JSON.stringify(order));
  }
  assert.equal(await service.file('/files/../x.png'), null);
});

it('a painter takes words and a seed, tells the seed, and does it anew from the address of the look alone', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-local-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const orders: unknown[] = [];
  const open = (): Promise<LocalService> =>
    openLocalService({
      folder,
      log: { info: () => {}, warn: () => {}, error: () => {} },
      closing: new AbortController().signal,
      fetchInput: () => assert.fail('there is nothing to fetch'),
      problem: () => null,
      tools: {
        paint: async ({ prompt, seed, to }) => {
          orders.push({ prompt, seed });
          await writeFile(to, 'png');
          return { ok: true, value: FACTS };
        },
      },
    });
  const prompt = 'eine Straße & ein Hund? 100 %\n𓀀';
  const service = await open();
  const started = await ask(service, 'POST', '/v1/works', { id: ID, tool: 'paint', prompt, seed: 7 });
  const { path: target } = bodyOf(started);
  assert.ok(typeof target === 'string');
  const outputs = [{ url: `${BASE}/files/${ID}.png` }];
  assert.deepEqual(await ended(service, target), { status: 'completed', outputs, seed: 7 });
  await service.sweep(Date.now() + 60_000);
  assert.deepEqual(await ended(await open(), target), { status: 'completed', outputs, seed: 7 });
  assert.deepEqual(orders, [
    { prompt, seed: 7 },
    { prompt, seed: 7 },
  ]);
  for (const order of [
    { tool: 'paint', prompt, seed: -1 },
    { tool: 'paint', prompt, seed: 2 ** 32 },
    { tool: 'paint', seed: 7 },
    // Not one of its tools.
    { tool: 'double', image: IMAGE },
  ]) {
    const answer = await ask(service, 'POST', '/v1/works', { id: ID, ...order });
    assert.equal(answer.kind === 'answer' && answer.status, 422, JSON.stringify(order));
  }
});
