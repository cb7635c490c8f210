import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { checkInput } from '../catalog/check-input.ts';
import type { Model, Route } from '../catalog/model.ts';
import { modelForTests } from '../catalog/test-catalog.ts';
import type { MediaFacts } from '../core/media-port.ts';
import { measureInputs } from './measure-inputs.ts';

const FACTS: MediaFacts = {
  kind: 'image',
  contentType: 'image/png',
  extension: 'png',
  sizeBytes: 1,
  sha256: '00',
  width: 2_048,
  height: 1_024,
  seconds: null,
  hasSignedProvenance: false,
  digitalSourceType: null,
};

/** The model for a flat price, with one rule for the factor on its only route. */
function flatModel(rule: Route['map'][string]): Model {
  const model = modelForTests('topaz-image-upscale');
  const [route] = model.routes;
  assert.ok(route);
  const { since, derived, source } = model.price;
  return {
    ...model,
    price: { mode: 'flat', credits: 8, since, derived, source },
    routes: [{ ...route, map: { ...route.map, upscale_factor: rule } }],
  };
}

function measured(model: Model, facts: MediaFacts): ReturnType<typeof measureInputs> {
  const checked = checkInput(model, { model: model.id, [model.paramsField]: { image: 'https://example.com/a.png' } });
  assert.ok(checked.ok);
  return measureInputs(
    { inputs: { measure: () => Promise.resolve(facts), read: () => assert.fail(), isOurs: () => false } },
    { model, input: checked.input },
  );
}

describe('files are measured before anything is held', () => {
  const enlarged = flatModel({ rule: 'enlarged-width', to: 'w', of: 'image', maximum: 9, reason: 'No wider.' });

  it('where a route goes by them, whatever the price goes by', async () => {
    assert.deepEqual(await measured(enlarged, FACTS), {
      image: { seconds: null, megapixels: 2, width: 2_048, height: 1_024 },
    });
  });

  it('and not where neither does', async () => {
    assert.deepEqual(await measured(flatModel({ rule: 'rename', to: 'factor' }), FACTS), {});
  });

  it('and a file that tells no width is refused by its name', async () => {
    await assert.rejects(measured(enlarged, { ...FACTS, kind: 'audio', width: null, height: null }), (error: unknown) =>
      /topazUpscaleParams\.image/.test(JSON.stringify(error)),
    );
  });
});
