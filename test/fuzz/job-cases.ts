import fc from 'fast-check';
import { ACTION_OPERATIONS } from '../../server/src/catalog/model.ts';

import { get, NEWEST_JOB, strangePart, type FuzzCase } from './fuzz-case.ts';
import { jsonRequest, type FuzzWorld } from './fuzz-world.ts';
import type { FuzzRequest } from './send.ts';

/** A list of jobs. */
export function listCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const path = '/v2/jobs';
  const right = fc
    .record(
      {
        status: fc.constantFrom('QUEUED', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED'),
        model: fc.oneof(
          fc.constantFrom('flux-1.1-pro', 'nothing'),
          strangePart.filter((text) => text.length < 100 && !text.includes('%00')),
        ),
        limit: fc.integer({ min: 1, max: 5 }).map(String),
        scope: fc.constantFrom('user', 'team'),
        search: fc.oneof(fc.uuid(), fc.constant(world.jobs.open), fc.constant(world.jobs.foreign.toUpperCase())),
        include_models: fc.constantFrom('true', 'false'),
        zq: fc.constant('1'),
      },
      { requiredKeys: ['limit'] },
    )
    .map((query): FuzzCase => {
      const text = Object.entries(query)
        .map(([name, value]) => `${name}=${value}`)
        .join('&');
      return { path, request: get(world, `${path}?${text}`), expected: 'accepted', field: null, what: 'a list' };
    });
  const wrongValue = (name: string, values: readonly string[]): fc.Arbitrary<[string, string]> =>
    fc.constantFrom(...values).map((value) => [name, value]);
  const wrong = fc
    .oneof(
      wrongValue('status', ['queued', '', 'DONE', '%00', '__proto__']),
      wrongValue('limit', ['0', '101', '-1', '1.5', '1e1', '', 'x', '0x10', '%31%30%30%30', '٣', ' 5']),
      wrongValue('scope', ['all', '', 'TEAM', 'constructor']),
      wrongValue('search', ['x', '', '%00', `${world.jobs.open}0`, "'"]),
      wrongValue('include_models', ['1', '', 'yes']),
      wrongValue('model', ['x'.repeat(201), '%00', 'flux%00']),
      wrongValue('cursor', [
        '',
        'x',
        '%00',
        'eyJ9',
        Buffer.from('{"createdAt":-1,"id":"x"}').toString('base64url'),
        Buffer.from(`{"createdAt":1e99,"id":"${world.jobs.open}"}`).toString('base64url'),
        'A'.repeat(3000),
      ]),
    )
    .map(([name, value]): FuzzCase => {
      const request = get(world, `${path}?${name}=${encodeURI(decodeURI(value))}`);
      return { path, request, expected: 'refused', status: 400, field: name, what: `${name}=${value.slice(0, 30)}` };
    });
  const forbidden = fc.constant<FuzzCase>({
    path,
    request: get(world, `${path}?scope=team`, 'member'),
    expected: 'refused',
    status: 403,
    field: null,
    what: 'scope=team of a member',
  });
  return fc.oneof(
    { weight: 5, arbitrary: right },
    { weight: 4, arbitrary: wrong },
    { weight: 1, arbitrary: forbidden },
  );
}

const JOB_PATHS = ['/v2/jobs/{id}', '/v2/jobs/{id}/events', '/v2/jobs/{id}/timeline'] as const;
const NO_UUIDS = [
  'x',
  '1',
  '-1',
  'null',
  '00000000-0000-0000-0000-00000000000',
  '00000000000000000000000000000000',
  "1'--",
  '{id}',
  'g0000000-0000-0000-0000-000000000000',
];

/** One job, its stream or its timeline. */
export function jobCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  return fc.constantFrom(...JOB_PATHS).chain((path) => {
    const at = (id: string, rest = ''): FuzzRequest => get(world, path.replace('{id}', id) + rest);
    const own = fc.constantFrom(
      world.jobs.open,
      world.jobs.cancelled,
      world.jobs.open.toUpperCase(),
      world.jobs.ofMember,
    );
    const right = own.map((id): FuzzCase => ({
      path,
      request: at(id),
      expected: 'accepted',
      field: null,
      what: 'a job of ours',
    }));
    const foreign = fc.oneof(fc.uuid(), fc.constantFrom(world.jobs.foreign, world.jobs.ofTest)).map((id): FuzzCase => ({
      path,
      request: at(id),
      expected: 'refused',
      status: 404,
      field: null,
      what: 'a job that is not ours',
    }));
    const noId = fc.oneof(fc.constantFrom(...NO_UUIDS), strangePart).map((id): FuzzCase => ({
      path,
      request: at(id),
      expected: 'refused',
      field: null,
      what: 'an id that is no UUID',
    }));
    const option =
      path === '/v2/jobs/{id}'
        ? fc.constantFrom('0', '61', '-1', '1.5', 'x', '', '1e1', '%00').map((wait): FuzzCase => ({
            path,
            request: at(world.jobs.open, `?wait=${wait}`),
            expected: 'refused',
            status: 400,
            field: 'wait',
            what: `wait=${wait}`,
          }))
        : fc.constantFrom('1', '0', '999999').map((last): FuzzCase => {
            const request = at(world.jobs.cancelled);
            return {
              path,
              request: { ...request, headers: { ...request.headers, 'last-event-id': last } },
              expected: 'accepted',
              field: null,
              what: `after event ${last}`,
            };
          });
    const ended = fc.constantFrom('1', '60').map((wait): FuzzCase => ({
      path,
      request: at(world.jobs.cancelled, `?wait=${wait}`),
      expected: 'accepted',
      field: null,
      what: 'waiting for an ended job',
    }));
    return fc.oneof(
      { weight: 4, arbitrary: right },
      { weight: 2, arbitrary: foreign },
      { weight: 3, arbitrary: noId },
      option,
      ended,
    );
  });
}

/** A wish to cancel a job. */
export function cancelCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const path = '/v2/jobs/{id}/cancel';
  const at = (id: string, expected: FuzzCase['expected'], status?: number): FuzzCase => ({
    path,
    request: { ...get(world, path.replace('{id}', id)), method: 'POST' },
    expected,
    ...(status === undefined ? {} : { status }),
    field: null,
    what: `cancelling ${id.slice(0, 40)}`,
  });
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant(at(NEWEST_JOB, 'either')) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        at(world.jobs.cancelled, 'refused', 409),
        at(world.jobs.foreign, 'refused', 404),
        at(world.jobs.ofTest, 'refused', 404),
      ),
    },
    { weight: 1, arbitrary: fc.uuid().map((id) => at(id, 'refused', 404)) },
    { weight: 2, arbitrary: fc.oneof(fc.constantFrom(...NO_UUIDS), strangePart).map((id) => at(id, 'refused')) },
  );
}

/** Acting upon jobs that have not ended, that belong to somebody else, or that are none: all of it is refused. */
export function actionCase(world: FuzzWorld): fc.Arbitrary<FuzzCase> {
  const { jobs } = world;
  const parent = fc.oneof(
    fc.constantFrom(jobs.cancelled, jobs.foreign, jobs.ofTest, ...NO_UUIDS),
    fc.uuid(),
    fc.constantFrom<unknown>(7, null, {}, []),
  );
  const values = fc.record(
    {
      action: fc.constantFrom<unknown>(
        'upsample',
        'variation',
        'inpaint',
        'stems',
        'extend',
        'dance',
        7,
        '__proto__',
        '',
      ),
      index: fc.constantFrom<unknown>(1, 4, 0, -1, 1.5, 'x', null),
      trackId: fc.string({ maxLength: 20 }),
      mask: fc.constantFrom<unknown>('AAAA', 'no base64!', 7),
      prompt: fc.string({ maxLength: 20 }),
      parent_file: fc.constant('https://example.com/x'),
      stray: fc.constant(1),
    },
    { requiredKeys: ['action'], noNullPrototype: true },
  );
  return fc.tuple(fc.constantFrom(...ACTION_OPERATIONS), parent, values).map(([operation, parentJobId, body]) => {
    const path = `/v2/${operation}`;
    return {
      path,
      request: jsonRequest({ target: path, key: world.keys.owner, body: { ...body, parentJobId } }),
      expected: 'refused',
      field: null,
      what: `an action upon ${JSON.stringify(parentJobId).slice(0, 40)}`,
    };
  });
}
