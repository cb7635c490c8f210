import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it, type TestContext } from 'node:test';

import type { DownloadLimits, DownloadResult, Net } from '../core/net-port.ts';
import { netForTest, serve } from '../net/net-test-kit.ts';
import { fetchWeights } from './fetch-weights.ts';
import type { FetchableFile } from './weights-manifest.ts';

const CONTENT = { 'vocab.json': 'words of CLIP', 'merges.txt': 'pairs of CLIP' } as const;
const EVIDENCE = { grade: 'A', text: 'made up', readAt: '2026-11-24' } as const;

function fileOf(name: keyof typeof CONTENT): FetchableFile {
  const bytes = Buffer.from(CONTENT[name]);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name, url: `https://example.com/${name}`, sizeBytes: bytes.length, sha256, evidence: EVIDENCE };
}

const FILES = [fileOf('vocab.json'), fileOf('merges.txt')];

interface FetchBench {
  folder: string;
  asked: string[];
  limits: DownloadLimits[];
  said: string[];
  /** Fetches with a net that gives this for an address; what is there unless said otherwise. */
  fetch(give?: (url: string) => string | DownloadResult | Error): Promise<void>;
}

async function benchOf(context: TestContext): Promise<FetchBench> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-fetch-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const bench: FetchBench = {
    folder,
    asked: [],
    limits: [],
    said: [],
    fetch: (give = (url) => Object.entries(CONTENT).find(([name]) => url.endsWith(name))?.[1] ?? '') => {
      const download: Net['download'] = async (url, sink, limits) => {
        bench.asked.push(path.basename(url));
        bench.limits.push(limits);
        const given = give(url);
        if (given instanceof Error) throw given;
        if (typeof given !== 'string') return given;
        // In two parts, as a network would.
        await sink(Buffer.from(given.slice(0, 3)));
        await sink(Buffer.from(given.slice(3)));
        return { kind: 'done', sizeBytes: given.length, headers: {}, finalUrl: url };
      };
      const net: Net = {
        download,
        exchange: () => assert.fail('nothing is asked'),
        checkUrl: () => assert.fail('nothing is checked'),
        close: async () => {},
      };
      return fetchWeights({ net, folder, say: (line) => bench.said.push(line) }, FILES);
    },
  };
  return bench;
}

it('fetches what is missing, no byte more than was said, and leaves alone what is there', async (context) => {
  const bench = await benchOf(context);
  await bench.fetch();
  assert.deepEqual((await readdir(bench.folder)).toSorted(), ['merges.txt', 'vocab.json']);
  assert.equal(String(await readFile(path.join(bench.folder, 'vocab.json'))), CONTENT['vocab.json']);
  assert.deepEqual(
    bench.limits.map(({ bytesMax, trust }) => [bytesMax, trust]),
    FILES.map(({ sizeBytes }) => [sizeBytes, { operatorOrigins: [] }]),
  );
  await bench.fetch();
  assert.deepEqual(bench.asked, ['vocab.json', 'merges.txt']);
  assert.deepEqual(bench.said.slice(-2), ['vocab.json is there already.', 'merges.txt is there already.']);
});

it('a file whose hash is another never gets its name', async (context) => {
  const bench = await benchOf(context);
  await assert.rejects(
    bench.fetch(() => 'words of CLIQ'),
    /vocab\.json is not the file that is expected: its SHA-256 is [0-9a-f]{64}/,
  );
  assert.deepEqual(await readdir(bench.folder), []);
});

it('goes on with the file that was not finished, after an end of the network or of the process', async (context) => {
  const bench = await benchOf(context);
  const cut: DownloadResult = { kind: 'failed', reason: 'reset', status: 200, detail: '' };
  await assert.rejects(
    bench.fetch((url) => (url.endsWith('merges.txt') ? cut : CONTENT['vocab.json'])),
    /merges\.txt could not be fetched: reset \(200\)/,
  );
  assert.deepEqual(await readdir(bench.folder), ['vocab.json']);
  // What a killed process leaves behind, half of a file under another name.
  await writeFile(path.join(bench.folder, 'merges.txt.unchecked.part'), 'pai');
  await bench.fetch();
  assert.deepEqual(bench.asked, ['vocab.json', 'merges.txt', 'merges.txt']);
  assert.deepEqual((await readdir(bench.folder)).toSorted(), ['merges.txt', 'vocab.json']);
});

it('replaces a file that was damaged since', async (context) => {
  const bench = await benchOf(context);
  await bench.fetch();
  await writeFile(path.join(bench.folder, 'vocab.json'), 'words of CLIQ');
  await bench.fetch();
  assert.equal(String(await readFile(path.join(bench.folder, 'vocab.json'))), CONTENT['vocab.json']);
});

it('follows where a store sends it over a real network, and begins anew what broke off', async (context) => {
  const { folder } = await benchOf(context);
  let isBroken = true;
  const server = await serve(context, (request, response) => {
    if (request.url === '/resolve/vocab.json') return response.writeHead(302, { location: '/store/vocab.json' }).end();
    const bytes = Buffer.from(CONTENT['vocab.json']);
    response.writeHead(200, { 'content-length': bytes.length });
    if (!isBroken) return response.end(bytes);
    isBroken = false;
    return response.write(bytes.subarray(0, 5), () => response.socket?.resetAndDestroy());
  });
  const file = { ...fileOf('vocab.json'), url: `${server.origin}/resolve/vocab.json` };
  const world = { net: netForTest(context, { allowPrivate: true }), folder, say: () => {} };
  await assert.rejects(fetchWeights(world, [file]), /vocab\.json could not be fetched: (reset|truncated)/);
  assert.deepEqual(await readdir(folder), []);
  await fetchWeights(world, [file]);
  assert.equal(String(await readFile(path.join(folder, 'vocab.json'))), CONTENT['vocab.json']);
  assert.equal(server.hits.length, 4);
});
