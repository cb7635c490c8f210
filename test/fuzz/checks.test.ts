import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { serverEngines } from '../support/server.ts';
import { findProblems, findStoreProblems } from './check-answer.ts';
import { jsonRequest, openFuzzWorld, SMALL_BODY, type FuzzWorld } from './fuzz-world.ts';
import type { FuzzCase } from './fuzz-case.ts';
import type { FuzzAnswer } from './send.ts';

// The checks behind the generated requests must be able to fail: each is shown an answer that breaks it alone.

const [engine] = serverEngines();
assert.ok(engine !== undefined);

describe('the checks of generated requests', () => {
  let world: FuzzWorld;
  let right: FuzzCase;
  let accepted: FuzzAnswer;

  before(async () => {
    world = await openFuzzWorld(engine);
    const request = jsonRequest({ target: '/v2/images/generate', key: world.keys.owner, body: SMALL_BODY });
    right = { path: '/v2/images/generate', request, expected: 'accepted', field: null, what: 'it', body: SMALL_BODY };
    accepted = await world.send(request);
  });
  after(() => world.close());

  const changed = (change: { status?: number; headers?: Record<string, string | null>; text?: string }): FuzzAnswer => {
    const headers = new Headers(accepted.headers);
    for (const [name, value] of Object.entries(change.headers ?? {})) {
      if (value === null) headers.delete(name);
      else headers.set(name, value);
    }
    return { ...accepted, status: change.status ?? accepted.status, headers, text: change.text ?? accepted.text };
  };
  const finds = (one: Partial<FuzzCase>, answer: FuzzAnswer, wanted: RegExp): void =>
    assert.match(findProblems(world, { ...right, ...one }, answer).join('\n'), wanted);

  it('find nothing in a true answer', () => {
    assert.deepEqual(findProblems(world, right, accepted), []);
  });

  it('find a failing server, a missing header, a wrong type, an undescribed status and a wrong form', () => {
    finds({}, changed({ status: 500 }), /fails with 500/);
    finds({}, changed({ status: 418 }), /418 is not described/);
    finds({}, changed({ headers: { 'x-request-id': null } }), /X-Request-Id is missing/);
    finds({}, changed({ headers: { 'x-content-type-options': null } }), /nosniff/);
    finds({}, changed({ headers: { 'content-type': 'text/html' } }), /text\/html is not described/);
    finds({}, changed({ text: '{"jobId":"x","status":"QUEUED"}' }), /jobId must match format/);
    finds({}, changed({ text: '{"status":"QUEUED"}' }), /jobId/);
    finds({}, changed({ text: 'hello' }), /not JSON/);
  });

  it('find a wrong request that was accepted, a right one that was refused, and a refusal that names nothing', () => {
    const refusal = '{"error":"Validation error: prompt: x","details":{"prompt":["x"]}}';
    finds({ expected: 'refused' }, accepted, /wrong and was accepted/);
    finds({}, changed({ status: 400, text: refusal }), /right and was refused/);
    finds(
      { expected: 'refused', field: 'fluxParams.seed' },
      changed({ status: 400, text: refusal }),
      /not fluxParams.seed/,
    );
    finds({ expected: 'refused', status: 404 }, changed({ status: 400, text: refusal }), /400 instead of 404/);
    finds(
      { expected: 'refused' },
      changed({ status: 400, text: '{"error":"at run (/x/node_modules/y)"}' }),
      /internals/,
    );
    finds({ expected: 'refused' }, changed({ status: 405, text: '{"error":"x"}' }), /without Allow/);
    finds({ expected: 'refused' }, changed({ status: 429, text: '{"error":"x"}' }), /without Retry-After/);
  });

  it('find a refusal that has written, an acceptance that has not, and a job that is not as it was asked for', async () => {
    const unchanged = await world.watch.snapshot();
    assert.match(
      (await findStoreProblems(world, { played: right, answer: accepted, before: unchanged })).join(),
      /changed nothing/,
    );
    await world.send(right.request);
    const refused = changed({ status: 400 });
    assert.match(
      (await findStoreProblems(world, { played: right, answer: refused, before: unchanged })).join(),
      /a 400 changed .*jobs/,
    );
    const other = { ...right, body: { ...SMALL_BODY, prompt: 'another' } };
    assert.match(
      (await findStoreProblems(world, { played: other, answer: accepted, before: unchanged })).join(),
      /input/,
    );
    assert.deepEqual(await findStoreProblems(world, { played: right, answer: accepted, before: unchanged }), []);
  });
});
