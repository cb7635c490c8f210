import fc from 'fast-check';

import { get, NEWEST_KEY, NEWEST_OWN_KEY, strangePart, type FuzzCase } from './fuzz-case.ts';
import { jsonRequest, type FuzzWorld, type KeyName } from './fuzz-world.ts';

/** Stands in every provider's secret that is sent; no log line may show it. */
export const SECRET_MARK = 'fuzz-provider-secret-';
/** A provider that takes keys and has no address here: nothing is ever bought with them. */
const PROVIDER = 'openai-images';

/** What is wrong with the body of a key, with the field that the refusal must name. */
const wrongKeyBody = fc.oneof(
  fc
    .constantFrom<[unknown, string]>(
      ['', 'key'],
      ['short', 'key'],
      [`${SECRET_MARK} x`, 'key'],
      [`${SECRET_MARK}\n`, 'key'],
      [`${SECRET_MARK}ü`, 'key'],
      ['x'.repeat(4_097), 'key'],
      [7, 'key'],
      [null, 'key'],
      [{ a: 1 }, 'key'],
    )
    .map(([key, field]) => ({ body: { key }, field })),
  fc.constantFrom('', 'x'.repeat(81), 'a\nb', 7).map((label) => ({ body: { label }, field: 'label' })),
  fc.constantFrom(0, -1, 1.5, '4', 1e9).map((maxInFlight) => ({ body: { maxInFlight }, field: 'maxInFlight' })),
  fc
    .constantFrom('id', 'isAdmin', 'role', 'sealed_secret', 'constructor')
    .map((name) => ({ body: { [name]: 'x' }, field: name })),
);

/** The team's own provider keys. */
export function ownKeyCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const path = '/v2/provider-keys';
  const post = (key: KeyName, body: object): FuzzCase['request'] =>
    jsonRequest({
      target: path,
      key: world.keys[key],
      body: { provider: PROVIDER, key: `${SECRET_MARK}own`, ...body },
    });
  const list = fc.constantFrom<KeyName>('owner', 'admin', 'stranger').map((key): FuzzCase => ({
    path,
    request: get(world, path, key),
    expected: 'accepted',
    field: null,
    what: `own keys of ${key}`,
  }));
  const forbidden = fc
    .tuple(fc.constantFrom<KeyName>('member', 'test'), fc.boolean())
    .map(([key, isList]): FuzzCase => ({
      path,
      request: isList ? get(world, path, key) : post(key, {}),
      expected: 'refused',
      status: 403,
      field: null,
      what: `own keys of ${key}`,
    }));
  // Beyond the largest number of keys it is refused.
  const add = fc.constant<FuzzCase>({
    path,
    request: post('owner', {}),
    expected: 'either',
    field: null,
    what: 'a key',
  });
  const wrong = wrongKeyBody.map(({ body, field }): FuzzCase => {
    return { path, request: post('owner', body), expected: 'refused', status: 400, field, what: JSON.stringify(body) };
  });
  const unknown = fc.constantFrom('sandbox', 'nothing', '__proto__', '', '\u0000').map((provider): FuzzCase => ({
    path,
    request: post('owner', { provider }),
    expected: 'refused',
    status: 400,
    field: 'provider',
    what: `a key for ${provider}`,
  }));
  const remove = (id: string, key: KeyName, wanted: Pick<FuzzCase, 'expected' | 'status'>): FuzzCase => ({
    path: `${path}/{id}`,
    request: { ...get(world, `${path}/${id}`, key), method: 'DELETE' },
    ...wanted,
    field: null,
    what: `removing ${id.slice(0, 40)} by ${key}`,
  });
  const removals = fc.oneof(
    { weight: 4, arbitrary: fc.constant(remove(NEWEST_OWN_KEY, 'owner', { expected: 'either' })) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        remove(NEWEST_OWN_KEY, 'stranger', { expected: 'refused', status: 404 }),
        remove(NEWEST_OWN_KEY, 'member', { expected: 'refused', status: 403 }),
        remove(NEWEST_KEY, 'owner', { expected: 'refused', status: 404 }),
      ),
    },
    {
      weight: 2,
      arbitrary: fc
        .oneof(fc.uuid(), strangePart)
        .map((id) => remove(id, 'owner', { expected: 'refused', status: 404 })),
    },
  );
  return fc.oneof(list, forbidden, { weight: 2, arbitrary: add }, wrong, unknown, { weight: 2, arbitrary: removals });
}

/** What only the operator may ask. */
export function adminCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const key = world.keys.operator;
  const keysPath = '/admin/providers/{id}/keys';
  const testPath = '/admin/providers/{id}/test';
  const post = (path: string, id: string, body: object): FuzzCase['request'] =>
    jsonRequest({ target: path.replace('{id}', id), key, body });
  const lists = fc.constantFrom('/admin/providers', '/admin/alerts').map((path): FuzzCase => ({
    path,
    request: get(world, path, 'operator'),
    expected: 'accepted',
    field: null,
    what: path,
  }));
  const secret = `${SECRET_MARK}operator`;
  const add = fc.constant<FuzzCase>({
    path: keysPath,
    request: post(keysPath, PROVIDER, { key: secret }),
    expected: 'either',
    field: null,
    what: 'a key of the operator',
  });
  const wrong = wrongKeyBody.map(({ body, field }): FuzzCase => ({
    path: keysPath,
    request: post(keysPath, PROVIDER, { key: secret, ...body }),
    expected: 'refused',
    status: 400,
    field,
    what: JSON.stringify(body),
  }));
  const nowhere = fc.tuple(fc.constantFrom(keysPath, testPath), strangePart).map(([path, id]): FuzzCase => ({
    path,
    request: post(path, id, { key: secret }),
    expected: 'refused',
    status: 404,
    field: null,
    what: 'a provider that there is not',
  }));
  const test = fc
    .constantFrom<[object, FuzzCase['expected'], number, string | null]>(
      [{}, 'accepted', 200, null],
      [{ keyId: 'none:sandbox' }, 'accepted', 200, null],
      [{ keyId: '\u0000' }, 'refused', 400, 'keyId'],
      [{ keyId: 'env:sandbox' }, 'refused', 404, null],
      [{ keyId: 7 }, 'refused', 400, 'keyId'],
      [{ stray: 1 }, 'refused', 400, 'stray'],
    )
    .map(([body, expected, status, field]): FuzzCase => {
      return { path: testPath, request: post(testPath, 'sandbox', body), expected, status, field, what: 'a test' };
    });
  const removePath = '/admin/providers/{id}/keys/{keyId}';
  const removals = fc
    .oneof({ weight: 3, arbitrary: fc.constant(NEWEST_KEY) }, fc.uuid(), strangePart)
    .map((keyId): FuzzCase => ({
      path: removePath,
      request: {
        ...get(world, removePath.replace('{id}', PROVIDER).replace('{keyId}', keyId), 'operator'),
        method: 'DELETE',
      },
      expected: keyId === NEWEST_KEY ? 'either' : 'refused',
      field: null,
      what: `removing ${keyId.slice(0, 40)}`,
    }));
  const forbidden = fc
    .tuple(
      fc.constantFrom<KeyName>('owner', 'admin', 'member', 'test', 'stranger'),
      fc.oneof(lists, add, test, removals),
    )
    .map(([name, one]): FuzzCase => ({
      ...one,
      request: { ...one.request, headers: { ...one.request.headers, 'x-api-key': world.keys[name] } },
      expected: 'refused',
      status: 403,
      field: null,
      what: `${one.what} by ${name}`,
    }));
  return fc.oneof(
    { weight: 3, arbitrary: lists },
    { weight: 2, arbitrary: add },
    wrong,
    nowhere,
    { weight: 4, arbitrary: test },
    { weight: 2, arbitrary: removals },
    { weight: 2, arbitrary: forbidden },
  );
}
