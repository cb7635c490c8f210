import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { encodeWeights } from '../../server/src/doubles/weights.ts';
import { startTestDouble, type TestDouble } from '../support/doubles.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import {
  ask,
  fetchPicture,
  plainPicture,
  readCredits,
  readJob,
  waitForEnd,
  waitForStep,
  type Gateway,
} from './gateway.ts';
import { createLora, generateWithLora, listLoras, readLora, sendLora, SOMEBODY } from './lora-calls.ts';
import { runProgram } from './run-program.ts';

const FAL_TRAINER = 'fal-ai/flux-lora-fast-training';
const REPLICATE_TRAINER = /^ostris\/flux-dev-lora-trainer\/versions\/\w{64}\/trainings$/;
/** The first colour of the doubles, in which a training without a prompt is painted. */
const WEIGHTS = encodeWeights([214, 94, 60]);

let files: Buffer[];
before(async () => {
  files = Array<Buffer>(15).fill(await plainPicture('#d04040'));
});

const TRAINERS = [
  { provider: 'fal', trainer: /^fal-ai\/flux-lora-fast-training$/, draws: 'fal-ai/flux-lora', cancelled: 202 },
  { provider: 'replicate', trainer: REPLICATE_TRAINER, draws: 'black-forest-labs/flux-dev-lora', cancelled: 200 },
] as const;

for (const { provider, trainer, draws, cancelled } of TRAINERS) {
  describe(`a LoRA that ${provider} trains`, () => {
    let double: TestDouble;
    let server: TestServer;
    let gateway: Gateway;
    before(async () => {
      double = await startTestDouble(provider, { durationMs: 400 });
      server = await startServer({ env: { ...double.env, LUMEGATE_START_CREDITS: '9000' } });
      gateway = { url: server.url, key: server.key };
    });
    after(async () => {
      await server?.stop();
      await double?.close();
    });
    afterEach(() => double.heal());

    it('is bought once, though the gateway is killed meanwhile, and is drawn with', async () => {
      const created = await createLora(gateway, { fields: { ...SOMEBODY, subjectKind: 'style' }, files });
      // Sooner the provider may not have it yet, and a purchase that may be lost is given up and not made again.
      await waitForStep(gateway, created.jobId, 'taken');
      await server.kill9();
      const { dataFolder, key } = server;
      server = await startServer({ dataFolder, key, env: double.env });
      gateway = { url: server.url, key };
      assert.equal((await waitForEnd(gateway, created.jobId)).status, 'COMPLETED');
      assert.equal((await readLora(gateway, created.id)).status, 'READY');
      assert.deepEqual(await keptFor(server, created.jobId), WEIGHTS);
      const answer = await generateWithLora(gateway, created.id);
      assert.equal(answer.status, 202, await answer.clone().text());
      const { jobId } = (await answer.json()) as { jobId: string };
      await fetchPicture(await waitForEnd(gateway, jobId));
      const [training, picture, ...others] = (await double.ledger()).map(({ model }) => model);
      assert.match(training ?? '', trainer);
      assert.deepEqual([picture, others], [draws, []]);
    });

    it('is found again where the answer to its start was lost, and bought once', async () => {
      const bought = (await double.ledger()).length;
      double.script([{ fault: 'p2-reset-after' }]);
      const created = await createLora(gateway, { fields: SOMEBODY, files });
      const job = await waitForEnd(gateway, created.jobId);
      assert.equal(job.status, 'COMPLETED', job.error ?? '');
      assert.equal((await double.ledger()).length, bought + 1);
    });

    it('is found again where the gateway was killed before it heard an answer, and bought once', async () => {
      const bought = (await double.ledger()).length;
      double.script([{ fault: '60s-answers' }]);
      const created = await createLora(gateway, { fields: SOMEBODY, files });
      while ((await double.ledger()).length === bought) await setImmediate();
      await server.kill9();
      const { dataFolder, key } = server;
      server = await startServer({ dataFolder, key, env: double.env });
      gateway = { url: server.url, key };
      const job = await waitForEnd(gateway, created.jobId);
      assert.equal(job.status, 'COMPLETED', job.error ?? '');
      assert.equal((await double.ledger()).length, bought + 1);
    });

    it('that fails says so, and costs nothing', async () => {
      const credits = await readCredits(gateway);
      double.script([{ fault: 'failed' }]);
      const created = await createLora(gateway, { fields: SOMEBODY, files });
      assert.equal((await waitForEnd(gateway, created.jobId)).status, 'FAILED');
      const { status, error, hasWeights } = await readLora(gateway, created.id);
      assert.equal(status, 'FAILED');
      assert.ok(error !== null && !hasWeights);
      assert.equal(await readCredits(gateway), credits);
      const answer = await generateWithLora(gateway, created.id);
      assert.equal(answer.status, 400);
      assert.match(await answer.text(), /FAILED; it must be READY/);
    });

    it('and is archived meanwhile is given up, and costs nothing', async () => {
      const credits = await readCredits(gateway);
      double.script([{ fault: 'p7-never' }]);
      const created = await createLora(gateway, { fields: SOMEBODY, files });
      await waitForStep(gateway, created.jobId, 'taken');
      assert.equal((await ask(gateway, `/v2/loras/${created.id}`, { method: 'DELETE' })).status, 204);
      assert.equal((await waitForEnd(gateway, created.jobId)).status, 'CANCELLED');
      assert.equal((await readLora(gateway, created.id)).status, 'ARCHIVED');
      assert.equal(await readCredits(gateway), credits);
      const told = await server.waitForLine('purchase.cancelled', ({ jobId }) => jobId === created.jobId);
      assert.equal(told['status'], cancelled, 'the provider was told');
    });
  });
}

describe('weights that come in a tar nobody can use', () => {
  let double: TestDouble;
  let server: TestServer;
  let gateway: Gateway;
  before(async () => {
    double = await startTestDouble('replicate', { durationMs: 100 });
    server = await startServer({ env: { ...double.env, LUMEGATE_START_CREDITS: '9000' } });
    gateway = { url: server.url, key: server.key };
  });
  after(async () => {
    await server?.stop();
    await double?.close();
  });

  for (const [fault, expected] of [
    ['p8-truncated', /the archive is cut off/],
    ['p9-wrong-type', /the archive is no tar/],
    ['p9-gzip', /the archive is compressed/],
    ['p10-empty', /the archive is no tar/],
    ['p10-2gb', /could not be fetched \(too-large\)/],
  ] as const) {
    it(`are a failure that names the cause, and cost nothing: ${fault}`, async () => {
      const credits = await readCredits(gateway);
      double.script([{ fault }]);
      const created = await createLora(gateway, { fields: SOMEBODY, files });
      assert.equal((await waitForEnd(gateway, created.jobId)).status, 'FAILED');
      const { status, error, hasWeights } = await readLora(gateway, created.id);
      assert.deepEqual({ status, hasWeights }, { status: 'FAILED', hasWeights: false });
      assert.match(error ?? '', expected);
      assert.equal(await readCredits(gateway), credits);
    });
  }
});

describe('a training that one provider does not take', () => {
  let fal: TestDouble;
  let replicate: TestDouble;
  before(async () => {
    fal = await startTestDouble('fal', { durationMs: 100 });
    replicate = await startTestDouble('replicate', { durationMs: 100 });
  });
  after(async () => {
    await fal?.close();
    await replicate?.close();
  });
  afterEach(() => fal.heal());
  const boughtAt = async (double: TestDouble): Promise<string[]> => (await double.ledger()).map(({ model }) => model);

  it('is made by the other: fal has no money, and Replicate trains', async () => {
    const server = await startServer({ env: { ...fal.env, ...replicate.env } });
    try {
      const gateway = { url: server.url, key: server.key };
      fal.script([{ fault: 'p23-402' }]);
      const created = await createLora(gateway, { fields: SOMEBODY, files });
      const job = await waitForEnd(gateway, created.jobId);
      assert.deepEqual([job.status, job.provider], ['COMPLETED', 'replicate'], job.error ?? '');
      assert.equal((await readLora(gateway, created.id)).status, 'READY');
      assert.deepEqual(await keptFor(server, created.jobId), WEIGHTS);
      assert.deepEqual(await boughtAt(fal), []);
      assert.equal((await boughtAt(replicate)).length, 1);
    } finally {
      await server.stop();
    }
  });

  it('is made by the other: the destination at Replicate is not there, and fal trains', async () => {
    const bought = await boughtAt(replicate);
    const env = {
      ...fal.env,
      ...replicate.env,
      LUMEGATE_PROVIDER_ORDER: 'replicate,fal',
      LUMEGATE_PROVIDER_REPLICATE_DESTINATION: 'double/somewhere-else',
    };
    const server = await startServer({ env });
    try {
      const gateway = { url: server.url, key: server.key };
      const created = await createLora(gateway, { fields: SOMEBODY, files });
      const job = await waitForEnd(gateway, created.jobId);
      assert.deepEqual([job.status, job.provider], ['COMPLETED', 'fal'], job.error ?? '');
      assert.deepEqual(await boughtAt(replicate), bought);
      assert.deepEqual(await boughtAt(fal), [FAL_TRAINER]);
    } finally {
      await server.stop();
    }
  });
});

describe('a training of a team that brought its own keys of both', () => {
  it('is not pushed from the team’s account into the operator’s, where fal does not take it', async () => {
    const fal = await startTestDouble('fal', { script: [{ fault: 'p23-402' }] });
    const replicate = await startTestDouble('replicate');
    const server = await startServer({ env: { ...fal.env, ...replicate.env } });
    try {
      const gateway = { url: server.url, key: server.key };
      await bringKey(gateway, fal);
      await bringKey(gateway, replicate);
      const created = await createLora(gateway, { fields: SOMEBODY, files });
      assert.equal((await waitForEnd(gateway, created.jobId)).status, 'FAILED');
      assert.deepEqual(await replicate.ledger(), []);
    } finally {
      await server.stop();
      await fal.close();
      await replicate.close();
    }
  });
});

describe('a training at Replicate for whose result no destination is named', () => {
  let double: TestDouble;
  let server: TestServer;
  let gateway: Gateway;
  before(async () => {
    double = await startTestDouble('replicate', { durationMs: 100 });
    const { LUMEGATE_PROVIDER_REPLICATE_DESTINATION: _named, ...env } = double.env;
    server = await startServer({ env });
    gateway = { url: server.url, key: server.key };
  });
  after(async () => {
    await server?.stop();
    await double?.close();
  });

  it('is refused with what is missing, before anything is held, kept or bought', async () => {
    const credits = await readCredits(gateway);
    const answer = await sendLora(gateway, { fields: SOMEBODY, files });
    assert.equal(answer.status, 400);
    const { error } = (await answer.json()) as { error: string };
    assert.match(error, /has not named where replicate is to keep what it trains/);
    assert.equal(await readCredits(gateway), credits);
    assert.deepEqual(await listLoras(gateway, '?includeArchived=true'), []);
    assert.deepEqual(await double.ledger(), []);
  });

  it('is told by the doctor, with the setting that is missing', async () => {
    const words = [`${ROOT}/server/src/main.ts`, 'doctor'];
    const env = { LUMEGATE_DATA_DIR: server.dataFolder, REPLICATE_API_TOKEN: double.key ?? '' };
    const setting = 'LUMEGATE_PROVIDER_REPLICATE_DESTINATION';
    const missing = await runProgram(process.execPath, words, { env });
    assert.match(missing.output, new RegExp(`replicate trains no flux-lora before ${setting} names`), missing.errors);
    const named = await runProgram(process.execPath, words, { env: { ...env, [setting]: 'acme/loras' } });
    assert.deepEqual([named.code, named.output.includes('Training:')], [0, false], named.errors);
  });

  it('does not keep Replicate from anything else', async () => {
    const answer = await ask(gateway, '/v2/images/generate', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'flux-1.1-pro', prompt: 'a red kite' }),
    });
    const { jobId } = (await answer.json()) as { jobId: string };
    assert.equal((await readJob(gateway, jobId, '?wait=60')).provider, 'replicate');
  });
});

describe('a training whose destination is unset while it waits', () => {
  it('is not begun at Replicate, and costs nothing', async () => {
    const double = await startTestDouble('replicate', { durationMs: 100 });
    // Nobody carries jobs out yet.
    let server = await startServer({ env: { ...double.env, LUMEGATE_ROLES: 'api' } });
    try {
      let gateway = { url: server.url, key: server.key };
      const credits = await readCredits(gateway);
      const created = await createLora(gateway, { fields: SOMEBODY, files });
      await server.kill9();
      const { dataFolder, key } = server;
      const { LUMEGATE_PROVIDER_REPLICATE_DESTINATION: _named, ...env } = double.env;
      server = await startServer({ dataFolder, key, env });
      gateway = { url: server.url, key };
      const job = await waitForEnd(gateway, created.jobId);
      assert.deepEqual([job.status, job.creditCost], ['FAILED', 0]);
      assert.match(job.error ?? '', /No provider on this gateway can serve this model at present/);
      assert.equal(await readCredits(gateway), credits);
      assert.deepEqual(await double.ledger(), []);
    } finally {
      await server.stop();
      await double.close();
    }
  });
});

describe('a training of a team that brought its own key of Replicate', () => {
  it('is the operator’s: the destination lies in his account, and the team pays the price', async () => {
    const double = await startTestDouble('replicate', { durationMs: 100 });
    const server = await startServer({ env: double.env });
    try {
      const gateway = { url: server.url, key: server.key };
      await bringKey(gateway, double);
      const created = await createLora(gateway, { fields: SOMEBODY, files });
      const job = await waitForEnd(gateway, created.jobId);
      assert.deepEqual([job.status, job.creditCost], ['COMPLETED', 257], job.error ?? '');
      const answer = await generateWithLora(gateway, created.id);
      const { jobId } = (await answer.json()) as { jobId: string };
      await fetchPicture(await waitForEnd(gateway, jobId));
      assert.deepEqual(
        (await double.ledger()).map(({ keyLast4 }) => keyLast4),
        ['oken', 'team'],
      );
    } finally {
      await server.stop();
      await double.close();
    }
  });
});

/** Gives the team a key of its own that the double takes. */
async function bringKey(gateway: Gateway, { provider, key }: TestDouble): Promise<void> {
  const answer = await ask(gateway, '/v2/provider-keys', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ provider, key: `${key ?? ''}-team` }),
  });
  assert.equal(answer.status, 201, await answer.text());
}

/** The bytes of the only file that a server on this machine has kept for a job. */
async function keptFor({ dataFolder }: TestServer, jobId: string): Promise<Buffer> {
  const folder = path.join(dataFolder, 'blobs', 'objects', 'outputs', jobId);
  const names = await readdir(folder);
  assert.equal(names.length, 1);
  assert.match(names[0] ?? '', /\.safetensors$/);
  return readFile(path.join(folder, names[0] ?? ''));
}
