import fc from 'fast-check';

import type { FuzzCase } from './fuzz-case.ts';
import type { FuzzWorld, KeyName } from './fuzz-world.ts';
import { actionCase, cancelCase, jobCase, listCase } from './job-cases.ts';
import { loraCase } from './lora-cases.ts';
import { callbackCase, meCase, noRouteCase, openCase } from './open-cases.ts';
import { submitCase, submitPaths } from './submit-cases.ts';
import { adminCase, ownKeyCase, SECRET_MARK } from './provider-cases.ts';
import { assetCase, uploadCase } from './upload-cases.ts';
import { PROMPT_MARK } from './valid-bodies.ts';

/** Any request to any operation: mostly right or wrong in one place. */
export function anyCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const submits = submitPaths(world).map((operation) => submitCase(world, operation));
  const reads = fc.oneof(
    { weight: 8, arbitrary: listCase(world) },
    { weight: 14, arbitrary: jobCase(world) },
    { weight: 5, arbitrary: cancelCase(world) },
    { weight: 3, arbitrary: actionCase(world) },
    { weight: 3, arbitrary: uploadCase(world) },
    { weight: 5, arbitrary: assetCase(world) },
    { weight: 6, arbitrary: loraCase(world) },
    { weight: 12, arbitrary: openCase(world) },
    { weight: 2, arbitrary: callbackCase() },
    { weight: 4, arbitrary: noRouteCase() },
    { weight: 2, arbitrary: meCase(world) },
    { weight: 5, arbitrary: ownKeyCase(world) },
    { weight: 9, arbitrary: adminCase(world) },
  );
  const [generate, ...others] = submits;
  if (generate === undefined) throw new Error('no operation makes jobs');
  const cases = fc.oneof(
    { weight: 26, arbitrary: generate },
    ...others.map((arbitrary) => ({ weight: 7, arbitrary })),
    { weight: 45, arbitrary: reads },
    { weight: 6, arbitrary: badKeyCase(world, fc.oneof(generate, reads)) },
  );
  // Every GET is now and then a HEAD.
  return fc.tuple(cases, extraHeaders, fc.integer({ min: 0, max: 14 })).map(([one, extra, dice]) => {
    const { request } = one;
    const method = request.method === 'GET' && dice === 14 ? 'HEAD' : request.method;
    return { ...one, request: { ...request, method, headers: { ...extra, ...request.headers } } };
  });
}

/** Headers that change nothing, or only the id under which the request is logged. */
const extraHeaders = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Record<string, string>>({}) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(
        'mine-1',
        'a'.repeat(128),
        'a'.repeat(129),
        ' ',
        'two words',
        '-x',
        '<script>',
        'ü',
        "'; DROP TABLE jobs --",
      )
      .map((id): Record<string, string> => ({ 'x-request-id': id })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Record<string, string>>(
      { accept: 'text/html' },
      { origin: 'https://evil.example' },
      { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'evil.example' },
      { 'x-http-method-override': 'DELETE' },
      { cookie: 'a=b; '.repeat(500) },
      { authorization: 'Bearer x' },
      { expect: '100-continue' },
    ),
  },
);

/** A request that would be right or wrong by itself, with a key that opens nothing. */
function badKeyCase(world: FuzzWorld, cases: fc.Arbitrary<FuzzCase>): fc.Arbitrary<FuzzCase> {
  const keyed = cases.filter(({ path, request }) => path !== null && request.headers['x-api-key'] !== undefined);
  const key = fc.oneof(
    fc
      .constantFrom<KeyName>('revoked', 'expired', 'inactive', 'unknown', 'checksum')
      .map((name) => [name, world.keys[name]] as const),
    fc
      .constantFrom(
        '',
        'afk_',
        'x',
        'afk_'.repeat(2000),
        `${world.keys.owner}x`,
        world.keys.owner.toUpperCase(),
        `Bearer ${world.keys.owner}`,
        "afk_' OR 1=1 --",
        'afk_\u00ff',
      )
      .map((text) => ['wrong', text] as const),
  );
  return fc.tuple(keyed, key).map(([{ body: _body, ...found }, [name, text]]): FuzzCase => ({
    ...found,
    request: { ...found.request, headers: { ...found.request.headers, 'x-api-key': text } },
    expected: 'refused',
    status: name === 'inactive' ? 403 : 401,
    field: null,
    what: `the ${name} key`,
  }));
}

/** What no log line may show. */
export function secretsOf(world: FuzzWorld): string[] {
  return [PROMPT_MARK, SECRET_MARK, ...Object.values(world.keys).filter((key) => key !== ''), world.upload.path];
}
