import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { checkInput, type CheckedInput } from './check-input.ts';
import { expectedCost } from './expected-cost.ts';
import type { JsonValue } from './json-value.ts';
import { loadCatalog } from './load-catalog.ts';
import type { Model, ParameterSchema, Route } from './model.ts';
import { mapParameters, type MappedParameters } from './parameter-map.ts';
import { meetsConditions } from './route-conditions.ts';
import { CATALOG_FOLDER } from './test-catalog.ts';

/** Other families may have costs that nobody knows and stand-ins of their own. */
const models = [...loadCatalog(CATALOG_FOLDER).models.values()].filter((model) => model.family === 'flux');
const PICTURE = 'https://example.com/a.png';

function modelOf(id: string): Model {
  const model = models.find((one) => one.id === id);
  assert.ok(model);
  return model;
}

function checked(model: Model, given: Record<string, JsonValue>): CheckedInput {
  const prompt = model.prompt === null ? {} : { prompt: 'a red kite' };
  const result = checkInput(model, { model: model.id, ...prompt, [model.paramsField]: given });
  assert.ok(result.ok, JSON.stringify(result));
  return result.input;
}

function routeAt(provider: string, model: Model, input: CheckedInput): Route | undefined {
  return model.routes.find((route) => route.provider === provider && meetsConditions(route, input.parameters));
}

/** What a provider would be sent for a request; null where it cannot serve it. */
function sentTo(provider: string, id: string, given: Record<string, JsonValue> = {}): MappedParameters | null {
  const model = modelOf(id);
  const input = checked(model, given);
  const route = routeAt(provider, model, input);
  return route === undefined ? null : mapParameters(model, route, input);
}

const fill = { prompt: 'stars', image: PICTURE };

describe('the routes of the Flux family', () => {
  it('are tried in the order of the maker, Replicate, fal, then the others', () => {
    const first = ['sandbox', 'bfl', 'replicate', 'fal'];
    for (const model of models) {
      const order = [...new Set(model.routes.map((route) => route.provider))];
      assert.deepEqual(
        order.filter((provider) => first.includes(provider)),
        first.filter((provider) => order.includes(provider)),
        model.id,
      );
      assert.ok(order.indexOf('fal') < first.length, model.id);
    }
  });

  it('bfl makes flux-1.1-pro in pixels and JPEG, with a guiding picture in base64', () => {
    const sent = sentTo('bfl', 'flux-1.1-pro', { aspect_ratio: '16:9', seed: 7, image_prompt: PICTURE });
    assert.deepEqual(sent?.parameters, {
      prompt: 'a red kite',
      width: 1344,
      height: 768,
      output_format: 'jpeg',
      seed: 7,
    });
    assert.deepEqual(sent?.files, [{ to: 'image_prompt', url: PICTURE, as: 'base64' }]);
    assert.deepEqual(sent?.adjustments, []);
  });

  it('replicate makes it by ratio, and by pixels where it has no word for the ratio', () => {
    const usual = sentTo('replicate', 'flux-1.1-pro', { aspect_ratio: '4:5' })?.parameters;
    assert.deepEqual([usual?.['aspect_ratio'], usual?.['width']], ['4:5', undefined]);
    const other = sentTo('replicate', 'flux-1.1-pro', { aspect_ratio: '21:9' });
    const { aspect_ratio: word, width, height } = other?.parameters ?? {};
    assert.deepEqual([word, width, height], ['custom', 1408, 608]);
    assert.deepEqual(other?.adjustments, []);
  });

  it('fal sends a guiding picture to another endpoint', () => {
    const model = modelOf('flux-1.1-pro');
    const endpoint = (given: Record<string, JsonValue>): string | undefined =>
      routeAt('fal', model, checked(model, given))?.upstreamModel;
    assert.equal(endpoint({}), 'fal-ai/flux-pro/v1.1');
    assert.equal(endpoint({ image_prompt: PICTURE }), 'fal-ai/flux-pro/v1.1/redux');
    const edits = modelOf('flux-2-pro');
    const edited = routeAt('fal', edits, checked(edits, { input_images: [PICTURE] }));
    assert.equal(edited?.upstreamModel, 'fal-ai/flux-2-pro/edit');
    assert.equal(routeAt('fal', edits, checked(edits, { input_images: [] }))?.upstreamModel, 'fal-ai/flux-2-pro');
  });

  it('a format that a provider cannot make comes as PNG, and nothing is said: the stored file is converted', () => {
    for (const [provider, id] of [
      ['replicate', 'flux-1.1-pro-ultra'],
      ['fal', 'flux-1.1-pro-ultra'],
      ['fal', 'flux-1.1-pro'],
    ] as const) {
      const sent = sentTo(provider, id, { output_format: 'webp' });
      assert.equal(sent?.parameters['output_format'], 'png', `${id} at ${provider}`);
      assert.deepEqual(sent?.adjustments, []);
    }
    assert.deepEqual(sentTo('bfl', 'flux-1.1-pro', { output_quality: 40 })?.adjustments, []);
  });

  it('bfl takes eight input pictures in numbered fields', () => {
    const sent = sentTo('bfl', 'flux-2-pro', { input_images: Array.from({ length: 9 }, () => PICTURE) });
    assert.deepEqual(
      sent?.files.map((file) => file.to),
      ['input_image', ...[2, 3, 4, 5, 6, 7, 8].map((number) => `input_image_${number}`)],
    );
    assert.deepEqual(
      sent?.adjustments.map((one) => one.parameter),
      ['input_images'],
    );
  });

  it('a picture is repainted at bfl on its own scale and enlarged at replicate alone', () => {
    const painted = sentTo('bfl', 'flux-fill-pro', { ...fill, mode: 'inpaint', steps: 4 });
    assert.deepEqual([painted?.parameters['guidance'], painted?.parameters['steps']], [60, 15]);
    for (const provider of ['bfl', 'fal']) {
      assert.equal(sentTo(provider, 'flux-fill-pro', { ...fill, mode: 'outpaint' }), null, provider);
    }
    const enlarged = sentTo('replicate', 'flux-fill-pro', { ...fill, mode: 'outpaint' });
    assert.equal(enlarged?.parameters['outpaint'], 'Zoom out 1.5x');
    const kept = sentTo('replicate', 'flux-fill-pro', { ...fill, mode: 'inpaint', outpaint: 'Make square' });
    assert.equal('outpaint' in (kept?.parameters ?? {}), false);
  });

  it('fal repaints only with a mask, and takes the tolerance as text', () => {
    assert.equal(sentTo('fal', 'flux-fill-pro', { ...fill, mode: 'inpaint' }), null);
    const sent = sentTo('fal', 'flux-fill-pro', { ...fill, mode: 'inpaint', mask: PICTURE, safety_tolerance: 4 });
    assert.equal(sent?.parameters['safety_tolerance'], '4');
  });

  it('what runs on the own machine in place of flux-1.1-pro is told; open weights are themselves', () => {
    for (const provider of ['openai-images', 'sd-server', 'comfyui']) {
      assert.equal(sentTo(provider, 'flux-1.1-pro')?.adjustments[0]?.parameter, 'model', provider);
    }
    assert.deepEqual(sentTo('sd-server', 'flux-2-dev')?.adjustments, []);
    const proprietary = models.filter((model) => !['flux-1.1-pro', 'flux-2-dev'].includes(model.id));
    assert.deepEqual(
      proprietary.flatMap((model) => model.routes.filter((route) => route.standIn !== null)),
      [],
    );
  });

  it('the default request has a known cost wherever money is asked', () => {
    for (const model of models.filter((one) => one.prompt !== null)) {
      const input = checked(model, {});
      for (const route of model.routes.filter((one) => meetsConditions(one, input.parameters))) {
        const cost = expectedCost(model, route, input);
        assert.equal(cost === 0, route.cost?.mode === 'none', `${model.id} at ${route.provider}`);
        assert.notEqual(cost, null, `${model.id} at ${route.provider}`);
      }
    }
  });
});

describe('whatever a caller asks', () => {
  for (const model of models) {
    it(`${model.id}: at most one route of a provider serves it, and no wish is lost in silence`, () => {
      const names = Object.entries(model.parameters).map(([name, schema]) => [name, anyOf(schema)] as const);
      const given = fc.record(Object.fromEntries(names), { requiredKeys: [...model.requiredParameters] });
      fc.assert(
        fc.property(given, (wishes) => {
          // Safe: the values were made from the schemas of JSON.
          const input = checked(model, wishes as Record<string, JsonValue>);
          const serving = model.routes.filter((route) => meetsConditions(route, input.parameters));
          assert.equal(new Set(serving.map((route) => route.provider)).size, serving.length);
          for (const route of serving) assertNothingLost({ model, route, input });
        }),
        { numRuns: 60 },
      );
    });
  }
});

/** A wish that no rule sends, reads, says or leaves to the gateway must stand among the adjustments. */
function assertNothingLost({ model, route, input }: { model: Model; route: Route; input: CheckedInput }): void {
  const { adjustments } = mapParameters(model, route, input);
  for (const [name, value] of Object.entries(input.given)) {
    const isDropped = route.map[name]?.rule === 'drop' && value !== model.parameters[name]?.default;
    const isTold = adjustments.some((one) => one.parameter === name);
    assert.ok(!isDropped || isTold, `${model.id} at ${route.provider}: ${name}`);
  }
}

function anyOf(schema: ParameterSchema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.format === 'uri') return fc.constant(PICTURE);
  const { items, minimum, maximum } = schema;
  if (items !== undefined) return fc.array(anyOf(items), { maxLength: schema.maxItems ?? 0 });
  if (schema.type === 'boolean') return fc.boolean();
  if (schema.type === 'integer') return fc.integer({ min: minimum ?? -9, max: maximum ?? 2 ** 31 });
  if (schema.type === 'number') return fc.double({ min: minimum ?? 0, max: maximum ?? 1, noNaN: true });
  if (schema.pattern !== undefined)
    return fc.tuple(fc.nat(3000), fc.nat(3000)).map(([wide, high]) => `${wide}:${high}`);
  return fc.constant('stars');
}
