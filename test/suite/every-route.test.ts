import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { checkInput, type CheckedInput } from '../../server/src/catalog/check-input.ts';
import type { JsonValue } from '../../server/src/catalog/json-value.ts';
import { loadCatalog } from '../../server/src/catalog/load-catalog.ts';
import { targetsOf } from '../../server/src/catalog/map-rule.ts';
import type { Model, ParameterSchema, Route, RouteCondition } from '../../server/src/catalog/model.ts';
import { mapParameters, withFiles, type MappedFile } from '../../server/src/catalog/parameter-map.ts';
import { valueAt } from '../../server/src/catalog/put.ts';
import { meetsConditions } from '../../server/src/catalog/route-conditions.ts';
import { measuredForTests } from '../../server/src/catalog/test-catalog.ts';
import { isDoubleId, loadDouble } from '../../server/src/commands/vendors.ts';
import { checkFields, type Fields } from '../../server/src/doubles/check-fields.ts';
import { encodePng } from '../../server/src/doubles/png.ts';
import { ROOT } from '../support/server.ts';

const { models, providers } = loadCatalog(`${ROOT}/catalog`);

/** The inputs that the doubles accept, by provider and by its name of the model. */
const DOUBLES = new Map<string, Readonly<Record<string, { fields: Fields }>>>();
for (const { id, adapter } of providers.values()) {
  const inputs = isDoubleId(adapter) ? (await loadDouble(adapter)).inputs : undefined;
  if (inputs !== undefined) DOUBLES.set(id, inputs);
}

const FILE = 'https://example.com/file.png';
const LORA = '00000000-0000-7000-8000-000000000000';
const BASE64 = encodePng({ width: 16, height: 16 }, [0, 0, 0]).toString('base64');

/** A file as its route sends it. */
function contentOf({ as }: MappedFile): string {
  if (as === 'url' || as === 'address') return FILE;
  return as === 'base64' ? BASE64 : `data:image/png;base64,${BASE64}`;
}

describe('every route of every model', () => {
  for (const [title, model] of everyModel()) {
    const routes = model.routes.filter(({ provider }) => DOUBLES.has(provider));
    if (routes.length === 0) continue;
    it(`${title}: each value of each parameter reaches its providers as they expect it, or the caller is told`, () => {
      for (const route of routes) {
        const double = DOUBLES.get(route.provider)?.[route.upstreamModel];
        const name = `${route.provider} ${route.upstreamModel}`;
        assert.ok(double !== undefined, `no double knows ${name}`);
        let served = 0;
        for (const given of requestsFor(model, route)) {
          const input = checked(model, given);
          if (!meetsConditions(route, input.parameters)) continue;
          served += 1;
          const what = `${name} ${JSON.stringify(given)}`;
          const mapped = mapParameters(model, route, { ...input, inputs: measuredForTests(model) });
          const sent = withFiles(mapped, mapped.files.map(contentOf));
          assert.deepEqual(checkFields(double.fields, sent, { areUnknownRefused: true }), [], what);
          const told = new Set(mapped.adjustments.map(({ parameter }) => parameter));
          const lost = Object.keys(given).filter(
            (parameter) =>
              !told.has(parameter) && !isUsual(model, parameter, given) && !arrives(route, { parameter, sent }),
          );
          assert.deepEqual(lost, [], `${what}: dropped without a word`);
        }
        assert.ok(served > 0, `no request was for ${name}`);
      }
    });
  }
});

/** Models, and what can be done with them beside, which runs as a model does. */
function everyModel(): [string, Model][] {
  return [...models.values()].flatMap((model) => [
    [model.id, model],
    ...Object.entries(model.actions?.kinds ?? {}).map(([kind, action]): [string, Model] => [
      `${model.id}, ${kind}`,
      action.model,
    ]),
  ]);
}

/** Whether the caller asked for what comes anyway: the default, nothing special, or what the picture says. */
function isUsual(model: Model, parameter: string, given: Record<string, JsonValue>): boolean {
  const value = given[parameter];
  return value === false || value === 'match_input_image' || value === model.parameters[parameter]?.default;
}

/** Whether something of the parameter went out, or its rule says that nothing needs to. */
function arrives(route: Route, { parameter, sent }: { parameter: string; sent: Record<string, unknown> }): boolean {
  const rule = route.map[parameter];
  assert.ok(rule !== undefined);
  if (rule.rule === 'implied' || rule.rule === 'gateway') return true;
  if (rule.rule === 'read-by') return arrives(route, { parameter: rule.parameter, sent });
  // A value that the provider takes as said where nothing is sent stands in the table as null.
  if (rule.rule === 'values' && Object.values(rule.values).includes(null)) return true;
  return targetsOf(rule).some((target) => valueAt(sent, target) !== undefined);
}

/** Blocks of parameters that the route may serve: what it demands alone, and with each further value. */
function* requestsFor(model: Model, route: Route): Generator<Record<string, JsonValue>> {
  const base: Record<string, JsonValue> = {};
  for (const name of model.requiredParameters) base[name] = samples(model.parameters[name])[0] ?? 'x';
  for (const condition of route.when ?? []) {
    const value = demanded(model, condition);
    if (value !== undefined) base[condition.parameter] = value;
  }
  yield base;
  for (const [name, schema] of Object.entries(model.parameters)) {
    for (const value of samples(schema)) yield { ...base, [name]: value };
  }
  const full = Object.entries(model.parameters).map(([name, schema]) => [name, samples(schema).at(-1) ?? 'x']);
  yield { ...Object.fromEntries(full), ...base };
}

function demanded(model: Model, condition: RouteCondition): JsonValue | undefined {
  if ('equals' in condition) return condition.equals;
  if ('oneOf' in condition) return condition.oneOf[0];
  return condition.is === 'absent' ? undefined : samples(model.parameters[condition.parameter])[0];
}

/** Values that a parameter may have: all of a list, both ends and a middle of a range. */
function samples(schema: ParameterSchema | undefined): JsonValue[] {
  assert.ok(schema !== undefined);
  if (schema.enum !== undefined) return [...schema.enum];
  switch (schema.type) {
    case 'boolean':
      return [true, false];
    case 'integer':
    case 'number': {
      const { minimum = 0, maximum = 1_000 } = schema;
      return [minimum, Math.floor((minimum + maximum) / 2), maximum];
    }
    case 'array': {
      const items = samples(schema.items);
      const many = Array.from(
        { length: Math.min(schema.maxItems ?? 1, 12) },
        (_, index) => items[index % items.length],
      );
      return [[items[0] ?? null], many.map((item) => item ?? null)];
    }
    case 'object':
      return [
        Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, samples(inner)[0] ?? null]),
        ),
      ];
    case 'string':
      if (schema.format === 'uri') return [FILE];
      if (schema.format === 'uuid') return [LORA];
      return [...(schema['x-choices'] ?? (schema.pattern === undefined ? ['a word'] : ['3:2']))];
  }
}

function checked(model: Model, given: Record<string, JsonValue>): CheckedInput {
  const isInside = Object.hasOwn(model.parameters, 'prompt') || model.prompt === null;
  const block = Object.keys(given).length > 0 || model.paramsRequired ? { [model.paramsField]: given } : {};
  const result = checkInput(model, { model: model.id, ...(isInside ? {} : { prompt: 'a red kite' }), ...block });
  assert.ok(result.ok, `${model.id} ${JSON.stringify(given)}: ${result.ok ? '' : JSON.stringify(result.details)}`);
  return result.input;
}
