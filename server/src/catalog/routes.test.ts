import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Model, Route } from './model.ts';
import { routesFor, type RouteChoice } from './routes.ts';
import { modelForTests } from './test-catalog.ts';

const inCatalog = modelForTests('flux-1.1-pro');
const drawn = inCatalog.routes.find((route) => route.sandbox);
assert.ok(drawn);
const real = (provider: string, facts: Partial<Route> = {}): Route => ({
  ...drawn,
  ...facts,
  provider,
  sandbox: false,
});
const sandboxOnly: Model = { ...inCatalog, routes: [drawn] };
const model: Model = { ...inCatalog, routes: [drawn, real('first'), real('second'), real('third')] };

type Choice = Partial<Omit<RouteChoice, 'providersConfigured' | 'providersUsable'>> & {
  ready?: string[];
  usable?: string[];
};

function routes(candidate: Model, choice: Choice): Route[] {
  const { ready = [], usable = ready, ...others } = choice;
  return routesFor(candidate, {
    mode: 'live',
    sandbox: 'auto',
    destinations: new Set(),
    inside: new Set(['sandbox', 'local']),
    input: { parameters: {}, given: {} },
    allowed: null,
    order: [],
    ...others,
    providersConfigured: new Set(ready),
    providersUsable: new Set(usable),
  });
}

function providers(candidate: Model, choice: Choice): string[] {
  return routes(candidate, choice).map((route) => route.provider);
}

describe('routesFor', () => {
  it('a test key reaches the sandbox and nothing else, whatever is set or asked', () => {
    for (const sandbox of ['auto', 'on', 'off'] as const) {
      const choice: Choice = { mode: 'test', sandbox, ready: ['first', 'second'] };
      assert.deepEqual(providers(model, choice), ['sandbox']);
      assert.deepEqual(providers(model, { ...choice, allowed: ['first'] }), ['sandbox']);
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
    assert.deepEqual(providers(model, { sandbox: 'auto', ready: ['sandbox', 'local'] }), ['sandbox']);
    assert.deepEqual(providers(sandboxOnly, { sandbox: 'auto', ready: ['first'] }), []);
  });

  it('on lets the sandbox serve what no real route can', () => {
    assert.deepEqual(providers(sandboxOnly, { sandbox: 'on', ready: ['first'] }), ['sandbox']);
  });

  it('off never serves a live key from the sandbox', () => {
    assert.deepEqual(providers(sandboxOnly, { sandbox: 'off' }), []);
  });

  it('a provider that is configured and cannot be used now leaves no route, and never a drawing', () => {
    for (const sandbox of ['auto', 'on', 'off'] as const) {
      assert.deepEqual(providers(model, { sandbox, ready: ['first'], usable: [] }), []);
    }
    assert.deepEqual(providers(model, { ready: ['first', 'third'], usable: ['third'] }), ['third']);
  });

  it('a retired model is drawn for test keys and runs nowhere else', () => {
    const retired: Model = { ...model, availability: { state: 'retired', on: '2026-01-01', successor: null } };
    assert.deepEqual(providers(retired, { mode: 'test', ready: ['first'] }), ['sandbox']);
    assert.deepEqual(providers(retired, { sandbox: 'on', ready: ['first'] }), []);
  });
});

describe('a route that keeps what it trains', () => {
  const keeping: Model = { ...model, routes: [drawn, real('first', { needsDestination: true }), real('second')] };

  it('serves only once its provider has a name to keep it under', () => {
    assert.deepEqual(providers(keeping, { ready: ['first', 'second'] }), ['second']);
    assert.deepEqual(providers(keeping, { ready: ['first'] }), []);
    const named = new Set(['first']);
    assert.deepEqual(providers(keeping, { ready: ['first', 'second'], destinations: named }), ['first', 'second']);
    assert.deepEqual(providers(keeping, { ready: ['first'], destinations: new Set(['second']) }), []);
  });
});

describe('the order of trial', () => {
  const ready = ['first', 'second', 'third'];

  it("is the operator's, then the file's", () => {
    assert.deepEqual(providers(model, { ready, order: ['third'] }), ['third', 'first', 'second']);
    assert.deepEqual(providers(model, { ready, order: ['nobody', 'second', 'first'] }), ['second', 'first', 'third']);
  });

  it("is the caller's alone where he names providers", () => {
    assert.deepEqual(providers(model, { ready, allowed: ['third', 'first'], order: ['first'] }), ['third', 'first']);
    assert.deepEqual(providers(model, { ready, allowed: ['nobody'] }), []);
  });

  it('a wish for a provider is not met by a drawing', () => {
    assert.deepEqual(providers(model, { allowed: ['first'] }), []);
    assert.deepEqual(providers(model, { sandbox: 'on', allowed: ['first'] }), []);
    assert.deepEqual(providers(model, { allowed: ['sandbox'] }), ['sandbox']);
  });
});

describe('conditions of routes', () => {
  const plain = real('first', { upstreamModel: 'plain', when: [{ parameter: 'image_prompt', is: 'absent' }] });
  const guided = real('first', { upstreamModel: 'guided', when: [{ parameter: 'image_prompt', is: 'present' }] });
  const both: Model = { ...model, routes: [drawn, plain, guided] };
  const names = (parameters: RouteChoice['input']['parameters']): string[] =>
    routes(both, { ready: ['first'], input: { parameters, given: {} } }).map((route) => route.upstreamModel);

  it('choose between the routes of one provider by what was sent', () => {
    assert.deepEqual(names({}), ['plain']);
    assert.deepEqual(names({ image_prompt: 'https://example.com/a.png' }), ['guided']);
    assert.deepEqual(names({ image_prompt: [] }), ['plain']);
  });

  it('must all be met', () => {
    const when = [
      { parameter: 'mode', equals: 'inpaint' },
      { parameter: 'mask', is: 'present' },
    ] as const;
    const strict: Model = { ...model, routes: [drawn, real('first', { when })] };
    const found = (parameters: RouteChoice['input']['parameters']): number =>
      routes(strict, { ready: ['first'], input: { parameters, given: {} } }).length;
    assert.equal(found({ mode: 'inpaint', mask: 'https://example.com/a.png' }), 1);
    assert.equal(found({ mode: 'inpaint' }), 0);
    assert.equal(found({ mode: 'outpaint', mask: 'https://example.com/a.png' }), 0);
  });

  it('on: what no condition lets a real provider serve may be drawn; auto: it may not', () => {
    const narrow: Model = { ...model, routes: [drawn, guided] };
    assert.deepEqual(providers(narrow, { sandbox: 'on', ready: ['first'] }), ['sandbox']);
    assert.deepEqual(providers(narrow, { sandbox: 'auto', ready: ['first'] }), []);
  });
});
