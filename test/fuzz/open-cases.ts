import fc from 'fast-check';

import { get, strangePart, type FuzzCase } from './fuzz-case.ts';
import type { FuzzWorld, KeyName } from './fuzz-world.ts';

/** What everybody may ask. */
export function openCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const ask = (
    path: string,
    target: string,
    expected: FuzzCase['expected'],
    headers: Record<string, string> = {},
  ): FuzzCase => ({
    path,
    request: { method: 'GET', target, headers, body: null },
    expected,
    field: null,
    what: target.slice(0, 60),
  });
  const media = '/media/{token}/{fileName}';
  const models = ['/v2/models', '/v2/models?modality=image', '/v2/models?modality=music', '/v2/models?zq=1'];
  const own = world.upload.path;
  const fixed = fc.constantFrom<FuzzCase>(
    ...models.map((target) => ask('/v2/models', target, 'accepted')),
    ask('/v2/models', '/v2/models', 'accepted', { 'if-none-match': '*' }),
    ...['painting', '', '%00'].map((value) => ({
      ...ask('/v2/models', `/v2/models?modality=${value}`, 'refused'),
      field: 'modality',
      status: 400,
    })),
    ask('/v2/models/{id}', '/v2/models/flux-1.1-pro', 'accepted'),
    ask('/v2/models/{id}', '/v2/models/%66lux-1.1-pro', 'accepted'),
    ask('/v2/openapi.json', '/v2/openapi.json', 'accepted', { 'if-none-match': '"x", *' }),
    ask('/healthz', '/healthz', 'accepted'),
    ask('/readyz', '/readyz', 'accepted'),
    ask('/metrics', '/metrics', 'accepted'),
    ask('/', '/', 'accepted'),
  );
  const files = fc.constantFrom<FuzzCase>(
    ask(media, own, 'accepted'),
    ...[
      'bytes=0-0',
      'bytes=-5',
      'bytes=5-',
      'bytes=0-999999',
      'lines=1-2',
      'bytes=1-0',
      'bytes=0-1,3-4',
      'bytes=',
      'x',
    ].map((range) => ask(media, own, 'accepted', { range })),
    { ...ask(media, own, 'refused', { range: 'bytes=999999-' }), status: 416 },
    ask(media, own, 'accepted', { range: 'bytes=0-1', 'if-range': '"another"' }),
  );
  const strange = fc.oneof(
    strangePart.map((part) => ({ ...ask('/v2/models/{id}', `/v2/models/${part}`, 'refused'), status: 404 })),
    strangePart.map((part) => ({ ...ask(media, `/media/${part}/a.png`, 'refused'), status: 404 })),
    strangePart.map((part) => ({
      ...ask(media, `${own.slice(0, own.lastIndexOf('/'))}/${part}`, 'refused'),
      status: 404,
    })),
    strangePart.map((part) => ({ ...ask(media, `/media/${'A'.repeat(32)}/${part}`, 'refused'), status: 404 })),
  );
  return fc.oneof({ weight: 4, arbitrary: fixed }, { weight: 1, arbitrary: files }, { weight: 1, arbitrary: strange });
}

/** A callback that nobody waits for. */
export function callbackCase(): fc.Arbitrary<FuzzCase> {
  const part = fc.oneof(fc.constantFrom('sandbox', 'bfl', '__proto__', '%00'), strangePart);
  return fc
    .tuple(part, fc.oneof(fc.uuid(), strangePart), part, fc.constantFrom('', '{}', 'x', '{"id":1}'))
    .map(([provider, attempt, token, body]) => ({
      path: null,
      request: { method: 'POST', target: `/callbacks/${provider}/${attempt}/${token}`, headers: {}, body },
      expected: 'refused',
      status: 404,
      field: null,
      what: 'a callback for nobody',
    }));
}

/** The account behind each key. */
export function meCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  return fc.constantFrom<KeyName>('owner', 'member', 'admin', 'stranger', 'test').map((key) => ({
    path: '/v2/me',
    request: get(world, '/v2/me?zq=%00', key),
    expected: 'accepted',
    field: null,
    what: `me of ${key}`,
  }));
}

/** Paths and methods that there are not. */
export function noRouteCase(): fc.Arbitrary<FuzzCase> {
  const known = [
    '/v2/images/generate',
    '/v2/images/edit',
    '/v2/estimate',
    '/v2/uploads',
    '/v2/jobs',
    '/v2/me',
    '/v2/models',
    '/healthz',
    '/',
    `/v2/jobs/${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}/cancel`,
  ];
  const method = fc.constantFrom('PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY');
  const wrongMethod = fc.tuple(method, fc.constantFrom(...known)).map(([name, target]): FuzzCase => ({
    path: null,
    request: { method: name, target, headers: {}, body: null },
    expected: 'refused',
    status: 405,
    field: null,
    what: `${name} ${target}`,
  }));
  const nowhere = fc.oneof(
    fc.constantFrom(
      '/v1/images',
      '/v2',
      '/v2/',
      '/v2/images/generate/',
      '/V2/me',
      '//v2/me',
      '/v2/./me/..',
      '/v2/jobs/a/b/c/d',
      '/admin',
      '/.env',
      '/media/',
      '/media/a',
      '/callbacks/x',
      '/%2e%2e/etc/passwd',
    ),
    strangePart.map((part) => `/zq/${part}`),
  );
  const wrongPath = fc.tuple(fc.constantFrom('GET', 'POST', 'DELETE'), nowhere).map(([name, target]): FuzzCase => ({
    path: null,
    request: { method: name, target, headers: {}, body: null },
    expected: 'refused',
    status: 404,
    field: null,
    what: `${name} ${target.slice(0, 40)}`,
  }));
  return fc.oneof({ weight: 2, arbitrary: wrongMethod }, { weight: 1, arbitrary: wrongPath });
}
