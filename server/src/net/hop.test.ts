import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Agent } from 'undici';
import { nextHop, type Hop, type NetWorld } from './hop.ts';
import { handClock } from '../core/hand-clock.ts';

const TRUST = { operatorOrigins: ['http://127.0.0.1:9000'] };

function worldForTest(t: TestContext): NetWorld {
  const agents = { operator: new Agent(), public: new Agent() };
  t.after(() => Promise.all([agents.operator.close(), agents.public.close()]));
  return {
    clock: handClock(),
    agents,
    admit: (text, trust) => {
      const url = new URL(text);
      return { ok: true, url, isOperators: trust.operatorOrigins.includes(url.origin) };
    },
  };
}

function hopFrom(url: string, isOperators: boolean): Hop {
  return {
    url: new URL(url),
    isOperators,
    method: 'POST',
    headers: { Authorization: 'secret', 'x-plain': '1', 'Content-Type': 'text/plain' },
    body: 'x',
  };
}

function follow(t: TestContext, hop: Hop, location: string, status = 302): Hop {
  const next = nextHop(worldForTest(t), hop, { status, headers: { location } }, TRUST);
  assert.ok(next !== null && !('problem' in next));
  return next;
}

test('trust is only lost: a stranger who redirects to an origin of the operator stays a stranger', (t) => {
  assert.equal(follow(t, hopFrom('http://127.0.0.1:9000/a', true), '/b').isOperators, true);
  assert.equal(follow(t, hopFrom('http://127.0.0.1:9000/a', true), 'http://stranger.example/').isOperators, false);
  assert.equal(follow(t, hopFrom('http://stranger.example/', false), 'http://127.0.0.1:9000/').isOperators, false);
});

test('secrets stay with their origin, scheme and port included', (t) => {
  const from = hopFrom('https://a.example/', false);
  assert.equal(follow(t, from, '/b').headers['Authorization'], 'secret');
  for (const to of ['http://a.example/', 'https://a.example:8443/', 'https://b.a.example/', '//b.example/']) {
    assert.deepEqual(follow(t, from, to, 307).headers, { 'x-plain': '1', 'Content-Type': 'text/plain' }, to);
  }
});

test('a secret header, whatever its name, is lost with its origin and does not come back', (t) => {
  const secretHeaders = { 'x-goog-api-key': 'secret' };
  const from = { ...hopFrom('https://a.example/', false), secretHeaders };
  assert.deepEqual(follow(t, from, '/b').secretHeaders, secretHeaders);
  for (const to of ['http://a.example/', 'https://a.example:8443/', 'https://b.a.example/', '//b.example/']) {
    const away = follow(t, from, to, 307);
    assert.deepEqual(away.secretHeaders, {}, to);
    assert.equal(JSON.stringify(away.headers).includes('x-goog-api-key'), false, to);
    assert.deepEqual(follow(t, away, 'https://a.example/').secretHeaders, {}, to);
  }
});

test('301, 302 and 303 turn a POST into a GET without body; 307 and 308 keep it', (t) => {
  const from = hopFrom('https://a.example/', false);
  for (const status of [301, 302, 303]) {
    const next = follow(t, from, '/b', status);
    assert.deepEqual([next.method, next.body, next.headers['Content-Type']], ['GET', null, undefined]);
  }
  for (const status of [307, 308]) {
    const next = follow(t, from, '/b', status);
    assert.deepEqual([next.method, next.body], ['POST', 'x']);
  }
});

test('only a redirect with a place to go is one', (t) => {
  const world = worldForTest(t);
  const hop = hopFrom('https://a.example/', false);
  for (const answer of [
    { status: 302, headers: {} },
    { status: 200, headers: { location: '/b' } },
    { status: 304, headers: { location: '/b' } },
  ]) {
    assert.equal(nextHop(world, hop, answer, TRUST), null);
  }
  assert.ok('problem' in (nextHop(world, hop, { status: 302, headers: { location: 'http://' } }, TRUST) ?? {}));
});
