import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny';

import type { JsonValue } from '../../server/src/catalog/json-value.ts';
import { loadCatalog } from '../../server/src/catalog/load-catalog.ts';
import type { Example, Model } from '../../server/src/catalog/model.ts';
import { factsFor } from '../../server/src/catalog/priced-input.ts';
import { SAMPLE_SECONDS, sampleSound, sampleVideo } from '../support/sample-media.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import {
  ask,
  fetchPictureAt,
  plainPicture,
  uploadFile,
  uploadPicture,
  waitForEnd,
  type Gateway,
  type JobSeen,
} from './gateway.ts';

const { models } = loadCatalog(`${ROOT}/catalog`);

// Two at once: drawing a video takes a core for seconds.
describe('every model', { concurrency: 2 }, () => {
  let server: TestServer;
  let gateway: Gateway;
  let files: Files;
  before(async () => {
    server = await startServer({ env: { LUMEGATE_SANDBOX_MS: '50', LUMEGATE_ALLOW_PRIVATE_URLS: 'on' } });
    // A test key runs what its maker has retired, too.
    gateway = { url: server.url, key: server.testKey ?? assert.fail('the first start shows no test key') };
    files = await uploadFiles(gateway);
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
      const body = { model: model.id, ...filled(firstExample(model), files) };
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
      await checkResult(model, job, body);
    });
  }

  it('that was retired is refused to a live key, by the name of what to use instead, and nothing is held', async () => {
    const live = { url: server.url, key: server.key };
    for (const model of models.values()) {
      if (model.availability.state !== 'retired') continue;
      const response = await ask(live, `/v2/${model.operations[0]}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: model.id, ...filled(firstExample(model), files) }),
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

/** Addresses of files of our own, by the ending that an example writes. */
type Files = Readonly<Record<'jpg' | 'mp4' | 'mp3' | 'lora', string>>;

async function uploadFiles(gateway: Gateway): Promise<Files> {
  return {
    jpg: await uploadPicture(gateway),
    mp4: await uploadFile(gateway, await sampleVideo()),
    mp3: await uploadFile(gateway, await sampleSound()),
    lora: await trainLora(gateway),
  };
}

/** Stands in examples where the reader names a LoRA of his own. */
const NO_LORA = '00000000-0000-7000-8000-000000000000';

async function trainLora(gateway: Gateway): Promise<string> {
  const form = new FormData();
  form.set('name', 'A red square');
  form.set('subjectKind', 'object');
  const picture = new Blob([new Uint8Array(await plainPicture('#c03028'))]);
  for (let count = 0; count < 15; count += 1) form.append('images', picture, 'picture');
  const answer = await ask(gateway, '/v2/loras', { method: 'POST', body: form });
  assert.equal(answer.status, 202, await answer.clone().text());
  // Safe: the contract tests hold this answer against the description.
  const { id, jobId } = (await answer.json()) as { id: string; jobId: string };
  assert.equal((await waitForEnd(gateway, jobId)).status, 'COMPLETED');
  return id;
}

/** The example with our own files where the reader has to put his. */
function filled({ input, placeholders = [] }: Example, files: Files): Record<string, unknown> {
  const given = JSON.stringify(input).replaceAll(NO_LORA, files.lora);
  const text =
    placeholders.length === 0
      ? given
      : given.replaceAll(/"https?:\/\/[^"]*?(?:\.(jpg|mp4|mp3))?"/g, (_, ending: keyof Files = 'jpg') =>
          JSON.stringify(files[ending]),
        );
  // Safe: an example is an object.
  return JSON.parse(text) as Record<string, unknown>;
}

/** Holds the form and the files of a result against what the model's file orders. */
async function checkResult(model: Model, { result }: JobSeen, body: Record<string, unknown>): Promise<void> {
  assert.ok(result !== null);
  const parameters = { ...defaultsOf(model), ...parametersIn(model, body) };
  const { outputs, seconds } = factsFor(model, { parameters, inputs: {} }).quantities;
  const form = Object.keys(result).toSorted();
  switch (model.modality) {
    case 'image':
      assert.deepEqual(form, model.id === 'midjourney' ? ['gridUrl', 'images'] : ['images']);
      assert.equal(result.images?.length, outputs);
      for (const url of [...(result.images ?? []), ...(result.gridUrl === undefined ? [] : [result.gridUrl])]) {
        const { width, height } = await fetchPictureAt(url);
        assert.ok(width > 0 && height > 0);
      }
      return;
    case 'video': {
      assert.deepEqual(form, outputs === 1 ? ['videoUrl'] : ['videos']);
      const urls = result.videos ?? [result.videoUrl ?? ''];
      assert.equal(urls.length, outputs);
      for (const url of urls)
        assert.ok(Math.abs((await secondsAt(url)) - (seconds || WITHOUT_ORDER[model.id] || 5)) < 0.2);
      return;
    }
    case 'music': {
      assert.deepEqual(form, ['tracks']);
      assert.equal(result.tracks?.length, outputs);
      for (const { audioUrl, imageUrl, duration, waveform } of result.tracks ?? []) {
        const measured = await secondsAt(audioUrl);
        assert.ok(Math.abs(measured - (seconds || 30)) < 0.2, `${measured} seconds`);
        assert.ok(duration !== null && Math.abs(duration - measured) < 0.01);
        assert.ok(waveform?.length === 200 && Math.max(...waveform) > 10, 'a song that can be heard');
        if (imageUrl !== null) await fetchPictureAt(imageUrl);
      }
    }
  }
}

/** Models that take their length from the given video. */
const WITHOUT_ORDER: Readonly<Record<string, number>> = {
  'kling-3.0-motion-control': SAMPLE_SECONDS,
  'topaz-video-upscale': SAMPLE_SECONDS,
};

function defaultsOf({ parameters }: Model): Record<string, JsonValue> {
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([name, { default: preset }]) => (preset === undefined ? [] : [[name, preset]])),
  );
}

function parametersIn(model: Model, body: Record<string, unknown>): Record<string, JsonValue> {
  // Safe: an example's block of parameters is an object of JSON values.
  return (body[model.paramsField] ?? {}) as Record<string, JsonValue>;
}

/** How long the file at an address plays. */
async function secondsAt(url: string): Promise<number> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  const input = new Input({ source: new BufferSource(await response.arrayBuffer()), formats: ALL_FORMATS });
  return input.computeDuration();
}
