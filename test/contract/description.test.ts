import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { readDescription, type Exchange } from './description.ts';

const document = {
  openapi: '3.1.0',
  paths: {
    '/v2/jobs/{id}': {
      get: {
        operationId: 'getJob',
        responses: {
          200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Job' } } } },
          304: { description: 'Nothing new.' },
          429: {
            headers: { 'Retry-After': { schema: { type: 'integer', minimum: 1 } } },
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
          },
        },
      },
    },
  },
  components: {
    schemas: {
      Job: { type: 'object', required: ['id'], properties: { id: { type: 'string', format: 'uuid' } } },
      Error: { type: 'object', required: ['error'], properties: { error: { type: 'string' } } },
    },
  },
};

const strict = readDescription(document, { unknownOperation: 'problem' });

function exchange(status: number, body: unknown, headers: Record<string, string> = {}): Exchange {
  const text = body === null ? '' : JSON.stringify(body);
  const all = { ...(body === null ? {} : { 'content-type': 'application/json; charset=utf-8' }), ...headers };
  return { method: 'get', path: '/v2/jobs/{id}', status, headers: new Headers(all), text };
}

describe('a description', () => {
  it('lists what it describes', () => {
    assert.deepEqual(strict.operations, [
      { id: 'getJob', method: 'get', path: '/v2/jobs/{id}', statuses: [200, 304, 429] },
    ]);
  });

  it('finds nothing wrong with an answer that is as described', () => {
    assert.deepEqual(strict.problems(exchange(200, { id: '019aa000-0000-7000-8000-000000000001' })), []);
    assert.deepEqual(strict.problems(exchange(304, null)), []);
    assert.deepEqual(strict.problems(exchange(429, { error: 'slow down' }, { 'retry-after': '3' })), []);
  });

  const wrong: [string, Exchange][] = [
    ['a missing field', exchange(200, {})],
    ['a wrong format', exchange(200, { id: '7' })],
    ['another type', { ...exchange(200, null, { 'content-type': 'text/html' }), text: '<p>' }],
    ['a body that is no JSON', { ...exchange(200, {}), text: '{' }],
    ['a body where none is described', exchange(304, { id: '7' })],
    ['a header that is due', exchange(429, { error: 'slow down' })],
    ['a header out of range', exchange(429, { error: 'slow down' }, { 'retry-after': '0' })],
    ['a status that is not described', exchange(418, { error: 'teapot' })],
    ['an operation that is not described', { ...exchange(200, {}), path: '/v2/other' }],
  ];
  for (const [what, one] of wrong) {
    it(`finds ${what}`, () => assert.notDeepEqual(strict.problems(one), []));
  }

  it('holds other statuses against the general envelope, and ignores what is not its business, when told so', () => {
    const lenient = readDescription(document, { unknownOperation: 'ignore', otherwise: '/components/schemas/Error' });
    assert.deepEqual(lenient.problems(exchange(409, { error: 'again' })), []);
    assert.notDeepEqual(lenient.problems(exchange(409, { message: 'again' })), []);
    assert.deepEqual(lenient.problems({ ...exchange(200, {}), path: '/v2/other' }), []);
  });
});
