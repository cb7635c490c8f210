import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { checkInput } from './check-input.ts';
import { mapParameters, type MappableInput, type MappedParameters } from './parameter-map.ts';
import { modelForTests } from './test-catalog.ts';

const model = modelForTests('topaz-image-upscale');

/** Maps a factor on a route whose provider makes pictures of at most 5,000 pixels in width. */
function enlarged(factor: number, inputs: MappableInput['inputs']): MappedParameters {
  const [route] = model.routes;
  assert.ok(route);
  const rule = { rule: 'enlarged-width', to: 'w', of: 'image', maximum: 5_000, reason: 'No wider.' } as const;
  const given = { image: 'https://example.com/a.png', upscale_factor: factor };
  const checked = checkInput(model, { model: model.id, [model.paramsField]: given });
  assert.ok(checked.ok);
  const input = inputs === undefined ? checked.input : { ...checked.input, inputs };
  return mapParameters(model, { ...route, map: { upscale_factor: rule } }, input);
}

function wide(width: number | null): MappableInput['inputs'] {
  return { image: { seconds: null, megapixels: 1, width, height: 1 } };
}

describe('the rule for enlarged sides', () => {
  it('the measured width of the file times the factor is sent', () => {
    assert.deepEqual(enlarged(2, wide(1_201)).parameters['w'], 2_402);
    assert.deepEqual(enlarged(1, wide(5_000)).parameters['w'], 5_000);
    assert.deepEqual(enlarged(1, wide(5_000)).adjustments, []);
  });

  it('what would be wider than the provider makes is told', () => {
    const { parameters, adjustments } = enlarged(6, wide(1_000));
    assert.equal(parameters['w'], 5_000);
    assert.deepEqual(adjustments, [{ parameter: 'upscale_factor', asked: 6, applied: 5_000, reason: 'No wider.' }]);
  });

  it('a file that was not measured is a fault, not a picture of its old size', () => {
    assert.throws(() => enlarged(2, wide(null)), RangeError);
    assert.throws(() => enlarged(2, undefined), RangeError);
  });
});
