import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Model, Route } from './model.ts';
import { routesFor, type RouteChoice } from './routes.ts';
import { modelForTests } from './test-catalog.ts';

const sandboxOnly = modelForTests('flux-1.1-pro');
const [drawn] = sandboxOnly.routes;
assert.ok(drawn);
const real = (provider: string): Route => ({ ...drawn, provider, sandbox: false });
const model: Model = { ...sandboxOnly, routes: [drawn, real('first'), real('second')] };

function providers(
  candidate: Model,
  choice: Partial<Omit<RouteChoice, 'providersReady'>> & { ready?: string[] },
): string[] {
  const { ready = [], mode = 'live', sandbox = 'auto' } = choice;
  return routesFor(candidate, { mode, sandbox, providersReady: new Set(ready) }).map((route) => route.provider);
}

describe('routesFor', () => {
  it('a test key reaches the sandbox and nothing else, whatever is set', () => {
    for (const sandbox of ['auto', 'on', 'off'] as const) {
      assert.deepEqual(providers(model, { mode: 'test', sandbox, ready: ['first', 'second'] }), ['sandbox']);
    }
  });

  it('a live key takes real routes in the order of the file, and no drawing beside them', () => {
    for (const sandbox of ['auto', 'on', 'off'] as const) {
      assert.deepEqual(providers(model, { sandbox, ready: ['second', 'first'] }), ['first', 'second']);
    }
    assert.deepEqual(providers(model, { ready: ['second'] }), ['second']);
  });

  it('auto serves live keys from the sandbox only while no real provider is ready', () => {
    assert.deepEqual(providers(model, { sandbox: 'auto' }), ['sandbox']);
    assert.deepEqual(providers(model, { sandbox: 'auto', ready: ['sandbox'] }), ['sandbox']);
    assert.deepEqual(providers(sandboxOnly, { sandbox: 'auto', ready: ['first'] }), []);
  });

  it('on lets the sandbox serve what no real route can', () => {
    assert.deepEqual(providers(sandboxOnly, { sandbox: 'on', ready: ['first'] }), ['sandbox']);
  });

  it('off never serves a live key from the sandbox', () => {
    assert.deepEqual(providers(sandboxOnly, { sandbox: 'off' }), []);
  });

  it('a retired model runs nowhere', () => {
    const retired: Model = { ...model, availability: { state: 'retired', on: '2026-01-01', successor: null } };
    assert.deepEqual(providers(retired, { mode: 'test', ready: ['first'] }), []);
    assert.deepEqual(providers(retired, { sandbox: 'on', ready: ['first'] }), []);
  });
});
