import assert from 'node:assert/strict';
import { it } from 'node:test';

import { modelForTests } from '../catalog/test-catalog.ts';
import { missingDestinations } from './missing-destinations.ts';

const models = new Map([['flux-lora', modelForTests('flux-lora')]]);

it('names each provider that trains nothing yet, with the setting that it lacks', () => {
  assert.deepEqual(missingDestinations({ models }, { providerDestinations: {} }), [
    { provider: 'replicate', models: ['flux-lora'], setting: 'LUMEGATE_PROVIDER_REPLICATE_DESTINATION' },
  ]);
});

it('names nobody once the operator has said where', () => {
  assert.deepEqual(missingDestinations({ models }, { providerDestinations: { replicate: 'acme/loras' } }), []);
});
