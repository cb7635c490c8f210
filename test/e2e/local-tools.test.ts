import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';

import sharp from 'sharp';

import { findRuntimeProblem } from '../../server/src/files/media/start-tools.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { ask, fetchPictureAt, readCredits, uploadFile, waitForEnd, waitForStep, type Gateway } from './gateway.ts';

const problem = findRuntimeProblem();

/** A picture with edges and slopes, so that a wrong order of pixels or channels shows. */
function drawnPicture(side: number): Promise<Buffer> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">
    <linearGradient id="g"><stop stop-color="#103060"/><stop offset="1" stop-color="#f0c040"/></linearGradient>
    <rect width="100%" height="100%" fill="url(#g)"/><circle cx="40%" cy="60%" r="25%" fill="#c02040"/>
    <path d="M0 0L${side} ${side}" stroke="#fff" stroke-width="3"/></svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}

describe('a gateway without any provider key', { skip: problem ?? false }, () => {
  let server: TestServer;
  let live: Gateway;
  before(async () => {
    server = await startServer({ env: { LUMEGATE_ALLOW_PRIVATE_URLS: 'on' } });
    live = { url: server.url, key: server.key };
  });
  after(async () => {
    await server?.stop();
    // A server that was killed left its folder to the next one, which keeps what it was given.
    if (server !== undefined) await rm(server.dataFolder, { recursive: true, force: true });
  });

  const upscale = async (params: Record<string, unknown>): Promise<string> => {
    const response = await ask(live, '/v2/images/upscale', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'rdn-upscale-x2', rdnUpscaleParams: params }),
    });
    const text = await response.text();
    assert.equal(response.status, 202, text);
    // Safe: a 202 has this form, which the contract tests hold against the description.
    return (JSON.parse(text) as { jobId: string }).jobId;
  };

  it('doubles a picture for a live key, in the format that was asked for, for one credit', async () => {
    const creditsBefore = await readCredits(live);
    const image = await uploadFile(live, await drawnPicture(96));
    const job = await waitForEnd(live, await upscale({ image, output_format: 'webp' }));
    assert.deepEqual(
      { status: job.status, error: job.error, provider: job.provider, sandbox: job.sandbox },
      { status: 'COMPLETED', error: null, provider: 'local', sandbox: false },
    );
    const { type, width, height } = await fetchPictureAt(job.result?.images?.[0] ?? '');
    assert.deepEqual({ type, width, height }, { type: 'image/webp', width: 192, height: 192 });
    assert.equal(creditsBefore - (await readCredits(live)), 1);
  });

  it('refuses a picture that is too large for it, charges nothing, and says why', async () => {
    const creditsBefore = await readCredits(live);
    const large = await sharp({ create: { width: 1_600, height: 1_400, channels: 3, background: '#246' } })
      .png()
      .toBuffer();
    const job = await waitForEnd(live, await upscale({ image: await uploadFile(live, large) }));
    assert.equal(job.status, 'FAILED');
    assert.match(job.error ?? '', /1600×1400; at most 2\.1 megapixels/);
    assert.equal(await readCredits(live), creditsBefore);
  });

  it('ends the work of a cancelled job', async () => {
    const image = await uploadFile(live, await drawnPicture(1_024));
    const id = await upscale({ image });
    await waitForStep(live, id, 'taken');
    const cancelled = await ask(live, `/v2/jobs/${id}/cancel`, { method: 'POST' });
    assert.equal(cancelled.status, 200, await cancelled.text());
    await server.waitForLine('media.task_withdrawn');
    // The tools work on one picture at a time: the next one is done before the first could have been.
    const next = await waitForEnd(live, await upscale({ image: await uploadFile(live, await drawnPicture(64)) }));
    assert.equal(next.status, 'COMPLETED');
  });

  it('whose operator has switched the tools off refuses a live key before anything is held, and says why', async () => {
    const off = await startServer({ env: { LUMEGATE_LOCAL_TOOLS: 'off', LUMEGATE_SANDBOX: 'off' } });
    try {
      const response = await ask({ url: off.url, key: off.key }, '/v2/images/upscale', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'rdn-upscale-x2', rdnUpscaleParams: { image: 'https://example.com/x.png' } }),
      });
      assert.ok(response.status >= 400 && response.status < 500, `${response.status}`);
      assert.match(await response.text(), /runs inside this gateway, and its operator has not made that possible here/);
    } finally {
      await off.stop();
    }
  });

  it('that is killed while it doubles a picture doubles it after its next start, for one credit', async () => {
    const image = await uploadFile(live, await drawnPicture(300));
    const id = await upscale({ image });
    await waitForStep(live, id, 'taken');
    const { dataFolder, key } = server;
    const creditsBefore = await readCredits(live);
    await server.kill9();
    server = await startServer({
      dataFolder,
      key,
      env: { LUMEGATE_ALLOW_PRIVATE_URLS: 'on', PORT: new URL(live.url).port },
    });
    live = { url: server.url, key };
    const job = await waitForEnd(live, id);
    assert.deepEqual([job.status, job.error, job.creditCost], ['COMPLETED', null, 1]);
    const { width, height } = await fetchPictureAt(job.result?.images?.[0] ?? '');
    assert.deepEqual([width, height], [600, 600]);
    // What was held when it was accepted is what it cost.
    assert.equal(await readCredits(live), creditsBefore);
  });

  it('still draws in the sandbox what only a vendor could make', async () => {
    const response = await ask(live, '/v2/images/generate', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'flux-1.1-pro', prompt: 'a lighthouse' }),
    });
    // Safe: as above.
    const { jobId } = (await response.json()) as { jobId: string };
    const job = await waitForEnd(live, jobId);
    assert.deepEqual([job.status, job.sandbox], ['COMPLETED', true]);
  });
});
