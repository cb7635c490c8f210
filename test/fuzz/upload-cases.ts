import fc from 'fast-check';

import type { FuzzCase } from './fuzz-case.ts';
import { jsonRequest, TINY_PNG, uploadRequest, type FuzzWorld, type KeyName } from './fuzz-world.ts';
import type { FuzzRequest } from './send.ts';

/** A small upload, or something that is none; larger ones have a test of their own. */
export function uploadCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const path = '/v2/uploads';
  const key = world.keys.owner;
  const right = fc
    .constantFrom('a.png', '../../etc/passwd', 'a.exe', '%00.png', 'x'.repeat(300), 'é.svg')
    .map((name): FuzzCase => ({
      path,
      request: uploadRequest(key, { name, bytes: TINY_PNG }),
      expected: 'accepted',
      field: null,
      what: `an upload named ${name.slice(0, 20)}`,
    }));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((found) => Buffer.from(found)),
    fc.nat({ max: TINY_PNG.length - 2 }).map((length) => TINY_PNG.subarray(0, length)),
    fc
      .constantFrom(
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
        '<html><script>1</script>',
        '%PDF-1.7',
        'PK\u0003\u0004',
      )
      .map((text) => Buffer.from(text)),
  );
  const wrong = bytes.map((found): FuzzCase => ({
    path,
    request: uploadRequest(key, { name: 'a.png', bytes: found, type: 'image/png' }),
    expected: 'refused',
    status: 400,
    field: 'file',
    what: 'an upload that is no picture',
  }));
  const { headers, body } = uploadRequest(key, { name: 'a.png', bytes: TINY_PNG });
  const send = (changes: Record<string, string>, sent: Buffer | string | null): FuzzRequest => ({
    method: 'POST',
    target: path,
    headers: { ...headers, ...changes },
    body: sent,
  });
  const broken = fc
    .constantFrom(
      send({ 'content-type': 'application/json' }, '{}'),
      send({ 'content-type': 'multipart/form-data' }, body),
      send({ 'content-type': 'multipart/form-data; boundary=' }, body),
      send({ 'content-type': 'multipart/form-data; boundary=other' }, body),
      send({ 'content-type': `multipart/form-data; boundary=${'x'.repeat(500)}` }, body),
      send({}, null),
      send({}, ''),
      // Safe: an upload always has a body of bytes.
      send({}, (body as Buffer).subarray(0, 150)),
      send({}, (body as Buffer).subarray(0, 40)),
      uploadRequest(key, { name: 'a.png', bytes: TINY_PNG, field: 'picture' }),
      send({}, Buffer.concat([(body as Buffer).subarray(0, -30), body as Buffer])),
    )
    .map((request): FuzzCase => ({
      path,
      request,
      expected: 'refused',
      status: 400,
      field: 'file',
      what: 'a body that is no upload',
    }));
  return fc.oneof({ weight: 2, arbitrary: right }, { weight: 2, arbitrary: wrong }, { weight: 2, arbitrary: broken });
}

/** Assets made and read: of our own upload, of nothing, of somebody else. */
export function assetCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const key = world.keys.owner;
  const path = '/v2/assets/create';
  const make = (what: string, body: unknown, field: string | null): FuzzCase => ({
    path,
    request: jsonRequest({ target: path, key, body }),
    ...(field === null ? { expected: 'accepted' } : { expected: 'refused', status: 400 }),
    field,
    what,
  });
  const { url } = world.upload;
  const read = (id: string, name: KeyName, expected: FuzzCase['expected']): FuzzCase => ({
    path: '/v2/assets/{id}',
    request: {
      method: 'GET',
      target: `/v2/assets/${encodeURIComponent(id)}`,
      headers: { 'x-api-key': world.keys[name] },
      body: null,
    },
    expected,
    field: null,
    what: 'reading an asset',
  });
  return fc.oneof(
    fc.constantFrom(make('an asset', { url, type: 'image' }, null), read(world.assetId, 'owner', 'accepted')),
    fc.constantFrom(
      make('an asset with a further name', { url, type: 'image', note: 1 }, null),
      make('an asset of another kind', { url, type: 'audio' }, 'url'),
      make('an asset of no kind', { url, type: 'smell' }, 'type'),
      make('an asset without an address', { type: 'image' }, 'url'),
      make('an asset at no address', { url: 'asset://x', type: 'image' }, 'url'),
      make('an asset on this machine', { url: 'http://127.0.0.1/x.png', type: 'image' }, 'url'),
      read(world.assetId, 'stranger', 'refused'),
    ),
    fc.oneof(fc.uuid(), fc.string({ minLength: 1, maxLength: 40 })).map((id) => read(id, 'owner', 'refused')),
  );
}
