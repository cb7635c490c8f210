import assert from 'node:assert/strict';
import { test } from 'node:test';

import { loadCatalog } from '../catalog/load-catalog.ts';
import { CATALOG_FOLDER } from '../catalog/test-catalog.ts';
import type { DownloadLimits, Net, OutboundRequest } from '../core/net-port.ts';
import { encodeForm } from './form-body.ts';
import { createUpstream } from './upstream.ts';

const BASE = 'https://generativelanguage.googleapis.com/v1beta';
const KEY = { 'x-goog-api-key': 'secret-of-key-1' };
const catalog = loadCatalog(CATALOG_FOLDER);

/** What the network is asked for a download: the secret headers, or null where it is not asked at all. */
async function secretsFor(provider: string, url: string, base?: string): Promise<object | null> {
  const asked: DownloadLimits[] = [];
  const never = (): never => assert.fail('nothing else is asked');
  const net: Net = {
    exchange: never,
    checkUrl: never,
    close: never,
    download: async (_url, _sink, limits) => {
      asked.push(limits);
      return { kind: 'done', sizeBytes: 0, headers: {}, finalUrl: _url };
    },
  };
  const upstream = createUpstream({
    net,
    catalog,
    keys: { secret: (id) => `secret-of-${id}` },
    providerUrls: base === undefined ? {} : { [provider]: base },
    publicUrl: () => '',
    inside: { sandbox: { handle: never, file: never } },
  });
  const options = { timeoutMs: 1_000, signal: new AbortController().signal, bytesMax: 1, keyId: 'key-1' };
  await upstream.download(provider, url, never, options);
  return asked[0]?.secretHeaders ?? null;
}

test('a result goes for its key where the provider’s file says so, on the origin of the base address alone', async () => {
  assert.deepEqual(await secretsFor('google', `${BASE}/files/a:download?alt=media`), KEY);
  assert.deepEqual(await secretsFor('google', 'http://127.0.0.1:9000/files/a', 'http://127.0.0.1:9000/v1beta'), KEY);
  for (const url of [
    'http://generativelanguage.googleapis.com/v1beta/files/a',
    'https://generativelanguage.googleapis.com:8443/v1beta/files/a',
  ]) {
    assert.deepEqual(await secretsFor('google', url), {}, url);
  }
  assert.equal(await secretsFor('google', 'https://generativelanguage.googleapis.com.example/files/a'), null);
});

test('no other provider’s results are fetched with a key', async () => {
  assert.deepEqual(await secretsFor('bfl', 'https://api.bfl.ai/results/a.png'), {});
  const keyed = [...catalog.providers.values()].filter(({ resultsNeedKey }) => resultsNeedKey === true);
  assert.deepEqual(
    keyed.map(({ id }) => id),
    ['google'],
  );
});

test('a form leaves as bytes, with its type and the key', async () => {
  const sent: OutboundRequest[] = [];
  const never = (): never => assert.fail('nothing else is asked');
  const net: Net = {
    exchange: async (request) => {
      sent.push(request);
      return { kind: 'lost', reason: 'reset', detail: '' };
    },
    checkUrl: never,
    close: never,
    download: never,
  };
  const upstream = createUpstream({
    net,
    catalog,
    keys: { secret: (id) => `secret-of-${id}` },
    providerUrls: {},
    publicUrl: () => '',
    inside: { sandbox: { handle: never, file: never } },
  });
  const url = `${BASE}/models/m:generateContent`;
  const form = [
    { name: 'prompt', text: 'a kite' },
    { name: 'image', dataUrl: 'data:image/png;base64,AAAA' },
  ];
  const options = { timeoutMs: 1_000, signal: new AbortController().signal, keyId: 'key-1' };
  await upstream.exchange('google', { method: 'POST', url, headers: { accept: 'a/b' }, body: null, form }, options);
  const { type, bytes } = encodeForm(form);
  assert.deepEqual(sent, [
    { method: 'POST', url, headers: { accept: 'a/b', 'content-type': type, ...KEY }, body: bytes },
  ]);
});
