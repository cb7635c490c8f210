import fc from 'fast-check';

import { OPERATIONS } from '../../server/src/catalog/model.ts';
import { requestName } from '../../server/src/http/openapi-facts.ts';
import { brokenBody } from './broken-bodies.ts';
import type { FuzzCase } from './fuzz-case.ts';
import { jsonRequest, type FuzzWorld, type KeyName, type RequestSchema } from './fuzz-world.ts';
import { validBody } from './valid-bodies.ts';

/** The operations that take a request body, and the schemas of what they take. */
export function submitPaths(world: FuzzWorld): { path: string; schemas: RequestSchema[] }[] {
  const paths = requestsOf(world);
  return [...paths, { path: '/v2/estimate', schemas: paths.flatMap(({ schemas }) => schemas) }];
}

/** The requests of each operation that a live key may make: a model that was retired is refused, and tested elsewhere. */
function requestsOf({ openApi }: Pick<FuzzWorld, 'openApi'>): { path: string; schemas: RequestSchema[] }[] {
  return OPERATIONS.map((operation) => {
    const schemas = openApi.components.schemas[requestName(operation)]?.oneOf ?? [];
    return { path: `/v2/${operation}`, schemas: schemas.filter((schema) => schema.deprecated !== true) };
  });
}

/** A request with a body: right, or wrong in one place. */
export function submitCase(
  world: FuzzWorld,
  { path, schemas }: { path: string; schemas: RequestSchema[] },
): fc.Arbitrary<FuzzCase> {
  const models = schemas.flatMap(({ properties }) => properties.model.enum);
  const schema = fc.constantFrom(...schemas);
  const key = fc.constantFrom<KeyName>('owner', 'member', 'admin', 'stranger', 'test');
  const made = fc
    .tuple(schema, key)
    .chain(([chosen, name]) =>
      validBody(chosen, world.fileUrl).map((body) => ({ chosen, body, key: world.keys[name] })),
    );
  const right = fc.tuple(made, idempotencyKey()).map(([{ chosen, body, key: text }, idempotency]): FuzzCase => {
    const request = jsonRequest({ target: path, key: text, body });
    const { headers, isShared, isWrong } = idempotency;
    const isUsed = path !== '/v2/estimate';
    // Nobody has trained what a generated id names.
    const lora = loraPlace(chosen);
    if (lora !== null)
      return {
        path,
        request,
        expected: 'refused',
        status: 400,
        field: lora,
        what: 'a LoRA that is not there',
      };
    return {
      path,
      request: { ...request, headers: { ...request.headers, ...headers } },
      expected: isUsed && isWrong ? 'refused' : isUsed && isShared ? 'either' : 'accepted',
      field: null,
      what: `a right body for ${String(body['model'])}`,
      body,
    };
  });
  const wrong = made.chain(({ chosen, body, key: text }) =>
    brokenBody(body, chosen, models).map((broken): FuzzCase => {
      const request = jsonRequest({ target: path, key: text, body: '' });
      const headers = { ...request.headers, ...broken.headers };
      return {
        path,
        request: { ...request, headers, body: broken.text },
        expected: 'refused',
        status: 400,
        field: broken.field,
        what: broken.what,
      };
    }),
  );
  return fc.oneof({ weight: 3, arbitrary: right }, { weight: 5, arbitrary: wrong });
}

/** Where a request of the model names a LoRA; null for most. */
function loraPlace({ properties }: RequestSchema): string | null {
  for (const [block, { properties: inner = {} }] of Object.entries(properties))
    for (const [name, { format }] of Object.entries(inner)) if (format === 'uuid') return `${block}.${name}`;
  return null;
}

interface Idempotency {
  headers: Record<string, string>;
  isShared: boolean;
  isWrong: boolean;
}

/** Mostly none; some of one request alone, some that others use too, some that are none. */
function idempotencyKey(): fc.Arbitrary<Idempotency> {
  const make = (key: string, kind: Partial<Idempotency>): Idempotency => {
    return { headers: { 'idempotency-key': key }, isShared: false, isWrong: false, ...kind };
  };
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant({ headers: {}, isShared: false, isWrong: false }) },
    { weight: 2, arbitrary: fc.uuid().map((key) => make(`one-${key}`, { isShared: true })) },
    { weight: 2, arbitrary: fc.constantFrom('a', 'b', 'c').map((key) => make(key, { isShared: true })) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('two words', 'x'.repeat(256), 'ü', '\t\u00a0x', '')
        .map((key) => make(key, { isWrong: true })),
    },
  );
}
