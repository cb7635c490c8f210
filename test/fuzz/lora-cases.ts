import { randomUUID } from 'node:crypto';

import fc from 'fast-check';

import { get, strangePart, type FuzzCase } from './fuzz-case.ts';
import { formRequest, TINY_PNG, type FormPart, type FuzzWorld, type KeyName } from './fuzz-world.ts';

const PATH = '/v2/loras';
/** The fields of a training that nothing is wrong with. */
const FIELDS: Readonly<Record<string, string>> = { name: 'Ada', gender: 'female', ethnicity: 'european' };

function pictures(count: number): FormPart[] {
  return Array.from({ length: count }, (_, index) => ({ name: 'images', file: `${index}.png`, bytes: TINY_PNG }));
}

function fields(changes: Record<string, string | null> = {}): FormPart[] {
  return Object.entries({ ...FIELDS, ...changes }).flatMap(([name, text]) =>
    text === null ? [] : [{ name, bytes: Buffer.from(text) }],
  );
}

/** Fields that are wrong, with the name that the refusal must give. */
const WRONG_FIELDS: readonly [Record<string, string | null>, string][] = [
  [{ name: null }, 'name'],
  [{ name: '' }, 'name'],
  [{ name: 'x'.repeat(61) }, 'name'],
  [{ name: 'a\0b' }, 'name'],
  [{ gender: null }, 'gender'],
  [{ gender: 'cat' }, 'gender'],
  [{ ethnicity: '' }, 'ethnicity'],
  [{ age: 'x'.repeat(41) }, 'age'],
  [{ subjectKind: 'dog' }, 'subjectKind'],
  [{ steps: '499' }, 'steps'],
  [{ steps: '1e3' }, 'steps'],
  [{ steps: '-500' }, 'steps'],
  [{ loraRank: '7' }, 'loraRank'],
  [{ loraRank: '16.5' }, 'loraRank'],
  [{ webhookUrl: 'no address' }, 'webhookUrl'],
  [{ webhookEvents: '' }, 'webhookEvents'],
  [{ webhookEvents: 'completed,,failed' }, 'webhookEvents'],
];

/** A training, its list, and the LoRAs themselves. */
export function loraCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const send = (parts: FormPart[]): FuzzCase['request'] => formRequest(PATH, world.keys.owner, parts);
  const refused = (parts: FormPart[], field: string | null, what: string): FuzzCase => ({
    path: PATH,
    request: send(parts),
    expected: 'refused',
    status: 400,
    field,
    what,
  });
  const right = fc
    .constantFrom<Record<string, string>>(
      {},
      { subjectKind: 'style' },
      { steps: '500', loraRank: '64' },
      { __proto__: 'x', constructor: 'y', stray: 'z' },
      { name: '<script>’"\u{1f600}' },
    )
    .map((changes): FuzzCase => {
      const request = send([...fields(changes), ...pictures(15)]);
      return {
        path: PATH,
        request,
        expected: 'accepted',
        field: null,
        what: `a training with ${JSON.stringify(changes)}`,
      };
    });
  const wrongFields = fc
    .constantFrom(...WRONG_FIELDS)
    .map(([changes, field]) => refused([...fields(changes), ...pictures(15)], field, JSON.stringify(changes)));
  const wrongPictures = fc.constantFrom(
    refused(fields(), 'images', 'no pictures'),
    refused([...fields(), ...pictures(14)], 'images', 'too few pictures'),
    refused([...pictures(32), ...fields()], 'images', 'too many pictures'),
    refused(
      [...fields(), ...pictures(14), { name: 'images', file: 'a.png', bytes: TINY_PNG.subarray(0, 40) }],
      'images.14',
      'half a picture',
    ),
    refused([...fields(), ...pictures(15), { name: 'file', file: 'a.png', bytes: TINY_PNG }], 'file', 'a stray file'),
  );
  return fc.oneof(
    { weight: 2, arbitrary: right },
    { weight: 3, arbitrary: wrongFields },
    { weight: 1, arbitrary: wrongPictures },
    { weight: 3, arbitrary: listCase(world) },
    { weight: 4, arbitrary: oneCase(world) },
  );
}

function listCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const read = (query: string, wanted: Pick<FuzzCase, 'expected' | 'status' | 'field'>): FuzzCase => ({
    path: PATH,
    request: get(world, `${PATH}${query}`),
    what: `LoRAs ${query}`,
    ...wanted,
  });
  const wrong = fc
    .constantFrom('limit=0', 'limit=101', 'limit=x', 'cursor=x', 'includeArchived=yes')
    .map((query) => read(`?${query}`, { expected: 'refused', status: 400, field: query.split('=')[0] ?? null }));
  const right = fc
    .constantFrom('', '?limit=1', `?cursor=${randomUUID()}`, '?includeArchived=true&limit=100', '?stray=1')
    .map((query) => read(query, { expected: 'accepted', field: null }));
  return fc.oneof(right, wrong);
}

function oneCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const ask = (
    method: string,
    { id, key }: { id: string; key: KeyName },
    wanted: Pick<FuzzCase, 'expected' | 'status' | 'field'>,
  ): FuzzCase => ({
    path: `${PATH}/{id}`,
    request: { ...get(world, `${PATH}/${id}`, key), method },
    what: `${method} of a LoRA by ${key}`,
    ...wanted,
  });
  const method = fc.constantFrom('GET', 'DELETE');
  const own = fc
    .tuple(method, fc.constantFrom<KeyName>('owner', 'admin', 'member'))
    .map(([verb, key]) => ask(verb, { id: world.loraId, key }, { expected: 'accepted', field: null }))
    .map((one): FuzzCase => ({ ...one, isRepeatable: true }));
  const missing = fc
    .tuple(method, fc.constantFrom<KeyName>('stranger', 'test'))
    .map(([verb, key]) => ask(verb, { id: world.loraId, key }, { expected: 'refused', status: 404, field: null }));
  const strange = fc
    .tuple(method, strangePart)
    .map(([verb, id]) => ask(verb, { id, key: 'owner' }, { expected: 'refused', field: null }));
  return fc.oneof({ weight: 2, arbitrary: own }, missing, strange);
}
