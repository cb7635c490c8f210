import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { checkInput } from './check-input.ts';
import type { JsonValue } from './json-value.ts';
import type { MapRule } from './map-rule.ts';
import type { Route } from './model.ts';
import {
  doneByGateway,
  expectedSize,
  mapParameters,
  seedTarget,
  withFiles,
  type MappedParameters,
} from './parameter-map.ts';
import { modelForTests } from './test-catalog.ts';

const A = 'https://example.com/a.png';
const pictures = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `https://example.com/${index}.png`);

/** Maps a request by one rule, on top of the sandbox's route. */
function byRule(
  id: string,
  given: Record<string, JsonValue>,
  changes: { rules: Record<string, MapRule>; facts?: Partial<Route> },
): MappedParameters {
  const model = modelForTests(id);
  const [route] = model.routes;
  assert.ok(route);
  const text = model.prompt === null ? {} : { prompt: 'a red kite' };
  const checked = checkInput(model, { model: id, ...text, [model.paramsField]: given });
  assert.ok(checked.ok, JSON.stringify(checked));
  return mapParameters(model, { ...route, ...changes.facts, map: { ...route.map, ...changes.rules } }, checked.input);
}

const adjusted = ({ adjustments }: MappedParameters): unknown[] =>
  adjustments.map(({ parameter, asked, applied }) => [parameter, asked, applied]);

describe('the rules for files', () => {
  it('one file is listed with its field and form, and its address stays out of the parameters', () => {
    const rules: Record<string, MapRule> = { image_prompt: { rule: 'file', to: 'picture', as: 'base64' } };
    const mapped = byRule('flux-1.1-pro', { image_prompt: A }, { rules });
    assert.deepEqual(mapped.files, [{ to: 'picture', url: A, as: 'base64' }]);
    assert.equal(JSON.stringify(mapped.parameters).includes('example.com'), false);
    assert.equal(withFiles(mapped, ['aGk='])['picture'], 'aGk=');
    assert.deepEqual(byRule('flux-1.1-pro', {}, { rules }).files, []);
  });

  it('a file stands inside a shape where the provider wants more than its content', () => {
    const shape = { inlineData: { mimeType: '{type}', data: '{base64}' }, kind: 'asset', all: ['{}'] };
    const list: MapRule = { rule: 'files', to: 'contents.0.parts', as: 'data-url', max: 4, shape };
    const prompt: MapRule = { rule: 'rename', to: 'contents.0.parts.0.text' };
    const mapped = byRule('flux-2-pro', { input_images: pictures(1) }, { rules: { prompt, input_images: list } });
    const url = 'data:image/png;base64,aGk=';
    assert.deepEqual(withFiles(mapped, [url])['contents'], [
      {
        parts: [
          { text: 'a red kite' },
          { inlineData: { mimeType: 'image/png', data: 'aGk=' }, kind: 'asset', all: [url] },
        ],
      },
    ]);
  });

  it('a table sends what stands for nothing where the provider wants something', () => {
    const rule: MapRule = { rule: 'values', to: 'seen', values: { [A]: 'x' }, absent: 'none' };
    const seen = (given: Record<string, string>): unknown =>
      byRule('flux-1.1-pro', given, { rules: { image_prompt: rule } }).parameters['seen'];
    assert.equal(seen({}), 'none');
    assert.equal(seen({ image_prompt: A }), 'x');
  });

  it('items of a list go as they are or inside a shape, and those beyond the most are told', () => {
    const urls = pictures(3);
    const plain: MapRule = { rule: 'first-items', to: 'seen', max: 2 };
    const mapped = byRule('flux-2-pro', { input_images: urls }, { rules: { input_images: plain } });
    assert.deepEqual(mapped.parameters['seen'], urls.slice(0, 2));
    assert.deepEqual(mapped.adjustments[0]?.applied, urls.slice(0, 2));
    const shaped: MapRule = { ...plain, max: 3, shape: { key: '{}', kind: 'move' } };
    const inside = byRule('flux-2-pro', { input_images: urls }, { rules: { input_images: shaped } });
    assert.deepEqual(
      inside.parameters['seen'],
      urls.map((key) => ({ key, kind: 'move' })),
    );
    assert.deepEqual(inside.adjustments, []);
  });

  it('a list goes to one list in its order, or to numbered fields', () => {
    const urls = pictures(3);
    const list: MapRule = { rule: 'files', to: 'images', as: 'url', max: 4 };
    const mapped = byRule('flux-2-pro', { input_images: urls }, { rules: { input_images: list } });
    assert.deepEqual(
      mapped.files,
      urls.map((url, index) => ({ to: 'images', index, url, as: 'url' })),
    );
    assert.deepEqual(withFiles(mapped, ['x', 'y', 'z'])['images'], ['x', 'y', 'z']);
    const fields: MapRule = { rule: 'files', to: ['image', 'image_2', 'image_3'], as: 'data-url' };
    const numbered = byRule('flux-2-pro', { input_images: urls }, { rules: { input_images: fields } });
    const filled = withFiles(numbered, urls);
    assert.deepEqual([filled['image'], filled['image_2'], filled['image_3']], urls);
  });

  it('what is beyond the fields is left out, and said', () => {
    const rules: Record<string, MapRule> = { input_images: { rule: 'files', to: ['one', 'two'], as: 'url' } };
    const mapped = byRule('flux-2-pro', { input_images: pictures(3) }, { rules });
    assert.equal(mapped.files.length, 2);
    assert.deepEqual(adjusted(mapped), [['input_images', pictures(3), pictures(2)]]);
  });

  it('a content that is missing is no request', () => {
    const mapped = byRule(
      'flux-1.1-pro',
      { image_prompt: A },
      { rules: { image_prompt: { rule: 'file', to: 'p', as: 'url' } } },
    );
    assert.throws(() => withFiles(mapped, []), RangeError);
  });
});

describe('the rules for values', () => {
  const fill = (given: Record<string, JsonValue>, rules: Record<string, MapRule>): MappedParameters =>
    byRule('flux-fill-pro', { prompt: 'stars', image: A, mode: 'inpaint', ...given }, { rules });
  const guidance: MapRule = {
    rule: 'scale',
    to: 'guidance',
    points: [
      { from: 2, to: 1.5 },
      { from: 3, to: 60 },
      { from: 5, to: 100 },
    ],
  };

  it('another scale: ends meet ends, the default meets the default, and nothing is lost on the way', () => {
    const on = (value: number): JsonValue | undefined => fill({ guidance: value }, { guidance }).parameters['guidance'];
    assert.deepEqual([on(2), on(2.5), on(3), on(4), on(5)], [1.5, 30.75, 60, 80, 100]);
    assert.equal(fill({}, { guidance }).parameters['guidance'], 60);
    assert.deepEqual(fill({ guidance: 4 }, { guidance }).adjustments, []);
    const value = fc.double({ min: 2, max: 5, noNaN: true });
    fc.assert(
      fc.property(value, value, (a, b) => a > b || Number(on(a)) <= Number(on(b))),
      { numRuns: 50 },
    );
  });

  it('fewer values: the nearest is sent, and said only where it changed', () => {
    const steps: MapRule = {
      rule: 'clamp',
      to: 'steps',
      minimum: 15,
      maximum: 50,
      as: 'number',
      reason: 'At least 15.',
    };
    assert.equal(fill({ steps: 3 }, { steps }).parameters['steps'], 15);
    assert.deepEqual(adjusted(fill({ steps: 3 }, { steps })), [['steps', 3, 15]]);
    assert.deepEqual(fill({ steps: 20 }, { steps }).adjustments, []);
    const tolerance: MapRule = { rule: 'clamp', to: 'tolerance', minimum: 1, maximum: 6, as: 'text', reason: 'No.' };
    assert.equal(fill({ safety_tolerance: 5 }, { safety_tolerance: tolerance }).parameters['tolerance'], '5');
  });

  it('numbers beyond a range come round to one within it, always to the same', () => {
    const rules: Record<string, MapRule> = { seed: { rule: 'fold', to: 'seed', below: 4_294_967_296 } };
    const seed = (value: number): MappedParameters => byRule('flux-1.1-pro', { seed: value }, { rules });
    assert.equal(seed(7).parameters['seed'], 7);
    assert.deepEqual(seed(7).adjustments, []);
    assert.equal(seed(-1).parameters['seed'], 4_294_967_295);
    assert.equal(seed(4_294_967_297).parameters['seed'], 1);
    assert.deepEqual(adjusted(seed(-1)), [['seed', -1, 4_294_967_295]]);
  });

  it('flags have words too', () => {
    const rules: Record<string, MapRule> = {
      raw: { rule: 'values', to: 'style', values: { true: 'raw', false: 'plain' } },
    };
    assert.equal(byRule('flux-1.1-pro', { raw: true }, { rules }).parameters['style'], 'raw');
    assert.equal(byRule('flux-1.1-pro', {}, { rules }).parameters['style'], 'plain');
  });

  it('what the route or the gateway does by itself is neither sent nor missed', () => {
    const mapped = fill({ output_format: 'png' }, { mode: { rule: 'implied' }, output_format: { rule: 'gateway' } });
    assert.equal('mode' in mapped.parameters || 'output_format' in mapped.parameters, false);
    assert.deepEqual(mapped.adjustments, []);
  });

  it('what a provider must have is sent where the caller gave nothing', () => {
    const outpaint: MapRule = { rule: 'rename', to: 'outpaint', otherwise: 'Zoom out 1.5x' };
    assert.equal(fill({}, { outpaint }).parameters['outpaint'], 'Zoom out 1.5x');
    assert.equal(fill({ outpaint: 'Make square' }, { outpaint }).parameters['outpaint'], 'Make square');
  });

  it('what is left to the gateway is known by name', () => {
    const [route] = modelForTests('flux-1.1-pro').routes;
    assert.ok(route);
    assert.deepEqual(doneByGateway(route), []);
    const map = { ...route.map, output_quality: { rule: 'gateway' } as const };
    assert.deepEqual(doneByGateway({ ...route, map }), ['output_quality']);
  });

  it('the seed has a name only where the route takes one', () => {
    const model = modelForTests('flux-1.1-pro');
    const [route] = model.routes;
    assert.ok(route);
    const named = (seed: MapRule): string | null => seedTarget({ ...route, map: { ...route.map, seed } });
    assert.equal(named({ rule: 'rename', to: 'noise' }), 'noise');
    assert.equal(named({ rule: 'fold', to: 'seed', below: 8 }), 'seed');
    assert.equal(named({ rule: 'drop', reason: 'No.' }), null);
  });
});

describe('a stand-in is an adjustment of the model', () => {
  it('told first, whatever was asked', () => {
    const facts = { provider: 'own', upstreamModel: 'sdxl', standIn: 'Another model runs here.' };
    const { adjustments } = byRule('flux-1.1-pro', {}, { rules: {}, facts });
    assert.deepEqual(adjustments, [
      { parameter: 'model', asked: 'flux-1.1-pro', applied: 'own: sdxl', reason: 'Another model runs here.' },
    ]);
  });
});

const LIMITS = { areaPixels: 1_048_576, multiple: 32, sideMin: 256, sideMax: 1440 };
const WIDE_LIMITS = { ...LIMITS, multiple: 16, sideMax: 2048 };

describe('sizes in pixels', () => {
  const sized = (given: Record<string, JsonValue>, rule: MapRule): MappedParameters =>
    byRule('flux-1.1-pro', given, { rules: { aspect_ratio: rule } });

  it('as text', () => {
    const rule: MapRule = { rule: 'aspect-ratio-to-pixels', to: { text: 'size' }, ...LIMITS };
    assert.equal(sized({ aspect_ratio: '16:9' }, rule).parameters['size'], '1344x768');
  });

  it('as an object, or as the word for exactly that ratio', () => {
    const words = {
      '1:1': { word: 'square_hd', width: 1024, height: 1024 },
      '4:3': { word: 'wide', width: 1024, height: 768 },
    };
    const rule: MapRule = { rule: 'aspect-ratio-to-pixels', to: { object: 'image_size', words }, ...LIMITS };
    assert.equal(sized({}, rule).parameters['image_size'], 'square_hd');
    const wide = sized({ aspect_ratio: '8:6' }, rule);
    assert.equal(wide.parameters['image_size'], 'wide');
    assert.deepEqual(expectedSize(wide), { width: 1024, height: 768, isExact: true });
    assert.deepEqual(sized({ aspect_ratio: '16:9' }, rule).parameters['image_size'], { width: 1344, height: 768 });
  });

  it('no word where another area or sides were asked for', () => {
    const rule: MapRule = {
      rule: 'aspect-ratio-to-pixels',
      to: { object: 'image_size', words: { '1:1': { word: 'square_hd', width: 1024, height: 1024 } } },
      ...WIDE_LIMITS,
      areaFrom: { parameter: 'resolution', areaPixels: AREAS, substitutes: {} },
      sidesFrom: { width: 'width', height: 'height', areaPixelsMax: 4_194_304 },
    };
    const size = (given: Record<string, JsonValue>): unknown =>
      byRule('flux-2-pro', given, { rules: { aspect_ratio: rule } }).parameters['image_size'];
    assert.equal(size({}), 'square_hd');
    assert.deepEqual(size({ resolution: '4MP' }), { width: 2048, height: 2048 });
    assert.deepEqual(size({ width: 512, height: 512 }), { width: 512, height: 512 });
  });

  it('none where the provider follows the input picture', () => {
    const rule: MapRule = {
      rule: 'aspect-ratio-to-pixels',
      to: { width: 'width', height: 'height' },
      ...LIMITS,
      areaFrom: { parameter: 'resolution', areaPixels: AREAS, substitutes: {}, unsized: ['match_input_image'] },
    };
    const mapped = byRule(
      'flux-2-pro',
      { resolution: 'match_input_image', aspect_ratio: '16:9' },
      { rules: { aspect_ratio: rule } },
    );
    assert.equal('width' in mapped.parameters, false);
    assert.equal(expectedSize(mapped), null);
    assert.deepEqual(adjusted(mapped), [['aspect_ratio', '16:9', null]]);
  });

  it('an area that the longest side does not allow is told', () => {
    const rule: MapRule = {
      rule: 'aspect-ratio-to-pixels',
      to: { width: 'width', height: 'height' },
      ...WIDE_LIMITS,
      areaFrom: { parameter: 'resolution', areaPixels: AREAS, substitutes: {} },
    };
    const mapped = byRule('flux-2-pro', { resolution: '4MP', aspect_ratio: '16:9' }, { rules: { aspect_ratio: rule } });
    assert.deepEqual(adjusted(mapped), [['resolution', '4MP', '2048x1152']]);
  });
});

const AREAS = { '0.5MP': 524_288, '1MP': 1_048_576, '2MP': 2_097_152, '4MP': 4_194_304, match_input_image: 1_048_576 };

describe('sizes as ratios', () => {
  const ratios = ['1:1', '16:9', '21:9'];
  const asked = (aspectRatio: string, rule: MapRule): MappedParameters =>
    byRule('flux-1.1-pro', { aspect_ratio: aspectRatio }, { rules: { aspect_ratio: rule } });

  it('one of the list goes in the words of the list, with the size that it stands for', () => {
    const rule: MapRule = { rule: 'aspect-ratio', to: 'ratio', ratios, others: 'nearest', ...LIMITS };
    const mapped = asked('32:18', rule);
    assert.equal(mapped.parameters['ratio'], '16:9');
    assert.deepEqual(expectedSize(mapped), { width: 1344, height: 768, isExact: false });
    assert.deepEqual(mapped.adjustments, []);
  });

  it('another one: the nearest, and said', () => {
    const rule: MapRule = { rule: 'aspect-ratio', to: 'ratio', ratios, others: 'nearest', ...LIMITS };
    assert.equal(asked('2:1', rule).parameters['ratio'], '16:9');
    assert.deepEqual(adjusted(asked('2:1', rule)), [['aspect_ratio', '2:1', '16:9']]);
    assert.deepEqual(adjusted(asked('0:0', rule)), [['aspect_ratio', '0:0', '1:1']]);
  });

  it('another one: by sides', () => {
    const others = { word: 'custom', width: 'width', height: 'height' };
    const rule: MapRule = { rule: 'aspect-ratio', to: 'ratio', ratios, others, ...LIMITS };
    const mapped = asked('7:5', rule);
    const { ratio, width, height } = mapped.parameters;
    assert.deepEqual([ratio, width, height], ['custom', 1184, 864]);
    assert.deepEqual(mapped.adjustments, []);
    assert.deepEqual(expectedSize(mapped), { width: 1184, height: 864, isExact: true });
    assert.equal('width' in asked('16:9', rule).parameters, false);
  });

  it('another one: as it was asked, within what the model can make', () => {
    const rule: MapRule = {
      rule: 'aspect-ratio',
      to: 'ratio',
      ratios,
      others: 'as-asked',
      ...LIMITS,
      ratioMin: '9:21',
      ratioMax: '21:9',
    };
    assert.equal(asked('007:5', rule).parameters['ratio'], '7:5');
    assert.deepEqual(asked('007:5', rule).adjustments, []);
    assert.equal(asked('1000:700', rule).parameters['ratio'], '10:7');
    assert.equal(asked('1001:700', rule).parameters['ratio'], '93:65');
    assert.deepEqual(asked('1001:700', rule).adjustments, []);
    assert.equal(asked('4:1', rule).parameters['ratio'], '21:9');
    assert.equal(asked('1:9', rule).parameters['ratio'], '9:21');
    assert.deepEqual(adjusted(asked('1:9', rule)), [['aspect_ratio', '1:9', '9:21']]);
    assert.equal(asked('0:0', rule).parameters['ratio'], '1:1');
    assert.equal(asked(`${'9'.repeat(400)}:1`, rule).parameters['ratio'], '21:9');
  });

  it('with the area in the words of the provider, but not beside sides', () => {
    const words = {
      '0.5MP': '0.5 MP',
      '1MP': '1 MP',
      '2MP': '2 MP',
      '4MP': '4 MP',
      match_input_image: 'match_input_image',
    };
    const rule: MapRule = {
      rule: 'aspect-ratio',
      to: 'ratio',
      ratios,
      others: { word: 'custom', width: 'w', height: 'h' },
      area: { to: 'resolution', words },
      ...WIDE_LIMITS,
      areaFrom: { parameter: 'resolution', areaPixels: AREAS, substitutes: {}, unsized: ['match_input_image'] },
      sidesFrom: { width: 'width', height: 'height', areaPixelsMax: 4_194_304 },
    };
    const map = (given: Record<string, JsonValue>): MappedParameters =>
      byRule('flux-2-pro', given, { rules: { aspect_ratio: rule } });
    assert.equal(map({}).parameters['resolution'], '1 MP');
    assert.equal(map({ resolution: '4MP' }).parameters['resolution'], '4 MP');
    const sides = map({ width: 800, height: 600, resolution: '4MP' });
    assert.equal('resolution' in sides.parameters, false);
    assert.deepEqual([sides.parameters['w'], sides.parameters['h']], [800, 608]);
    assert.deepEqual(adjusted(sides), [
      ['height', 600, 608],
      ['resolution', '4MP', '800x608'],
    ]);
    const matched = map({ resolution: 'match_input_image', aspect_ratio: '16:9' });
    assert.equal(matched.parameters['resolution'], 'match_input_image');
    assert.equal(expectedSize(matched), null);
  });
});
