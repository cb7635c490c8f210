import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';

import sharp from 'sharp';

import {
  goneFrom,
  openDoor,
  RIGHT,
  writeRemover,
  type Door,
} from '../../server/src/files/remover/removers-for-tests.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { ask, fetchPictureAt, readCredits, uploadFile, uploadPicture, waitForEnd, type Gateway } from './gateway.ts';
import { runProgram, type ProgramRun } from './run-program.ts';

const MODEL = 'local-bg-remove';

/** Asks for a picture without its background. */
function askToCut(gateway: Gateway, params: Record<string, unknown>): Promise<Response> {
  return ask(gateway, '/v2/images/background-remove', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, localBgRemoveParams: params }),
  });
}

async function cut(gateway: Gateway, params: Record<string, unknown>): Promise<string> {
  const response = await askToCut(gateway, params);
  const text = await response.text();
  assert.equal(response.status, 202, text);
  // Safe: a 202 has this form, which the contract tests hold against the description.
  return (JSON.parse(text) as { jobId: string }).jobId;
}

/** A gateway whose operator has named this program; it allows addresses of its own. */
function startWith(program: string | null, env: Record<string, string> = {}): Promise<TestServer> {
  const named = program === null ? {} : { LUMEGATE_BACKGROUND_REMOVER: program };
  return startServer({ env: { LUMEGATE_ALLOW_PRIVATE_URLS: 'on', ...named, ...env } });
}

async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lumegate-removers-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Knocks, and does its work at the second and every later start; at the first it waits for its end. */
function waitingOnce(port: number, sign: string): string {
  return `await knock(${port});
if (!fs.existsSync('${sign}')) { fs.writeFileSync('${sign}', ''); await new Promise(() => {}); }
${RIGHT} process.exit(0);`;
}

describe('a gateway with a background remover and no provider key', () => {
  let folder: string;
  let server: TestServer;
  let live: Gateway;
  let door: Door;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lumegate-removers-'));
    door = await openDoor();
    server = await startWith(await writeRemover(folder, RIGHT));
    live = { url: server.url, key: server.key };
  });
  after(async () => {
    await server?.stop();
    door?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('cuts a picture out for a live key, in the format that was asked for, for one credit', async () => {
    const creditsBefore = await readCredits(live);
    const image = await uploadPicture(live);
    const job = await waitForEnd(live, await cut(live, { image, output_format: 'webp' }));
    assert.deepEqual(
      { status: job.status, error: job.error, provider: job.provider, sandbox: job.sandbox },
      { status: 'COMPLETED', error: null, provider: 'cutout', sandbox: false },
    );
    const { type, bytes, width, height } = await fetchPictureAt(job.result?.images?.[0] ?? '');
    assert.deepEqual({ type, width, height }, { type: 'image/webp', width: 256, height: 256 });
    const alpha = await sharp(bytes).extractChannel('alpha').raw().toBuffer();
    assert.deepEqual([alpha[0], alpha[255]], [0, 255], 'nothing of the left, all of the right');
    assert.equal(creditsBefore - (await readCredits(live)), 1);
  });

  it('leaves nothing of its work behind but the result', async () => {
    await waitForEnd(live, await cut(live, { image: await uploadPicture(live) }));
    const names = await readdir(path.join(server.dataFolder, 'cutout'));
    assert.ok(
      names.every((name) => name.endsWith('.png')),
      names.join(),
    );
  });

  it('draws for a test key in the sandbox', async () => {
    const test = { url: server.url, key: server.testKey ?? assert.fail('the first start shows no test key') };
    const job = await waitForEnd(test, await cut(test, { image: await uploadPicture(test) }));
    assert.deepEqual([job.status, job.sandbox], ['COMPLETED', true]);
  });

  it('refuses a picture that moves, charges nothing, and says why', async () => {
    const creditsBefore = await readCredits(live);
    const frames = await Promise.all(
      ['#f00', '#0f0'].map((background) =>
        sharp({ create: { width: 8, height: 8, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const moving = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    const job = await waitForEnd(live, await cut(live, { image: await uploadFile(live, moving) }));
    assert.equal(job.status, 'FAILED');
    assert.match(job.error ?? '', /stills alone can be cut out/);
    assert.equal(await readCredits(live), creditsBefore);
  });
});

it('a background remover that fails costs the caller nothing, and the operator reads why', async (context) => {
  const server = await startWith(
    await writeRemover(await folderOf(context), `console.error('no weights'); process.exit(3);`),
  );
  context.after(() => server.stop());
  const live = { url: server.url, key: server.key };
  const creditsBefore = await readCredits(live);
  const job = await waitForEnd(live, await cut(live, { image: await uploadPicture(live) }));
  assert.equal(job.status, 'FAILED');
  assert.doesNotMatch(job.error ?? '', /weights/);
  assert.equal(await readCredits(live), creditsBefore);
  const line = await server.waitForLine('remover.failed');
  assert.match(String(line['detail']), /exit code 3.*no weights/);
  assert.equal(server.logLines.filter(({ event }) => event === 'remover.failed').length, 3, 'it had three tries');
});

it('a gateway without a background remover refuses a live key before anything is held, and says why', async (context) => {
  const server = await startWith(null, { LUMEGATE_SANDBOX: 'off' });
  context.after(() => server.stop());
  const live = { url: server.url, key: server.key };
  const response = await askToCut(live, { image: 'https://example.com/x.png' });
  assert.ok(response.status >= 400 && response.status < 500, `${response.status}`);
  assert.match(await response.text(), /runs inside this gateway, and its operator has not made that possible here/);
  // Safe: the contract tests hold this answer against the description.
  const { jobs } = (await (await ask(live, '/v2/jobs')).json()) as { jobs: unknown[] };
  assert.deepEqual(jobs, []);
});

it('a cancelled job ends the background remover with all that it has started', async (context) => {
  const folder = await folderOf(context);
  const door = await openDoor();
  context.after(() => door.close());
  const child = await writeRemover(folder, `await knock(${door.port});`, 'child.mjs');
  const lines = `spawn(process.execPath, ['${child}'], { stdio: 'ignore' }); await knock(${door.port});`;
  const server = await startWith(await writeRemover(folder, lines));
  context.after(() => server.stop());
  const live = { url: server.url, key: server.key };
  const creditsBefore = await readCredits(live);
  const id = await cut(live, { image: await uploadPicture(live) });
  const visitors = [await door.visitor(), await door.visitor()];
  const cancelled = await ask(live, `/v2/jobs/${id}/cancel`, { method: 'POST' });
  assert.equal(cancelled.status, 200, await cancelled.text());
  await Promise.all(visitors.map(goneFrom));
  assert.equal((await waitForEnd(live, id)).status, 'CANCELLED');
  assert.equal(await readCredits(live), creditsBefore);
});

it('a gateway that is killed while a picture is cut out takes the program along and cuts it after its next start, for one credit', async (context) => {
  const folder = await folderOf(context);
  const door = await openDoor();
  context.after(() => door.close());
  const program = await writeRemover(folder, waitingOnce(door.port, path.join(folder, 'started')));
  let server = await startWith(program);
  context.after(async () => {
    await server.stop();
    await rm(server.dataFolder, { recursive: true, force: true });
  });
  const { dataFolder, key, url } = server;
  const image = await uploadPicture({ url, key });
  const creditsBefore = await readCredits({ url, key });
  const id = await cut({ url, key }, { image });
  const visitor = await door.visitor();
  await server.kill9();
  await goneFrom(visitor);
  const env = {
    LUMEGATE_ALLOW_PRIVATE_URLS: 'on',
    LUMEGATE_BACKGROUND_REMOVER: program,
    PORT: new URL(url).port,
  };
  server = await startServer({ dataFolder, key, env });
  const live = { url: server.url, key };
  const job = await waitForEnd(live, id);
  assert.deepEqual([job.status, job.error, job.creditCost], ['COMPLETED', null, 1]);
  assert.equal(creditsBefore - (await readCredits(live)), 1);
});

it('the doctor tries the background remover that is set, and says what is wrong with it', async (context) => {
  const folder = await folderOf(context);
  const examine = (program: string | null): Promise<ProgramRun> =>
    runProgram(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', path.join(ROOT, 'server/src/main.ts'), 'doctor'],
      {
        cwd: ROOT,
        env: {
          LUMEGATE_DATA_DIR: path.join(folder, 'data'),
          ...(program === null ? {} : { LUMEGATE_BACKGROUND_REMOVER: program }),
        },
      },
    );
  const unset = await examine(null);
  assert.equal(unset.code, 0, unset.errors);
  assert.doesNotMatch(unset.output, /Background remover/);
  const right = await examine(await writeRemover(folder, RIGHT));
  assert.match(right.output, /Background remover: pictures can be cut out here\./);
  assert.equal(right.code, 0);
  for (const [program, words] of [
    [path.join(folder, 'nowhere.mjs'), /does not work\. There is no file/],
    [await writeRemover(folder, 'process.exit(1);', 'failing.mjs'), /does not work\. It ended with exit code 1/],
    [await writeRemover(folder, '', 'idle.mjs'), /does not work\. It ended well and wrote no mask/],
    [
      await writeRemover(folder, `fs.writeFileSync(to, 'x');`, 'babbling.mjs'),
      /does not work\. The mask cannot be used/,
    ],
  ] as const) {
    const { code, output } = await examine(program);
    assert.match(output, words);
    assert.equal(code, 1);
  }
});
