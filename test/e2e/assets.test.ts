import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { sampleVideo } from '../support/sample-media.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { ask, fetchPicture, readJob, uploadFile, uploadPicture, waitForEnd, type Gateway } from './gateway.ts';

describe('a file that is kept for several jobs', () => {
  let server: TestServer;
  let gateway: Gateway;
  before(async () => {
    server = await startServer({ env: { LUMEGATE_SANDBOX_MS: '50', LUMEGATE_ALLOW_PRIVATE_URLS: 'on' } });
    gateway = { url: server.url, key: server.key };
  });
  after(() => server?.stop());

  const post = (path: string, body: unknown): Promise<Response> =>
    ask(gateway, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const register = async (url: string, type: string): Promise<string> => {
    const response = await post('/v2/assets/create', { url, type });
    assert.equal(response.status, 201, await response.clone().text());
    // Safe here and below: the contract tests hold these answers against the description.
    return ((await response.json()) as { assetId: string }).assetId;
  };

  it('is named in requests, alone and in lists, and the job shows the request as it came', async () => {
    const assetId = await register(await uploadPicture(gateway), 'image');
    const bodies = [
      { model: 'seedance-2', prompt: 'a river', seedanceParams: { start_image: `asset://${assetId}` } },
      { model: 'seedance-2', prompt: 'a river', seedanceParams: { reference_image_urls: [`asset://${assetId}`] } },
    ];
    for (const body of bodies) {
      const response = await post('/v2/videos/generate', body);
      assert.equal(response.status, 202, await response.clone().text());
      const { jobId } = (await response.json()) as { jobId: string };
      assert.equal((await waitForEnd(gateway, jobId)).status, 'COMPLETED');
      const { input } = (await readJob(gateway, jobId)) as unknown as { input: unknown };
      assert.deepEqual(input, body);
    }
    const estimate = await post('/v2/estimate', bodies[0]);
    assert.equal(estimate.status, 200, await estimate.clone().text());
  });

  it('outlives the upload that it was made from, as a copy of the same bytes', async () => {
    const source = await uploadPicture(gateway);
    const assetId = await register(source, 'image');
    const answer = await ask(gateway, `/v2/assets/${assetId}`);
    const asset = (await answer.json()) as { url: string; expiresAt: string; type: string };
    assert.equal(asset.type, 'image');
    assert.notEqual(asset.url, source);
    const [copy, original] = await Promise.all([fetch(asset.url), fetch(source)]);
    assert.deepEqual(await copy.bytes(), await original.bytes());
    assert.ok(Date.parse(asset.expiresAt) > Date.now() + 24 * 3_600_000);
  });

  it('is refused where it is of another kind, missing, or named by a stranger', async () => {
    const video = await uploadFile(gateway, await sampleVideo());
    const wrong = await post('/v2/assets/create', { url: video, type: 'image' });
    assert.deepEqual(
      [wrong.status, Object.keys(((await wrong.json()) as { details: object }).details)],
      [400, ['url']],
    );
    for (const url of ['asset://00000000-0000-7000-8000-000000000000', 'asset://x', 'asset://']) {
      const refused = await post('/v2/images/edit', {
        model: 'flux-fill-pro',
        fluxFillParams: { prompt: 'x', image: url, mode: 'outpaint', outpaint: 'Make square' },
      });
      const { details } = (await refused.json()) as { details: object };
      assert.deepEqual([refused.status, Object.keys(details)], [400, ['fluxFillParams.image']], url);
    }
    const assetId = await register(await uploadPicture(gateway), 'image');
    const edit = await post('/v2/images/edit', {
      model: 'flux-fill-pro',
      fluxFillParams: { prompt: 'x', image: `asset://${assetId}`, mode: 'outpaint', outpaint: 'Make square' },
    });
    assert.equal(edit.status, 202, await edit.clone().text());
    await fetchPicture(await waitForEnd(gateway, ((await edit.json()) as { jobId: string }).jobId));
  });
});
