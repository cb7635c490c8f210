import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { compareRoute, type RouteDifference } from './compare-route.ts';
import type { MapRule } from './map-rule.ts';
import type { ParameterSchema } from './model.ts';

/** What one rule differs by from a schema of the field that it writes. */
function differences(
  rule: MapRule,
  field: unknown,
  { parameter = { type: 'string' }, schemas = {} }: { parameter?: ParameterSchema; schemas?: object } = {},
): RouteDifference['kind'][] {
  const input = { type: 'object', properties: { out: field } };
  const schema = { input, document: { components: { schemas } } };
  return compareRoute(
    { parameters: { given: parameter } },
    { map: { given: rule }, constants: {} },
    schema,
  ).differences.map(({ kind }) => kind);
}

const RENAME: MapRule = { rule: 'rename', to: 'out' };
const WORDS: ParameterSchema = { type: 'string', enum: ['a', 'b'] };

describe('compareRoute', () => {
  it('follows references, parts and alternatives', () => {
    const schemas = { Words: { type: 'string', enum: ['a', 'b'] }, Less: { type: 'string', enum: ['a'] } };
    const to = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
    const held = (field: object): string[] => differences(RENAME, field, { parameter: WORDS, schemas });
    assert.deepEqual(held(to('Words')), []);
    assert.deepEqual(held({ allOf: [to('Words')], default: 'a' }), []);
    assert.deepEqual(held({ anyOf: [to('Words'), { type: 'null' }] }), []);
    assert.deepEqual(held({ oneOf: [to('Less'), { type: 'string', enum: ['b'] }] }), []);
    assert.deepEqual(held(to('Less')), ['refused-value']);
    assert.deepEqual(held({ allOf: [to('Less')] }), ['refused-value']);
    assert.deepEqual(held({ anyOf: [to('Less'), { type: 'null' }] }), ['refused-value']);
  });

  it('ends at a schema that leads to itself', () => {
    const schemas = { Loop: { $ref: '#/components/schemas/Loop' } };
    assert.deepEqual(differences(RENAME, { $ref: '#/components/schemas/Loop' }, { schemas }), []);
  });

  it('holds both ends of a range, and the kind of a value', () => {
    const parameter: ParameterSchema = { type: 'integer', minimum: 1, maximum: 10 };
    assert.deepEqual(differences(RENAME, { type: 'integer', minimum: 1, maximum: 10 }, { parameter }), []);
    assert.deepEqual(differences(RENAME, { type: 'integer', minimum: 2, maximum: 9 }, { parameter }), [
      'refused-value',
      'refused-value',
    ]);
    assert.deepEqual(differences(RENAME, { type: 'string' }, { parameter }), ['refused-value', 'refused-value']);
    const asText: MapRule = { rule: 'text', to: 'out', text: '{}s' };
    assert.deepEqual(differences(asText, { enum: ['1s', '10s'] }, { parameter }), []);
    assert.deepEqual(differences(asText, { enum: ['1', '10'] }, { parameter }), ['refused-value', 'refused-value']);
  });

  it('holds what is sent, not what was asked for', () => {
    const rule: MapRule = { rule: 'values', to: 'out', values: { a: 'A', b: null } };
    assert.deepEqual(differences(rule, { enum: ['A'] }, { parameter: WORDS }), []);
    assert.deepEqual(differences(rule, { enum: ['a'] }, { parameter: WORDS }), ['refused-value']);
    const clamp: MapRule = { rule: 'clamp', to: 'out', minimum: 1, maximum: 5, as: 'text', reason: 'No more.' };
    assert.deepEqual(differences(clamp, { enum: ['1', '2', '3', '4', '5'] }), []);
  });

  it('finds places inside objects and lists, and says nothing of what the provider leaves open', () => {
    const inner = { type: 'object', properties: { b: { type: 'string' } } };
    const at = (to: string): MapRule => ({ rule: 'rename', to });
    assert.deepEqual(differences(at('out.b'), inner), []);
    assert.deepEqual(differences(at('out.c'), inner), ['unknown-field']);
    assert.deepEqual(differences(at('out.0.b'), { type: 'array', items: inner }), []);
    assert.deepEqual(differences(at('out.0.c'), { type: 'array', items: inner }), ['unknown-field']);
    assert.deepEqual(differences(at('out.c.d'), { type: 'object' }), []);
    assert.deepEqual(differences(at('other'), inner), ['unknown-field']);
  });

  it('counts the items of a list', () => {
    const parameter: ParameterSchema = { type: 'array', items: { type: 'string', format: 'uri' }, maxItems: 4 };
    const rule: MapRule = { rule: 'files', to: 'out', as: 'url', max: 8 };
    assert.deepEqual(differences(rule, { type: 'array', maxItems: 4 }, { parameter }), []);
    assert.deepEqual(differences(rule, { type: 'array', maxItems: 3 }, { parameter }), ['too-many-items']);
  });

  it('names what is required and never sent, and what is offered', () => {
    const properties = { out: { enum: ['a', 'b', 'c'] }, more: { type: 'integer' } };
    const input = { type: 'object', properties, required: ['out', 'more'] };
    const found = compareRoute(
      { parameters: { given: WORDS } },
      { map: { given: RENAME }, constants: {} },
      { input, document: {} },
    );
    assert.deepEqual(
      found.differences.map(({ kind, field }) => [kind, field]),
      [['missing-field', 'more']],
    );
    assert.deepEqual(found.offers, [
      { field: 'more', values: null },
      { field: 'out', values: ['c'] },
    ]);
  });
});
