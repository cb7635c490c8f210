import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { checkInput, type InputProblems } from './check-input.ts';
import { modelForTests } from './test-catalog.ts';

const flux = modelForTests('flux-1.1-pro');
const URL_TEXT = 'https://example.com/a.png';

function problems(body: unknown): InputProblems {
  const checked = checkInput(flux, body);
  return checked.ok ? {} : checked.details;
}

const withParams = (fluxParams: unknown): Record<string, unknown> => ({
  model: 'flux-1.1-pro',
  prompt: 'a red kite',
  fluxParams,
});

describe('checkInput reads the wishes for the route', () => {
  const providers = new Set(['bfl', 'replicate', 'fal', 'sandbox']);
  const routed = (routing: unknown): unknown => ({ ...withParams({}), routing });

  it('all of them, or a part with defaults for the rest', () => {
    const routing = { providers: ['fal', 'bfl'], fallback: 'exact', maxCredits: 4.5 };
    for (const [asked, expected] of [
      [routing, routing],
      [{}, { providers: null, fallback: 'nearest', maxCredits: null }],
      [{ fallback: 'none' }, { providers: null, fallback: 'none', maxCredits: null }],
    ]) {
      const checked = checkInput(flux, routed(asked), { providers });
      assert.ok(checked.ok, JSON.stringify(checked));
      assert.deepEqual(checked.input.routing, expected);
    }
  });

  const cases: [string, unknown, InputProblems][] = [
    ['no list', { providers: 'bfl' }, { 'routing.providers': ['Invalid input: expected array, received string'] }],
    ['an empty list', { providers: [] }, { 'routing.providers': ['Too small: expected array to have >=1 items'] }],
    ['one provider twice', { providers: ['bfl', 'bfl'] }, { 'routing.providers': ['Name each provider once'] }],
    [
      'more than ten',
      { providers: Array.from({ length: 11 }, (_, index) => `p${index}`) },
      { 'routing.providers': ['Too big: expected array to have <=10 items'] },
    ],
    [
      'what cannot be an id',
      { providers: ['Bfl'] },
      { 'routing.providers.0': ['Invalid string: must match pattern /^[a-z][a-z0-9-]{0,31}$/'] },
    ],
    [
      'an unknown fallback',
      { fallback: 'any' },
      { 'routing.fallback': ['Invalid option: expected one of "exact"|"nearest"|"none"'] },
    ],
    ['a price of nothing', { maxCredits: 0 }, { 'routing.maxCredits': ['Too small: expected number to be >0'] }],
    [
      'a strange name',
      { provider: ['bfl'] },
      { 'routing.provider': ['Unrecognized key: "provider". Did you mean "providers"?'] },
    ],
    [
      'a name that belongs beside it',
      { webhookUrl: URL_TEXT },
      {
        'routing.webhookUrl': ['Unrecognized key: "webhookUrl". "webhookUrl" belongs beside "routing", not inside it'],
      },
    ],
    [
      'unknown providers, with the nearest known one',
      { providers: ['replicat', 'bfl', 'zebra'] },
      {
        'routing.providers': ['Unknown provider: "replicat". Did you mean "replicate"?', 'Unknown provider: "zebra"'],
      },
    ],
  ];
  for (const [name, routing, expected] of cases) {
    it(`and refuses ${name}`, () => {
      const checked = checkInput(flux, routed(routing), { providers });
      assert.deepEqual(checked.ok ? {} : checked.details, expected);
    });
  }

  it('a wish one level too high or too deep is told its place', () => {
    assert.deepEqual(problems({ ...withParams({}), providers: ['bfl'] }), {
      providers: ['Unrecognized key: "providers". Did you mean "routing.providers"?'],
    });
    assert.deepEqual(problems(withParams({ routing: {} })), {
      'fluxParams.routing': ['Unrecognized key: "routing". "routing" belongs beside "fluxParams", not inside it'],
    });
  });

  it('names nobody can check pass where the providers are not given', () => {
    assert.deepEqual(problems(routed({ providers: ['zebra'] })), {});
  });
});
