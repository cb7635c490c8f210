import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import sharp from 'sharp';

import { startTestDouble, type TestDouble } from '../support/doubles.ts';
import { sampleSound } from '../support/sample-media.ts';
import { startServer, type TestServer } from '../support/server.ts';
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

const TRAINING_CREDITS = 257;

/** A LoRA as its team sees it; the fields that these tests read. */
interface LoraSeen {
  id: string;
  status: string;
  error: string | null;
  isReady: boolean;
  hasWeights: boolean;
  triggerWord: string | null;
  imageCount: number;
  steps: number;
  loraRank: number;
  jobId: string;
}

const SOMEBODY = { name: 'Ada', gender: 'female', ethnicity: 'european', age: '36 years' };

describe('a LoRA', () => {
  let server: TestServer;
  let gateway: Gateway;
  let picture: Buffer;
  before(async () => {
    const env = { LUMEGATE_SANDBOX_MS: '50', LUMEGATE_ALLOW_PRIVATE_URLS: 'on', LUMEGATE_START_CREDITS: '5000' };
    server = await startServer({ env });
    gateway = { url: server.url, key: server.key };
    picture = await plainPicture('#3060c0');
  });
  after(() => server?.stop());

  it('is trained on pictures, paid once it is ready, and shows in a picture by its word', async () => {
    const credits = await readCredits(gateway);
    const created = await create(gateway, { fields: SOMEBODY, files: Array<Buffer>(15).fill(picture) });
    assert.equal((await waitForEnd(gateway, created.jobId)).status, 'COMPLETED');
    const lora = await read(gateway, created.id);
    const { status, isReady, hasWeights, imageCount, steps, loraRank } = lora;
    assert.deepEqual(
      { status, isReady, hasWeights, imageCount, steps, loraRank },
      { status: 'READY', isReady: true, hasWeights: true, imageCount: 15, steps: 1_000, loraRank: 16 },
    );
    assert.match(lora.triggerWord ?? '', /^[A-Z0-9]{5}$/);
    assert.equal(await readCredits(gateway), credits - TRAINING_CREDITS);
    assert.ok((await list(gateway)).some(({ id }) => id === lora.id));

    const answer = await generate(gateway, lora.id);
    assert.equal(answer.status, 202, await answer.clone().text());
    // Safe here and below: the contract tests hold these answers against the description.
    const { jobId } = (await answer.json()) as { jobId: string };
    await fetchPicture(await waitForEnd(gateway, jobId));
    const { input } = (await readJob(gateway, jobId)) as unknown as { input: { fluxLoraParams: object } };
    assert.deepEqual(input.fluxLoraParams, { loraId: lora.id }, 'the job shows the request as it came');
  });

  it('is archived for good: its weights are nobody’s any more, and twice is as once', async () => {
    const { id, jobId } = await create(gateway, { fields: SOMEBODY, files: Array<Buffer>(15).fill(picture) });
    await waitForEnd(gateway, jobId);
    for (let count = 0; count < 2; count += 1)
      assert.equal((await ask(gateway, `/v2/loras/${id}`, { method: 'DELETE' })).status, 204);
    assert.equal((await read(gateway, id)).status, 'ARCHIVED');
    assert.ok((await list(gateway)).every((lora) => lora.id !== id));
    assert.ok((await list(gateway, '?includeArchived=true')).some((lora) => lora.id === id));
    const answer = await generate(gateway, id);
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /fluxLoraParams\.loraId.*no such LoRA/);
  });

  it('is read page by page, each once', async () => {
    const seen: string[] = [];
    for (let cursor = ''; ;) {
      const answer = await ask(gateway, `/v2/loras?limit=1&includeArchived=true${cursor}`);
      const { items, nextCursor } = (await answer.json()) as { items: LoraSeen[]; nextCursor: string | null };
      seen.push(...items.map(({ id }) => id));
      if (nextCursor === null) break;
      cursor = `&cursor=${nextCursor}`;
    }
    assert.equal(seen.length, 2);
    assert.deepEqual(seen, [...new Set(seen)].toSorted().toReversed(), 'newest first');
  });

  it('with an Idempotency-Key is trained once, and the same answer comes again', async () => {
    const wish = { fields: SOMEBODY, files: Array<Buffer>(15).fill(picture), idempotencyKey: randomUUID() };
    const first = await create(gateway, wish);
    assert.deepEqual(await create(gateway, wish), first);
    const other = await send(gateway, { ...wish, fields: { ...SOMEBODY, name: 'Grace' } });
    assert.equal(other.status, 409, await other.text());
    await waitForEnd(gateway, first.jobId);
  });

  it('of a stranger, of another mode, or of nobody is not there', async () => {
    const [own] = await list(gateway);
    assert.ok(own !== undefined);
    const test: Gateway = { url: server.url, key: server.testKey ?? assert.fail('the first start shows no test key') };
    for (const [who, id] of [
      [test, own.id],
      [gateway, randomUUID()],
    ] as const) {
      for (const method of ['GET', 'DELETE'])
        assert.equal((await ask(who, `/v2/loras/${id}`, { method })).status, 404, method);
      assert.equal((await generate(who, id)).status, 400);
    }
    assert.equal((await ask(gateway, '/v2/loras/not-an-id')).status, 400);
    assert.equal((await ask(gateway, '/v2/loras?cursor=yesterday')).status, 400);
  });

  it('is refused with the name of what is wrong, and nothing is held or kept', async () => {
    const credits = await readCredits(gateway);
    const kept = (await list(gateway, '?includeArchived=true')).length;
    const many = (count: number): Buffer[] => Array<Buffer>(count).fill(picture);
    const sound = await sampleSound();
    const wrong: [string, Wish, RegExp][] = [
      ['too few', { fields: SOMEBODY, files: many(14) }, /images: .*15 to 30 pictures, got 14/],
      ['too many', { fields: SOMEBODY, files: many(31) }, /images: .*at most 30/],
      ['a sound among them', { fields: SOMEBODY, files: [...many(14), sound] }, /images\.14: .*JPEG, PNG or WebP/],
      ['no name', { fields: { gender: 'male', ethnicity: 'asian' }, files: many(15) }, /name: /],
      ['a person without gender', { fields: { name: 'Ada', ethnicity: 'asian' }, files: many(15) }, /gender: Required/],
      ['few steps', { fields: { ...SOMEBODY, steps: '10' }, files: many(15) }, /steps: .*500 to 3000/],
      ['a high rank', { fields: { ...SOMEBODY, loraRank: '65' }, files: many(15) }, /loraRank: .*8 to 64/],
      ['no such subject', { fields: { ...SOMEBODY, subjectKind: 'dog' }, files: many(15) }, /subjectKind: /],
      [
        'a webhook that is none',
        { fields: { ...SOMEBODY, webhookUrl: 'over there' }, files: many(15) },
        /webhookUrl: /,
      ],
      [
        'no such event',
        { fields: { ...SOMEBODY, webhookEvents: 'completed,ready' }, files: many(15) },
        /webhookEvents: /,
      ],
      ['another field', { fields: SOMEBODY, files: many(15), fileField: 'file' }, /file: .*"images"/],
    ];
    for (const [name, wish, expected] of wrong) {
      const answer = await send(gateway, wish);
      const text = await answer.text();
      assert.equal(answer.status, 400, `${name}: ${text}`);
      assert.match((JSON.parse(text) as { error: string }).error, expected, name);
    }
    const plain = await ask(gateway, '/v2/loras', { method: 'POST', body: '{}' });
    assert.equal(plain.status, 400, await plain.text());
    assert.equal(await readCredits(gateway), credits);
    assert.equal((await list(gateway, '?includeArchived=true')).length, kept);
  });
});

describe('a LoRA that a provider trains', () => {
  let double: TestDouble;
  let server: TestServer;
  let gateway: Gateway;
  let files: Buffer[];
  before(async () => {
    double = await startTestDouble('fal', { durationMs: 400 });
    server = await startServer({
      env: { ...double.env, LUMEGATE_START_CREDITS: '5000' },
    });
    gateway = { url: server.url, key: server.key };
    files = Array<Buffer>(15).fill(
      await sharp({ create: { width: 2_000, height: 1_000, channels: 3, background: 'red' } })
        .jpeg()
        .toBuffer(),
    );
  });
  after(async () => {
    await server?.stop();
    await double?.close();
  });

  it('is bought once, though the gateway is killed meanwhile', async () => {
    const created = await create(gateway, { fields: { ...SOMEBODY, subjectKind: 'style' }, files });
    // Sooner the provider may not have it yet, and a purchase that may be lost is given up and not made again.
    await waitForStep(gateway, created.jobId, 'taken');
    await server.kill9();
    const { dataFolder, key } = server;
    server = await startServer({ dataFolder, key, env: double.env });
    gateway = { url: server.url, key };
    assert.equal((await waitForEnd(gateway, created.jobId)).status, 'COMPLETED');
    assert.equal((await read(gateway, created.id)).status, 'READY');
    const answer = await generate(gateway, created.id);
    assert.equal(answer.status, 202, await answer.clone().text());
    const { jobId } = (await answer.json()) as { jobId: string };
    await fetchPicture(await waitForEnd(gateway, jobId));
    const bought = (await double.ledger()).map(({ model }) => model);
    assert.deepEqual(bought, ['fal-ai/flux-lora-fast-training', 'fal-ai/flux-lora']);
  });

  it('that fails says so, and costs nothing', async () => {
    const credits = await readCredits(gateway);
    double.script([{ fault: 'failed' }]);
    const created = await create(gateway, { fields: SOMEBODY, files });
    assert.equal((await waitForEnd(gateway, created.jobId)).status, 'FAILED');
    const { status, error, hasWeights } = await read(gateway, created.id);
    assert.equal(status, 'FAILED');
    assert.ok(error !== null && !hasWeights);
    assert.equal(await readCredits(gateway), credits);
    const answer = await generate(gateway, created.id);
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /FAILED; it must be READY/);
    double.heal();
  });

  it('and is archived meanwhile is given up, and costs nothing', async () => {
    const credits = await readCredits(gateway);
    const created = await create(gateway, { fields: SOMEBODY, files });
    assert.equal((await ask(gateway, `/v2/loras/${created.id}`, { method: 'DELETE' })).status, 204);
    assert.equal((await waitForEnd(gateway, created.jobId)).status, 'CANCELLED');
    assert.equal((await read(gateway, created.id)).status, 'ARCHIVED');
    assert.equal(await readCredits(gateway), credits);
  });
});

describe('LoRAs of a team that may train one at a time', () => {
  it('are refused beyond that, and let in once there is room', async () => {
    // Nobody carries jobs out, so that the first training stays where it is.
    const server = await startServer({ env: { LUMEGATE_ROLES: 'api', LUMEGATE_TEAM_TRAININGS: '1' } });
    try {
      const gateway = { url: server.url, key: server.key };
      const files = Array<Buffer>(15).fill(await plainPicture('#208040'));
      const first = await create(gateway, { fields: SOMEBODY, files });
      const credits = await readCredits(gateway);
      const second = await send(gateway, { fields: SOMEBODY, files });
      assert.equal(second.status, 429, await second.text());
      assert.ok(Number(second.headers.get('retry-after')) > 0);
      assert.equal(await readCredits(gateway), credits, 'nothing is held');
      assert.equal((await ask(gateway, `/v2/loras/${first.id}`, { method: 'DELETE' })).status, 204);
      await create(gateway, { fields: SOMEBODY, files });
    } finally {
      await server.stop();
    }
  });
});

interface Wish {
  fields: Record<string, string>;
  files: readonly Buffer[];
  fileField?: string;
  idempotencyKey?: string;
}

function send(gateway: Gateway, { fields, files, fileField = 'images', idempotencyKey }: Wish): Promise<Response> {
  const form = new FormData();
  for (const [name, text] of Object.entries(fields)) form.set(name, text);
  for (const file of files) form.append(fileField, new Blob([new Uint8Array(file)]), 'picture');
  const headers: Record<string, string> = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
  return ask(gateway, '/v2/loras', { method: 'POST', body: form, headers });
}

async function create(gateway: Gateway, wish: Wish): Promise<{ id: string; jobId: string }> {
  const answer = await send(gateway, wish);
  assert.equal(answer.status, 202, await answer.clone().text());
  const created = (await answer.json()) as { id: string; jobId: string; status: string; imageCount: number };
  assert.deepEqual({ status: created.status, imageCount: created.imageCount }, { status: 'PENDING', imageCount: 15 });
  return { id: created.id, jobId: created.jobId };
}

async function read(gateway: Gateway, id: string): Promise<LoraSeen> {
  const answer = await ask(gateway, `/v2/loras/${id}`);
  assert.equal(answer.status, 200);
  return (await answer.json()) as LoraSeen;
}

async function list(gateway: Gateway, query = ''): Promise<LoraSeen[]> {
  return ((await (await ask(gateway, `/v2/loras${query}`)).json()) as { items: LoraSeen[] }).items;
}

function generate(gateway: Gateway, loraId: string): Promise<Response> {
  return ask(gateway, '/v2/images/generate', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'flux-lora', prompt: 'studio portrait', fluxLoraParams: { loraId } }),
  });
}
