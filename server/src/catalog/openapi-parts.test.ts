import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import { checkInput } from './check-input.ts';
import { loadCatalog } from './load-catalog.ts';
import { describeModel, requestSchema } from './openapi-parts.ts';
import { CATALOG_FOLDER, modelForTests } from './test-catalog.ts';

// strictRequired would forbid the `not` that keeps the two spellings of the webhook's address apart.
const ajv = new Ajv2020({ strict: true, strictRequired: false });
// Safe: the package is CommonJS, and its function arrives as the default export itself.
(addFormats as unknown as (target: Ajv2020) => void)(ajv);

describe('requestSchema', () => {
  it('is valid JSON Schema, passes the examples and refuses what checkInput refuses', () => {
    for (const model of loadCatalog(CATALOG_FOLDER).models.values()) {
      const validate = ajv.compile(requestSchema(model));
      const [example] = model.examples;
      const body = { model: model.id, ...example?.input };
      assert.ok(validate(body), ajv.errorsText(validate.errors));
      const routed = { ...body, routing: { providers: ['bfl', 'fal'], fallback: 'exact', maxCredits: 2.5 } };
      assert.ok(validate(routed), ajv.errorsText(validate.errors));
      assert.ok(checkInput(model, routed).ok);
      const strange = [
        { ...body, stray: 1 },
        { ...body, model: 'other' },
        { ...body, [model.paramsField]: { stray: 1 } },
        { ...body, [model.paramsField]: { seed: 2 ** 60 } },
        { ...body, webhookUrl: 'https://example.com', webhook_url: 'https://example.com' },
        { ...body, webhookEvents: [] },
        { ...body, routing: { providers: [] } },
        { ...body, routing: { providers: ['bfl', 'bfl'] } },
        { ...body, routing: { providers: ['BFL'] } },
        { ...body, routing: { fallback: 'any' } },
        { ...body, routing: { maxCredits: 0 } },
        { ...body, routing: { stray: 1 } },
        model.prompt === null ? { model: model.id } : { ...body, prompt: '' },
      ];
      for (const wrong of strange) {
        assert.equal(validate(wrong), false, JSON.stringify(wrong));
        assert.equal(checkInput(model, wrong).ok, false, JSON.stringify(wrong));
      }
    }
  });

  it('carries a text for each name and none of our private words', () => {
    const text = JSON.stringify(requestSchema(modelForTests('flux-1.1-pro')));
    assert.doesNotMatch(text, /"x-/);
    assert.match(text, /"guidance":\{[^}]*ignored/);
  });
});

describe('describeModel', () => {
  it('says of flux-1.1-pro what its page needs', () => {
    const description = describeModel(modelForTests('flux-1.1-pro'));
    assert.deepEqual(
      { ...description, parameters: description.parameters.map(({ name, default: preset }) => [name, preset]) },
      {
        id: 'flux-1.1-pro',
        label: 'FLUX1.1 [pro]',
        modality: 'image',
        description: modelForTests('flux-1.1-pro').tagline,
        costMin: 5,
        costMax: 5,
        pricingMode: 'flat',
        family: 'flux',
        maker: { name: 'Black Forest Labs', url: 'https://bfl.ai' },
        endpoint: '/v2/images/generate',
        paramsKey: 'fluxParams',
        paramsRequired: false,
        promptLengthMax: 2000,
        parameters: [
          ['aspect_ratio', '1:1'],
          ['image_prompt', null],
          ['image_prompt_strength', 0.5],
          ['output_format', 'jpg'],
          ['output_quality', 90],
          ['raw', false],
          ['seed', null],
        ],
        ignored: ['go_fast', 'guidance', 'height', 'input_images', 'prompt_upsampling', 'resolution', 'steps', 'width'],
        availability: { state: 'live' },
        sandbox: { available: true, only: false },
        measuredSeconds: null,
      },
    );
    const ratio = description.parameters.find(({ name }) => name === 'aspect_ratio');
    assert.deepEqual(ratio?.choices, ['1:1', '3:4', '4:3', '9:16', '16:9']);
    assert.equal(ratio?.choicesOnly, false);
  });

  it('shows the range of a price that depends on the request', () => {
    const { costMin, costMax, pricingMode } = describeModel(modelForTests('flux-2-flex'));
    assert.deepEqual({ costMin, costMax, pricingMode }, { costMin: 5, costMax: 70, pricingMode: 'per-output' });
  });
});
