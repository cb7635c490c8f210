import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { loadCatalog } from '../../server/src/catalog/load-catalog.ts';
import type { Example, Model } from '../../server/src/catalog/model.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { ask, fetchPictureAt, uploadPicture, waitForEnd, type Gateway } from './gateway.ts';

const { models } = loadCatalog(`${ROOT}/catalog`);

describe('every model', () => {
  let server: TestServer;
  let gateway: Gateway;
  let picture: string;
  before(async () => {
    server = await startServer({ env: { LUMEGATE_SANDBOX_MS: '50', LUMEGATE_ALLOW_PRIVATE_URLS: 'on' } });
    // A test key runs what its maker has retired, too.
    gateway = { url: server.url, key: server.testKey ?? assert.fail('the first start shows no test key') };
    picture = await uploadPicture(gateway);
  });
  after(() => server?.stop());

  const send = (path: string, body: unknown): Promise<Response> =>
    ask(gateway, path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  for (const model of models.values()) {
    it(`${model.id} runs its first example in the sandbox, for what the estimate says and in the form of the contract`, async () => {
      const body = { model: model.id, ...filled(firstExample(model), picture) };
      const estimate = await send('/v2/estimate', body);
      assert.equal(estimate.status, 200, await estimate.clone().text());
      // Safe here and below: the contract tests hold these answers against the description.
      const { credits } = (await estimate.json()) as { credits: number };
      const response = await send(`/v2/${model.operations[0]}`, body);
      assert.equal(response.status, 202, await response.clone().text());
      const { jobId } = (await response.json()) as { jobId: string };
      const job = await waitForEnd(gateway, jobId);
      assert.deepEqual(
        { status: job.status, error: job.error, credits: job.creditCost },
        { status: 'COMPLETED', error: null, credits },
      );
      const images = job.result?.images ?? [];
      assert.ok(images.length > 0);
      for (const url of images) {
        const { width, height } = await fetchPictureAt(url);
        assert.ok(width > 0 && height > 0);
      }
    });
  }

  it('that was retired is refused to a live key, by the name of what to use instead, and nothing is held', async () => {
    const live = { url: server.url, key: server.key };
    for (const model of models.values()) {
      if (model.availability.state !== 'retired') continue;
      const response = await ask(live, `/v2/${model.operations[0]}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: model.id, ...filled(firstExample(model), picture) }),
      });
      assert.ok(response.status >= 400 && response.status < 500, `${model.id}: ${response.status}`);
      const { error } = (await response.json()) as { error: string };
      const { successor } = model.availability;
      assert.ok(successor === null || error.includes(`"${successor}"`), `${model.id}: ${error}`);
    }
    const jobs = (await (await ask(live, '/v2/jobs')).json()) as { jobs: unknown[] };
    assert.deepEqual(jobs.jobs, []);
  });
});

function firstExample(model: Model): Example {
  const [example] = model.examples;
  assert.ok(example);
  return example;
}

/** The example with our own picture where the reader has to put his. */
function filled({ input, placeholders = [] }: Example, picture: string): Record<string, unknown> {
  const text =
    placeholders.length === 0
      ? JSON.stringify(input)
      : JSON.stringify(input).replaceAll(/"https?:\/\/[^"]*"/g, JSON.stringify(picture));
  // Safe: an example is an object.
  return JSON.parse(text) as Record<string, unknown>;
}
