import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { checkInput } from './check-input.ts';
import { textOf, type JsonValue } from './json-value.ts';
import type { MapRule } from './map-rule.ts';
import type { Model } from './model.ts';
import { mapParameters, withFiles, type MappedParameters } from './parameter-map.ts';
import { modelForTests } from './test-catalog.ts';

const URL_A = 'https://example.com/a.png';

/** Maps a request for the model's first route, some of whose rules may be replaced. */
function mapped(
  id: string,
  given: Record<string, JsonValue>,
  changes: { rules?: Record<string, MapRule>; constants?: Record<string, JsonValue> } = {},
): MappedParameters {
  const model: Model = modelForTests(id);
  const [route] = model.routes;
  assert.ok(route);
  const body =
    model.prompt === null ? { [model.paramsField]: given } : { prompt: 'a red kite', [model.paramsField]: given };
  const checked = checkInput(model, { model: id, ...body });
  assert.ok(checked.ok, JSON.stringify(checked));
  const changed = { ...route, map: { ...route.map, ...changes.rules }, constants: changes.constants ?? {} };
  return mapParameters(model, changed, checked.input);
}

describe('mapParameters', () => {
  it('sends prompt, defaults and pixels for the smallest request, and has nothing to report', () => {
    assert.deepEqual(mapped('flux-1.1-pro', {}), {
      parameters: {
        prompt: 'a red kite',
        width: 1024,
        height: 1024,
        image_prompt_strength: 0.5,
        output_format: 'jpg',
        output_quality: 90,
        raw: false,
      },
      files: [],
      adjustments: [],
      size: { width: 1024, height: 1024, isExact: true },
    });
  });

  it('renames, translates values and adds constants', () => {
    const { parameters, adjustments } = mapped(
      'flux-1.1-pro',
      { output_format: 'jpg', seed: 7 },
      {
        rules: {
          output_format: { rule: 'values', to: 'format', values: { jpg: 'jpeg', png: 'png', webp: 'webp' } },
          seed: { rule: 'rename', to: 'random_seed' },
        },
        constants: { safety_tolerance: 2 },
      },
    );
    assert.equal(parameters['format'], 'jpeg');
    assert.equal(parameters['random_seed'], 7);
    assert.equal(parameters['safety_tolerance'], 2);
    assert.equal('output_format' in parameters || 'seed' in parameters, false);
    assert.deepEqual(adjustments, []);
  });

  it('reports a dropped wish, but neither a default nor a wish for what happens anyway', () => {
    const rules: Record<string, MapRule> = { raw: { rule: 'drop', reason: 'No raw mode here.' } };
    assert.deepEqual(mapped('flux-1.1-pro', { raw: true }, { rules }).adjustments, [
      { parameter: 'raw', asked: true, applied: null, reason: 'No raw mode here.' },
    ]);
    assert.deepEqual(mapped('flux-1.1-pro', { raw: false }, { rules }).adjustments, []);
    assert.deepEqual(mapped('flux-1.1-pro', {}, { rules }).adjustments, []);
    assert.equal('raw' in mapped('flux-1.1-pro', { raw: true }, { rules }).parameters, false);
  });

  it('cuts a list that is too long, and says so', () => {
    const urls = Array.from({ length: 10 }, (_, index) => `https://example.com/${index}.png`);
    const { parameters, adjustments } = mapped('flux-2-pro', { input_images: urls });
    assert.deepEqual(parameters['input_images'], urls.slice(0, 8));
    assert.deepEqual(
      adjustments.map(({ parameter, asked, applied }) => [parameter, asked, applied]),
      [['input_images', urls, urls.slice(0, 8)]],
    );
    assert.deepEqual(mapped('flux-2-pro', { input_images: urls.slice(0, 8) }).adjustments, []);
  });

  it('brings a ratio that nobody can draw to the nearest one, and says so', () => {
    const cases = { '0:5': [256, 1440], '5:0': [1440, 256], '1:1000': [256, 1440], '0:0': [1024, 1024] };
    for (const [asked, [width, height]] of Object.entries(cases)) {
      const { parameters, adjustments } = mapped('flux-1.1-pro', { aspect_ratio: asked });
      assert.deepEqual([parameters['width'], parameters['height']], [width, height], asked);
      assert.deepEqual(
        adjustments.map((one) => [one.parameter, one.asked, one.applied]),
        [['aspect_ratio', asked, `${width}x${height}`]],
      );
    }
    const endless = `${'9'.repeat(5000)}:1`;
    assert.equal(textOf(mapped('flux-1.1-pro', { aspect_ratio: endless }).adjustments[0]?.asked).length, 200);
  });

  it('keeps within the shapes a model can make', () => {
    const { parameters, adjustments } = mapped('flux-1.1-pro-ultra', { aspect_ratio: '4:1' });
    const shape = Number(parameters['width']) / Number(parameters['height']);
    assert.ok(Math.abs(shape - 21 / 9) < 0.1, String(shape));
    assert.equal(adjustments.length, 1);
    assert.deepEqual(mapped('flux-1.1-pro-ultra', { aspect_ratio: '9:21' }).adjustments, []);
  });

  it('takes the size from the resolution, and from sides in pixels before that', () => {
    const size = (given: Record<string, JsonValue>): JsonValue[] => {
      const { parameters } = mapped('flux-2-pro', given);
      return [parameters['width'] ?? null, parameters['height'] ?? null];
    };
    assert.deepEqual(size({ resolution: '4MP' }), [2048, 2048]);
    assert.deepEqual(size({ width: 1024, height: 512, resolution: '4MP' }), [1024, 512]);
    assert.deepEqual(size({ width: 1024, aspect_ratio: '2:1' }), [1024, 512]);
    assert.deepEqual(size({ height: 512, aspect_ratio: '2:1' }), [1024, 512]);
  });

  it('tells which of two contradicting wishes came first, and what was rounded', () => {
    const { adjustments } = mapped('flux-2-pro', { width: 1000, height: 512, aspect_ratio: '16:9', resolution: '2MP' });
    assert.deepEqual(
      adjustments.map(({ parameter, applied }) => [parameter, applied]),
      [
        ['width', 1008],
        ['aspect_ratio', '1008x512'],
        ['resolution', '1008x512'],
      ],
    );
  });

  it('says that the sandbox does not measure input pictures', () => {
    const { parameters, adjustments } = mapped('flux-2-max', { resolution: 'match_input_image' });
    assert.deepEqual([parameters['width'], parameters['height']], [1024, 1024]);
    assert.deepEqual(
      adjustments.map(({ parameter }) => parameter),
      ['resolution'],
    );
  });

  it('takes the prompt of an edit from its parameters', () => {
    const { parameters } = mapped('flux-fill-pro', {
      prompt: 'stars',
      image: 'https://example.com/a.png',
      mode: 'inpaint',
    });
    assert.equal(parameters['prompt'], 'stars');
    assert.equal(parameters['image'], 'https://example.com/a.png');
    assert.equal(parameters['mode'], 'inpaint');
  });

  it('no name of any model is lost: each one given is sent, read or reported', () => {
    const values: Record<string, JsonValue> = {
      prompt: 'x',
      aspect_ratio: '16:9',
      resolution: '2MP',
      input_images: ['https://example.com/a.png'],
      output_format: 'png',
      output_quality: 50,
      image_prompt: 'https://example.com/b.png',
      image_prompt_strength: 0.9,
      raw: true,
      seed: 3,
      go_fast: true,
      guidance: 4,
      steps: 9,
      prompt_upsampling: true,
      image: 'https://example.com/c.png',
      mask: 'https://example.com/d.png',
      mode: 'inpaint',
      outpaint: 'Make square',
      safety_tolerance: 5,
    };
    for (const id of [
      'flux-1.1-pro',
      'flux-1.1-pro-ultra',
      'flux-2-pro',
      'flux-2-dev',
      'flux-2-flex',
      'flux-2-max',
      'flux-fill-pro',
    ]) {
      const model = modelForTests(id);
      const given = Object.fromEntries(
        Object.entries(values).filter(([name]) => Object.hasOwn(model.parameters, name)),
      );
      const { parameters, adjustments } = mapped(id, given);
      for (const [name, value] of Object.entries(given)) {
        const isSent = parameters[name] === value || (Array.isArray(value) && Array.isArray(parameters[name]));
        const isRead = ['aspect_ratio', 'resolution'].includes(name) && typeof parameters['width'] === 'number';
        const isDefault = model.parameters[name]?.default === value;
        assert.ok(
          isSent || isRead || isDefault || adjustments.some(({ parameter }) => parameter === name),
          `${id}: ${name}`,
        );
      }
    }
  });
});

describe('a list that several parameters write to', () => {
  const picture: MapRule = { rule: 'file', to: 'content', as: 'url', shape: { first: '{}' }, adds: true };
  const prompt: MapRule = { rule: 'rename', to: 'content.0.text' };
  const constants = { content: [{ type: 'text' }] };
  const text = { type: 'text', text: 'a red kite' };

  it('holds what the route begins it with, and each file behind the one before', () => {
    const one = mapped(
      'flux-1.1-pro',
      { image_prompt: URL_A },
      { rules: { prompt, image_prompt: picture }, constants },
    );
    assert.deepEqual(withFiles(one, ['x'])['content'], [text, { first: 'x' }]);
    const files: MapRule = { rule: 'files', to: 'content', as: 'url', max: 2, shape: { seen: '{}' }, adds: true };
    const two = mapped(
      'flux-2-pro',
      { input_images: [URL_A, URL_A] },
      { rules: { prompt, input_images: files }, constants },
    );
    assert.deepEqual(withFiles(two, ['x', 'y'])['content'], [text, { seen: 'x' }, { seen: 'y' }]);
    const beside = { ...two, files: [...one.files, ...two.files] };
    assert.deepEqual(withFiles(beside, ['a', 'x', 'y'])['content'], [
      text,
      { first: 'a' },
      { seen: 'x' },
      { seen: 'y' },
    ]);
  });
});

describe('a size with a least area and free words', () => {
  const rule: MapRule = {
    rule: 'aspect-ratio-to-pixels',
    to: { text: 'size' },
    areaPixels: 1_048_576,
    multiple: 16,
    sideMin: 256,
    sideMax: 8_192,
    areaFrom: { parameter: 'resolution', areaPixels: { '1MP': 1_048_576 }, substitutes: {}, otherwise: 'Only 1MP.' },
    sidesFrom: { width: 'width', height: 'height', areaPixelsMax: 16_777_216, areaPixelsMin: 3_686_400 },
  };
  const sized = (given: Record<string, JsonValue>): MappedParameters =>
    mapped('flux-2-pro', given, { rules: { aspect_ratio: rule } });

  it('lets sides grow in their shape up to the area, and leaves larger ones', () => {
    assert.equal(sized({ width: 640, height: 360 }).parameters['size'], '2560x1440');
    assert.equal(sized({ width: 2048, height: 2000 }).parameters['size'], '2048x2000');
  });

  it('tells of a word that names no area, and of no other', () => {
    const told = (given: Record<string, JsonValue>): unknown =>
      sized(given).adjustments.map(({ parameter, asked, reason }) => [parameter, asked, reason]);
    assert.deepEqual(told({ resolution: '4MP' }), [['resolution', '4MP', 'Only 1MP.']]);
    assert.deepEqual(told({ resolution: '1MP' }), []);
    assert.deepEqual(told({}), []);
  });
});
