import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { JsonValue } from './json-value.ts';
import { expectedCost } from './expected-cost.ts';
import type { PerMegapixelCost, RouteCost } from './model.ts';
import { modelForTests } from './test-catalog.ts';

const FACTS = { on: '2026-11-22', source: 'A test.', grade: 'A', lossReason: null } as const;
const BY_SIZE: PerMegapixelCost = {
  mode: 'per-megapixel',
  firstMicroUsd: 30_000,
  furtherMicroUsd: 15_000,
  inputMicroUsd: 15_000,
  roundUp: true,
  ...FACTS,
};
const model = modelForTests('flux-2-pro');

function cost(rule: RouteCost | null, given: Record<string, JsonValue> = {}): number | null {
  const route = model.routes.find(({ provider }) => provider === 'bfl');
  assert.ok(route);
  const parameters = { aspect_ratio: '1:1', resolution: '1MP', output_format: 'jpg', output_quality: 90, ...given };
  return expectedCost(model, { ...route, cost: rule }, { parameters });
}

describe('expectedCost', () => {
  it('is what the file says, nothing on the own machine, and null where nobody knows', () => {
    assert.equal(cost({ mode: 'flat', microUsd: 40_000, ...FACTS }), 40_000);
    assert.equal(cost({ mode: 'none' }), 0);
    assert.equal(cost(null), null);
  });

  it('counts further megapixels when begun, by the size that the route orders', () => {
    assert.equal(cost(BY_SIZE), 30_000);
    assert.equal(cost(BY_SIZE, { resolution: '0.5MP' }), 30_000);
    assert.equal(cost(BY_SIZE, { resolution: '4MP' }), 75_000);
    assert.equal(cost(BY_SIZE, { width: 1024, height: 1040 }), 45_000);
  });

  it('or by the pixel, rounded up to whole micro-dollars', () => {
    const exact = { ...BY_SIZE, roundUp: false };
    assert.equal(cost(exact, { width: 1024, height: 1040 }), 30_235); // 1 + 1/64 megapixels: 234.375 more
    assert.equal(cost(exact), 30_000);
  });

  it('counts each input picture that is sent as one megapixel', () => {
    const pictures = Array.from({ length: 10 }, () => 'https://example.com/a.png');
    assert.equal(cost(BY_SIZE, { input_images: pictures.slice(0, 2) }), 60_000);
    assert.equal(cost(BY_SIZE, { input_images: pictures }), 30_000 + 8 * 15_000);
  });

  it('is null where the input picture decides the size', () => {
    assert.equal(cost(BY_SIZE, { resolution: 'match_input_image' }), null);
  });
});
