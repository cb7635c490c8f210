import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import {
  ROOT,
  startCommand,
  startServer,
  temporaryFolder,
  type StartedCommand,
  type TestServer,
} from '../support/server.ts';
import { curlSample, javascriptSample, pythonSample, type SamplePlace } from './founding-samples.ts';
import { fetchPicture, plainPicture, readCredits, waitForEnd, type Gateway } from './gateway.ts';
import { runProgram } from './run-program.ts';

const UUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/;
const IMAGE_ADDRESS = /http:\/\/[^\s'"]+\/media\/[^\s'"]+/;

/** What a sample needs to run: a gateway, a picture to send along, a folder. */
interface Stage {
  server: TestServer;
  place: SamplePlace;
  folder: string;
  close(): Promise<void>;
}

/** Starts a gateway with these settings, and a picture on loopback that samples may name. */
async function openStage(env: Record<string, string>): Promise<Stage> {
  const folder = await temporaryFolder();
  const picture = await plainPicture('#c04020');
  const pictures = http.createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'image/jpeg' }).end(picture),
  );
  pictures.listen(0, '127.0.0.1');
  await once(pictures, 'listening');
  // Safe: a server that listens on a port has an address of this kind.
  const { port } = pictures.address() as AddressInfo;
  const server = await startServer({ env: { LUMEGATE_ALLOW_PRIVATE_URLS: 'on', ...env } });
  return {
    server,
    folder,
    place: { url: server.url, key: server.key, image: `http://127.0.0.1:${port}/input.jpg` },
    close: async () => {
      await server.stop();
      pictures.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The result that a sample has printed is a picture here, and was charged once. */
async function checkResult(
  gateway: Gateway,
  printed: { output: string; creditsBefore: number; provider?: string },
): Promise<void> {
  const jobId = UUID.exec(printed.output)?.[0] ?? '';
  const job = await waitForEnd(gateway, jobId);
  const { type, width, height } = await fetchPicture(job);
  assert.equal(type, 'image/jpeg');
  assert.ok(width >= 256 && height >= 256, `${width}×${height}`);
  assert.equal(printed.creditsBefore - (await readCredits(gateway)), 5);
  if (printed.provider !== undefined) assert.equal(job.provider, printed.provider);
}

/** The three samples of the founding page, against the stage that is open then. */
function foundingSamples(stageNow: () => Stage, provider: string): void {
  const run = async (command: string, words: string[], env?: Record<string, string>) => {
    const { place } = stageNow();
    const creditsBefore = await readCredits(place);
    const ran = await runProgram(command, words, env === undefined ? {} : { env });
    assert.equal(ran.code, 0, ran.errors);
    return { ...ran, creditsBefore };
  };

  it('of the founding page in curl runs to the printed answer', async () => {
    const { place } = stageNow();
    const { output, creditsBefore } = await run('sh', ['-c', curlSample(place)]);
    const { jobId, ...rest } = JSON.parse(output) as { jobId: string };
    assert.match(jobId, UUID);
    assert.deepEqual(rest, { status: 'QUEUED' });
    await checkResult(place, { output, creditsBefore, provider });
  });

  it('of the founding page in Python runs to the printed result', async () => {
    const { place, folder } = stageNow();
    const file = path.join(folder, 'founding.py');
    await writeFile(file, pythonSample(place));
    const { output, creditsBefore } = await run('python3', [file], await pythonEnvironment());
    assert.match(output, IMAGE_ADDRESS);
    await checkResult(place, { output, creditsBefore, provider });
  });

  it('of the founding page in JavaScript runs to the printed result', async () => {
    const { place, folder } = stageNow();
    const file = path.join(folder, 'founding.mjs');
    await writeFile(file, javascriptSample(place));
    const { output, creditsBefore } = await run(process.execPath, [file]);
    assert.match(output, IMAGE_ADDRESS);
    await checkResult(place, { output, creditsBefore, provider });
  });
}

/** Providers by the double that plays them. */
const PROVIDERS = ['bfl', 'replicate', 'fal', 'openai-images', 'sd-server', 'comfyui'];

for (const provider of PROVIDERS) {
  describe(`with one key and one address, of ${provider}, the samples`, () => {
    let doubles: StartedCommand;
    let stage: Stage;
    before(async () => {
      doubles = startCommand(['doubles', '--only', provider, '--duration', '300'], {});
      const line = await doubles.waitFor(() => doubles.outputLines.find((text) => text.startsWith('export ')));
      const settings = line.slice('export '.length).split(' ');
      stage = await openStage(
        Object.fromEntries(settings.map((setting) => [setting.split('=')[0], setting.split('=')[1]])),
      );
    });
    after(async () => {
      await stage?.close();
      await doubles?.stop();
    });
    foundingSamples(() => stage, provider);
  });
}

describe('the samples', () => {
  let stage: Stage;
  let folder: string;
  let place: SamplePlace;

  before(async () => {
    stage = await openStage({ LUMEGATE_SANDBOX_MS: '300' });
    ({ place, folder } = stage);
  });
  after(() => stage?.close());

  foundingSamples(() => stage, 'sandbox');

  const examples = [
    { file: 'curl.sh', command: 'sh' },
    { file: 'python.py', command: 'python3' },
    { file: 'javascript.mjs', command: process.execPath },
  ];
  for (const { file, command } of examples) {
    it(`in examples/${file} prints the job and saves its picture`, async () => {
      const creditsBefore = await readCredits(place);
      const cwd = path.join(folder, file.replace('.', '-'));
      await mkdir(cwd);
      const env = { LUMEGATE_URL: place.url, LUMEGATE_API_KEY: place.key };
      const run = await runProgram(command, [path.join(ROOT, 'examples', file)], { env, cwd });
      assert.equal(run.code, 0, run.errors);
      const job = JSON.parse(run.output) as { status: string };
      assert.equal(job.status, 'COMPLETED');
      await checkResult(place, { output: run.output, creditsBefore });
      const saved = /Saved (\S+)/.exec(run.errors)?.[1] ?? '';
      const { bytes } = await fetchPicture(await waitForEnd(place, UUID.exec(run.output)?.[0] ?? ''));
      assert.deepEqual(await readFile(path.join(cwd, saved)), bytes);
    });

    it(`in examples/${file} waits as Retry-After says when it is told 429`, async (context) => {
      const cwd = path.join(folder, `${file.replace('.', '-')}-busy`);
      await mkdir(cwd);
      const busy = await startBusyFront(place.url);
      context.after(() => busy.close());
      const env = { LUMEGATE_URL: busy.url, LUMEGATE_API_KEY: place.key };
      const run = await runProgram(command, [path.join(ROOT, 'examples', file)], { env, cwd });
      assert.equal(run.code, 0, run.errors);
      assert.equal(busy.refused(), 2);
      assert.ok(
        busy.pausesMs().every((ms) => ms >= 950),
        `pauses of ${busy.pausesMs().join(' and ')} ms`,
      );
    });
  }
});

/** A machine without `requests` gets a stand-in with the two calls of the sample, so that the sample stays as it is. */
async function pythonEnvironment(): Promise<Record<string, string>> {
  const { code } = await runProgram('python3', ['-c', 'import requests']);
  return code === 0 ? {} : { PYTHONPATH: path.join(import.meta.dirname, 'stand-in') };
}

interface BusyFront {
  url: string;
  refused(): number;
  /** From each refusal to the next request. */
  pausesMs(): number[];
  close(): void;
}

/** Passes requests on, and answers 429 with `Retry-After: 1` to the first of each kind. */
async function startBusyFront(target: string): Promise<BusyFront> {
  const kinds = new Set<string>();
  const pauses: number[] = [];
  let refusedAt: number | null = null;
  const pass = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    if (refusedAt !== null) pauses.push(performance.now() - refusedAt);
    refusedAt = null;
    if (!kinds.has(request.method ?? '')) {
      kinds.add(request.method ?? '');
      refusedAt = performance.now();
      response
        .writeHead(429, { 'retry-after': '1', 'content-type': 'application/json' })
        .end('{"error":"Rate limit exceeded"}');
      return;
    }
    const body = await request.toArray();
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { 'x-api-key': String(request.headers['x-api-key']), 'content-type': 'application/json' },
      ...(request.method === 'POST' ? { body: Buffer.concat(body) } : {}),
    });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  };
  const server = http.createServer((request, response) => {
    // What breaks here breaks the sample's connection, and its test then says so.
    pass(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    // Safe: a server that listens on a port has an address of this kind.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused: () => kinds.size,
    pausesMs: () => pauses,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
