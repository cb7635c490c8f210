import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { readCatalogFiles } from '../../server/src/catalog/load-catalog.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { ask, type Gateway } from './gateway.ts';

interface Listed {
  id: string;
  label: string;
  costMin: number;
}

describe('an operator who changes the catalogue while the gateway runs', () => {
  let server: TestServer;
  let gateway: Gateway;
  let folder: string;
  before(async () => {
    server = await startServer();
    gateway = { url: server.url, key: server.key };
    folder = path.join(server.dataFolder, 'catalog');
    await mkdir(path.join(folder, 'models'), { recursive: true });
  });
  after(() => server?.stop());

  const list = async (): Promise<Map<string, Listed>> => {
    // Safe: the contract tests hold this answer against the description.
    const { models } = (await (await ask(gateway, '/v2/models')).json()) as { models: Listed[] };
    return new Map(models.map((model) => [model.id, model]));
  };
  /** Resolves once the gateway has taken in a catalogue of so many models. */
  const changedTo = async (count: number): Promise<Map<string, Listed>> => {
    await server.waitForLine('catalog.changed', (line) => line['models'] === count);
    return list();
  };
  const write = (name: string, content: unknown): Promise<void> =>
    writeFile(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));

  it('sees his model, his price and what he has switched off, without a restart', async () => {
    const ours = readCatalogFiles(`${ROOT}/catalog`).models;
    await write('models/house-flux.json', { ...Object(ours['flux-1.1-pro']), id: 'house-flux', label: 'House Flux' });
    await write('overrides.json', {
      'flux-2-pro': { enabled: false },
      'flux-2-max': { enabled: false },
      'flux-1.1-pro': { price: { credits: 9, since: '2026-11-23' } },
    });
    const models = await changedTo(Object.keys(ours).length - 1);
    assert.ok(models.has('house-flux') && !models.has('flux-2-pro'));
    assert.equal(models.get('flux-1.1-pro')?.costMin, 9);
    const submitted = await ask(gateway, '/v2/images/generate', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'house-flux', prompt: 'a house' }),
    });
    assert.equal(submitted.status, 202, await submitted.text());
  });

  it('keeps the gateway as it was when a file is wrong, and is told why in the log', async () => {
    const known = await list();
    await write('overrides.json', '{ "flux-1.1-pro": ');
    await server.waitForLine('catalog.refused');
    assert.deepEqual(await list(), known);
    await write('overrides.json', {});
    assert.ok((await changedTo(known.size + 2)).has('flux-2-pro'));
  });
});
