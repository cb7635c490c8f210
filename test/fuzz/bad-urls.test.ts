import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { serverEngines } from '../support/server.ts';
import { jsonRequest, openFuzzWorld, SMALL_BODY, type FuzzWorld } from './fuzz-world.ts';
import { changedTables } from './store-watch.ts';

/** The spellings that the tests of `net` use, with a fake name server; here the names among them mean nothing. */
const CORPUS = path.join(import.meta.dirname, '..', 'fault', 'ssrf', 'corpus.json');

/** Every place of a request that takes a URL. */
const ENTRY_POINTS: readonly { path: string; field: string; body(url: string, file: string): object }[] = [
  {
    path: '/v2/images/generate',
    field: 'fluxParams.image_prompt',
    body: (url) => ({ ...SMALL_BODY, fluxParams: { image_prompt: url } }),
  },
  {
    path: '/v2/images/generate',
    field: 'fluxParams.input_images.0',
    body: (url) => ({ ...SMALL_BODY, model: 'flux-2-pro', fluxParams: { input_images: [url] } }),
  },
  { path: '/v2/images/generate', field: 'webhookUrl', body: (url) => ({ ...SMALL_BODY, webhookUrl: url }) },
  { path: '/v2/images/generate', field: 'webhook_url', body: (url) => ({ ...SMALL_BODY, webhook_url: url }) },
  {
    path: '/v2/images/edit',
    field: 'fluxFillParams.image',
    body: (url) => ({ model: 'flux-fill-pro', fluxFillParams: { prompt: 'x', mode: 'inpaint', image: url } }),
  },
  {
    path: '/v2/images/edit',
    field: 'fluxFillParams.mask',
    body: (url, file) => ({
      model: 'flux-fill-pro',
      fluxFillParams: { prompt: 'x', mode: 'inpaint', image: file, mask: url },
    }),
  },
  {
    path: '/v2/estimate',
    field: 'fluxParams.image_prompt',
    body: (url) => ({ ...SMALL_BODY, fluxParams: { image_prompt: url } }),
  },
];

const [engine] = serverEngines();
assert.ok(engine !== undefined);

describe('addresses that are not public, at the door', () => {
  let world: FuzzWorld;
  let canary: http.Server;
  let port = 0;
  let hits = 0;

  before(async () => {
    canary = http.createServer((_request, response) => {
      hits += 1;
      response.end('secret');
    });
    canary.on('connection', () => (hits += 1));
    await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
    // Safe: a TCP server that listens has an AddressInfo.
    port = (canary.address() as AddressInfo).port;
    world = await openFuzzWorld(engine);
  });
  after(async () => {
    canary.closeAllConnections();
    canary.close();
    await world.close();
  });

  it('every spelling is refused at every entry point by name, reaches nobody and leaves nothing', async (context) => {
    // Safe: the corpus is our own file; its form is checked where it lives.
    const corpus = JSON.parse(await readFile(CORPUS, 'utf8')) as { resolves: Record<string, string[]>; urls: string[] };
    const names = Object.keys(corpus.resolves);
    const urls = corpus.urls.filter((url) => !names.some((name) => url.toLowerCase().includes(name)));
    assert.ok(urls.length >= 150, `${urls.length} spellings`);
    const unchanged = await world.watch.snapshot();
    for (const url of urls) {
      // The canary's port shows a leak; 80 shows that it is not the port that was refused.
      for (const wanted of [String(port), '80']) {
        for (const entry of ENTRY_POINTS) {
          const spelt = url.replaceAll('{port}', wanted);
          const place = `${entry.field} ${JSON.stringify(spelt)}`;
          const answer = await world.send(
            jsonRequest({ target: entry.path, key: world.keys.owner, body: entry.body(spelt, world.upload.url) }),
          );
          assert.equal(answer.status, 400, `${place}: ${answer.text}`);
          // Safe: a 400 without details fails the next line.
          const { details } = JSON.parse(answer.text) as { details: Record<string, string[]> };
          assert.ok(Object.hasOwn(details, entry.field), `${place}: ${answer.text}`);
          assert.doesNotMatch(
            details[entry.field]?.join() ?? '',
            /127\.0\.0\.1|loopback|private/i,
            'no address is told',
          );
        }
      }
    }
    assert.deepEqual(changedTables(unchanged, await world.watch.snapshot()), []);
    assert.equal(hits, 0);
    context.diagnostic(`${urls.length} spellings × 2 ports × ${ENTRY_POINTS.length} entry points`);
  });

  it('control: an upload of ours is taken as a file at each entry point, and by no webhook', async () => {
    for (const entry of ENTRY_POINTS) {
      const isWebhook = entry.field.startsWith('webhook');
      const answer = await world.send(
        jsonRequest({
          target: entry.path,
          key: world.keys.owner,
          body: entry.body(world.upload.url, world.upload.url),
        }),
      );
      assert.equal(answer.status < 400, !isWebhook, `${entry.field}: ${answer.text}`);
    }
  });

  it('paths that only look like our own files are refused', async () => {
    const { origin } = new URL(world.upload.url);
    const lookalikes = [
      `${origin}/media/../v2/me`,
      `${origin}/media/%2e%2e/v2/me`,
      `${origin}/v2/me`,
      `${origin}/media`,
      `${origin.replace('://', '://a@')}/media/x`,
      `${origin}.example.com:1/media/x`,
    ];
    for (const url of lookalikes) {
      const body = { ...SMALL_BODY, fluxParams: { image_prompt: url } };
      const answer = await world.send(jsonRequest({ target: '/v2/images/generate', key: world.keys.owner, body }));
      assert.equal(answer.status, 400, `${url}: ${answer.text}`);
    }
  });
});
