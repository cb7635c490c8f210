import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { startTestDouble, type TestDouble } from '../support/doubles.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { ask, fetchPictureAt, uploadPicture, waitForEnd, type Gateway, type JobSeen } from './gateway.ts';

const PROVIDERS = ['ideogram', 'stability'] as const;

describe('a picture of the caller’s own', () => {
  let server: TestServer;
  let gateway: Gateway;
  let doubles: TestDouble[];
  let picture: string;
  before(async () => {
    doubles = await Promise.all(PROVIDERS.map((id) => startTestDouble(id, { durationMs: 20 })));
    server = await startServer({ env: Object.assign({}, ...doubles.map(({ env }) => env)) });
    gateway = { url: server.url, key: server.key };
    picture = await uploadPicture(gateway);
  });
  after(async () => {
    await server?.stop();
    await Promise.all(doubles.map((double) => double.close()));
  });

  /** Orders at one provider alone, and gives the job with what the provider has sold for it. */
  const order = async (provider: string, body: object): Promise<{ job: JobSeen; model: string | undefined }> => {
    const response = await ask(gateway, '/v2/images/generate', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, routing: { providers: [provider] } }),
    });
    assert.equal(response.status, 202, await response.clone().text());
    // Safe: the contract tests hold this answer against the description.
    const { jobId } = (await response.json()) as { jobId: string };
    const job = await waitForEnd(gateway, jobId);
    const sold = await doubles.find((double) => double.provider === provider)?.ledger();
    return { job, model: sold?.at(-1)?.model };
  };

  const prompt = 'a sign that reads "Closed"';
  const cases: readonly [string, string, string, (url: string) => object][] = [
    [
      'is repainted where its mask says',
      'ideogram',
      'v1/ideogram-v3/edit',
      (url) => ({ model: 'ideogram-v3-turbo', ideogramParams: { image: url, mask: url, seed: 7 } }),
    ],
    [
      'is made anew without a mask, beside pictures for its style',
      'ideogram',
      'v1/ideogram-v3/remix',
      (url) => ({ model: 'ideogram-v3-quality', ideogramParams: { image: url, style_reference_images: [url, url] } }),
    ],
    [
      'gives its character to another one',
      'ideogram',
      'v1/ideogram-v3/generate',
      (url) => ({ model: 'ideogram-character', ideogramParams: { character_reference_image: url } }),
    ],
    [
      'goes to an older model beside what is JSON inside its form',
      'ideogram',
      'remix',
      (url) => ({ model: 'ideogram-v2-turbo', ideogramParams: { image: url, aspect_ratio: '16:9' } }),
    ],
    [
      'is changed as much as the caller wants',
      'stability',
      'sd3.5-large',
      (url) => ({ model: 'stable-diffusion-3.5-large', stableDiffusionParams: { image: url, prompt_strength: 0.4 } }),
    ],
  ];
  for (const [name, provider, model, body] of cases) {
    it(`${name}: ${provider} gets it as a file of its form`, async () => {
      const made = await order(provider, { prompt, ...body(picture) });
      assert.deepEqual([made.job.status, made.job.error, made.model], ['COMPLETED', null, model]);
      const [url = ''] = made.job.result?.images ?? [];
      assert.ok((await fetchPictureAt(url)).width > 0);
    });
  }
});
