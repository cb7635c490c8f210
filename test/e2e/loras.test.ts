import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import { sampleSound } from '../support/sample-media.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { ask, fetchPicture, plainPicture, readCredits, readJob, waitForEnd, type Gateway } from './gateway.ts';
import {
  createLora,
  generateWithLora,
  listLoras,
  readLora,
  sendLora,
  SOMEBODY,
  type LoraSeen,
  type Wish,
} from './lora-calls.ts';

const TRAINING_CREDITS = 257;

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
    const created = await createLora(gateway, { fields: SOMEBODY, files: Array<Buffer>(15).fill(picture) });
    assert.equal((await waitForEnd(gateway, created.jobId)).status, 'COMPLETED');
    const lora = await readLora(gateway, created.id);
    const { status, isReady, hasWeights, imageCount, steps, loraRank } = lora;
    assert.deepEqual(
      { status, isReady, hasWeights, imageCount, steps, loraRank },
      { status: 'READY', isReady: true, hasWeights: true, imageCount: 15, steps: 1_000, loraRank: 16 },
    );
    assert.match(lora.triggerWord ?? '', /^[A-Z0-9]{5}$/);
    assert.equal(await readCredits(gateway), credits - TRAINING_CREDITS);
    assert.ok((await listLoras(gateway)).some(({ id }) => id === lora.id));

    const answer = await generateWithLora(gateway, lora.id);
    assert.equal(answer.status, 202, await answer.clone().text());
    // Safe here and below: the contract tests hold these answers against the description.
    const { jobId } = (await answer.json()) as { jobId: string };
    await fetchPicture(await waitForEnd(gateway, jobId));
    const { input } = (await readJob(gateway, jobId)) as unknown as { input: { fluxLoraParams: object } };
    assert.deepEqual(input.fluxLoraParams, { loraId: lora.id }, 'the job shows the request as it came');
  });

  it('is archived for good: its weights are nobody’s any more, and twice is as once', async () => {
    const { id, jobId } = await createLora(gateway, { fields: SOMEBODY, files: Array<Buffer>(15).fill(picture) });
    await waitForEnd(gateway, jobId);
    for (let count = 0; count < 2; count += 1)
      assert.equal((await ask(gateway, `/v2/loras/${id}`, { method: 'DELETE' })).status, 204);
    assert.equal((await readLora(gateway, id)).status, 'ARCHIVED');
    assert.ok((await listLoras(gateway)).every((lora) => lora.id !== id));
    assert.ok((await listLoras(gateway, '?includeArchived=true')).some((lora) => lora.id === id));
    const answer = await generateWithLora(gateway, id);
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
    const first = await createLora(gateway, wish);
    assert.deepEqual(await createLora(gateway, wish), first);
    const other = await sendLora(gateway, { ...wish, fields: { ...SOMEBODY, name: 'Grace' } });
    assert.equal(other.status, 409, await other.text());
    await waitForEnd(gateway, first.jobId);
  });

  it('of a stranger, of another mode, or of nobody is not there', async () => {
    const [own] = await listLoras(gateway);
    assert.ok(own !== undefined);
    const test: Gateway = { url: server.url, key: server.testKey ?? assert.fail('the first start shows no test key') };
    for (const [who, id] of [
      [test, own.id],
      [gateway, randomUUID()],
    ] as const) {
      for (const method of ['GET', 'DELETE'])
        assert.equal((await ask(who, `/v2/loras/${id}`, { method })).status, 404, method);
      assert.equal((await generateWithLora(who, id)).status, 400);
    }
    assert.equal((await ask(gateway, '/v2/loras/not-an-id')).status, 400);
    assert.equal((await ask(gateway, '/v2/loras?cursor=yesterday')).status, 400);
  });

  it('is refused with the name of what is wrong, and nothing is held or kept', async () => {
    const credits = await readCredits(gateway);
    const kept = (await listLoras(gateway, '?includeArchived=true')).length;
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
      const answer = await sendLora(gateway, wish);
      const text = await answer.text();
      assert.equal(answer.status, 400, `${name}: ${text}`);
      assert.match((JSON.parse(text) as { error: string }).error, expected, name);
    }
    const plain = await ask(gateway, '/v2/loras', { method: 'POST', body: '{}' });
    assert.equal(plain.status, 400, await plain.text());
    assert.equal(await readCredits(gateway), credits);
    assert.equal((await listLoras(gateway, '?includeArchived=true')).length, kept);
  });
});

describe('LoRAs of a team that may train one at a time', () => {
  it('are refused beyond that, and let in once there is room', async () => {
    // Nobody carries jobs out, so that the first training stays where it is.
    const server = await startServer({ env: { LUMEGATE_ROLES: 'api', LUMEGATE_TEAM_TRAININGS: '1' } });
    try {
      const gateway = { url: server.url, key: server.key };
      const files = Array<Buffer>(15).fill(await plainPicture('#208040'));
      const first = await createLora(gateway, { fields: SOMEBODY, files });
      const credits = await readCredits(gateway);
      const second = await sendLora(gateway, { fields: SOMEBODY, files });
      assert.equal(second.status, 429, await second.text());
      assert.ok(Number(second.headers.get('retry-after')) > 0);
      assert.equal(await readCredits(gateway), credits, 'nothing is held');
      assert.equal((await ask(gateway, `/v2/loras/${first.id}`, { method: 'DELETE' })).status, 204);
      await createLora(gateway, { fields: SOMEBODY, files });
    } finally {
      await server.stop();
    }
  });
});
