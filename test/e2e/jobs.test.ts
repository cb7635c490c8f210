import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';

import { startServer, temporaryFolder, type TestServer } from '../support/server.ts';
import {
  ask,
  fetchPicture,
  meanColour,
  plainPicture,
  readCredits,
  readJob,
  submit,
  waitForEnd,
  waitForStep,
  type Gateway,
  type JobSeen,
} from './gateway.ts';

describe('the life of a job, seen from outside', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ env: { LUMEGATE_SANDBOX_MS: '200' } });
  });
  after(() => server?.stop());

  it('gives a picture at an address that answers HEAD, ranges and conditions', async () => {
    const job = await waitForEnd(
      server,
      await submit(server, { prompt: 'a red boat', fluxParams: { output_format: 'png' } }),
    );
    const { bytes, type } = await fetchPicture(job);
    assert.equal(type, 'image/png');
    const [address = ''] = job.result?.images ?? [];
    const head = await fetch(address, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.deepEqual(
      ['content-length', 'content-type', 'accept-ranges', 'x-content-type-options'].map((name) =>
        head.headers.get(name),
      ),
      [String(bytes.length), 'image/png', 'bytes', 'nosniff'],
    );
    assert.match(head.headers.get('content-security-policy') ?? '', /sandbox/);
    assert.equal((await head.arrayBuffer()).byteLength, 0);
    const part = await fetch(address, { headers: { range: 'bytes=100-199' } });
    assert.deepEqual([part.status, part.headers.get('content-range')], [206, `bytes 100-199/${bytes.length}`]);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(100, 200));
    const tail = await fetch(address, { headers: { range: 'bytes=-10' } });
    assert.deepEqual(Buffer.from(await tail.arrayBuffer()), bytes.subarray(-10));
    const beyond = await fetch(address, { headers: { range: `bytes=${bytes.length}-` } });
    assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, `bytes */${bytes.length}`]);
    const known = await fetch(address, { headers: { 'if-none-match': head.headers.get('etag') ?? '' } });
    assert.equal(known.status, 304);
  });

  it('takes an upload as image_prompt, and its strength is seen in the picture', async () => {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(await plainPicture('#00c000'))]), 'green.jpg');
    const uploaded = await ask(server, '/v2/uploads', { method: 'POST', body: form });
    assert.equal(uploaded.status, 201);
    const { url } = (await uploaded.json()) as { url: string };
    const greenAt = async (strength: number): Promise<number> => {
      const fluxParams = { image_prompt: url, image_prompt_strength: strength, seed: 7 };
      const job = await waitForEnd(server, await submit(server, { prompt: 'a red desert', fluxParams }));
      const { red, green, blue } = await meanColour((await fetchPicture(job)).bytes);
      return green - (red + blue) / 2;
    };
    const [weak, strong] = [await greenAt(0.1), await greenAt(0.9)];
    assert.ok(strong > weak + 40, `green above the rest: ${weak} at 0.1, ${strong} at 0.9`);
  });

  it('fails without a charge where its image_prompt cannot be fetched', async () => {
    const gone = `${server.url}/media/${'x'.repeat(32)}/upload.png`;
    const creditsBefore = await readCredits(server);
    const job = await waitForEnd(
      server,
      await submit(server, { prompt: 'a boat', fluxParams: { image_prompt: gone } }),
    );
    assert.deepEqual([job.status, job.creditCost], ['FAILED', 0]);
    assert.equal(await readCredits(server), creditsBefore);
  });

  it('is cancelled while it waits for its provider, and costs nothing', async () => {
    const creditsBefore = await readCredits(server);
    const id = await submit(server, { prompt: 'sandbox:never' });
    await waitForStep(server, id, 'taken');
    assert.equal(await readCredits(server), creditsBefore - 5);
    const cancelled = (await (await ask(server, `/v2/jobs/${id}/cancel`, { method: 'POST' })).json()) as JobSeen;
    assert.deepEqual([cancelled.status, cancelled.creditCost], ['CANCELLED', 0]);
    assert.equal((await readJob(server, id)).status, 'CANCELLED');
    assert.equal(await readCredits(server), creditsBefore);
    assert.equal((await ask(server, `/v2/jobs/${id}/cancel`, { method: 'POST' })).status, 409);
  });

  it('goes on after kill -9 in the middle, is bought once and charged once', async (context) => {
    const dataFolder = await temporaryFolder();
    context.after(() => rm(dataFolder, { recursive: true, force: true }));
    const env = { LUMEGATE_SANDBOX_MS: '3000' };
    const first = await startServer({ dataFolder, env });
    context.after(() => first.kill9());
    const id = await submit(first, { prompt: 'a storm' });
    await waitForStep(first, id, 'taken');
    await first.kill9();
    const second = await startServer({ dataFolder, env, key: first.key });
    context.after(() => second.stop());
    const again: Gateway = { url: second.url, key: first.key };
    await fetchPicture(await waitForEnd(again, id));
    assert.equal(await readCredits(again), 995);
    const timeline = (await (await ask(again, `/v2/jobs/${id}/timeline`)).json()) as { attempts: unknown[] };
    assert.equal(timeline.attempts.length, 1);
  });
});
