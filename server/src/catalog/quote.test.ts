import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { MICRO_PER_CREDIT } from '../core/money.ts';
import { checkInput } from './check-input.ts';
import type { JsonValue } from './json-value.ts';
import { megapixelsIn } from './megapixels.ts';
import { priceRange, quote, quoteDelivered, type Delivered } from './quote.ts';
import { modelForTests } from './test-catalog.ts';

function credits(id: string, parameters: Record<string, JsonValue> = {}): number {
  const model = modelForTests(id);
  const checked = checkInput(model, { model: id, prompt: 'x', fluxParams: parameters });
  assert.ok(checked.ok, JSON.stringify(checked));
  return quote(model, checked.input).priceMicro / MICRO_PER_CREDIT;
}

const pictures = (count: number): string[] => Array.from({ length: count }, () => 'https://example.com/a.png');

describe('quote', () => {
  it('flat models cost what their files say, whatever is asked', () => {
    assert.equal(credits('flux-1.1-pro'), 5);
    assert.equal(credits('flux-1.1-pro', { aspect_ratio: '16:9', output_format: 'png', width: 2048 }), 5);
    assert.equal(credits('flux-1.1-pro-ultra'), 8);
    assert.equal(credits('flux-2-dev', { input_images: pictures(10) }), 2);
    assert.equal(quote(modelForTests('flux-fill-pro'), { parameters: {} }).priceMicro, 5 * MICRO_PER_CREDIT);
  });

  it('priced by the megapixel, each begun one counts and the sum is rounded up once', () => {
    assert.equal(credits('flux-2-pro'), 3);
    assert.equal(credits('flux-2-pro', { resolution: '0.5MP' }), 3);
    assert.equal(credits('flux-2-pro', { resolution: '2MP' }), 5); // 3 + 1.5 = 4.5
    assert.equal(credits('flux-2-pro', { resolution: '4MP' }), 8); // 3 + 3 × 1.5 = 7.5
    assert.equal(credits('flux-2-pro', { resolution: '2MP', input_images: pictures(1) }), 6); // 4.5 + 1.5, not 5 + 2
    assert.equal(credits('flux-2-max', { resolution: '4MP', input_images: pictures(2) }), 22); // 7 + 3 × 3 + 2 × 3
    assert.equal(credits('flux-2-flex', { resolution: '2MP', input_images: pictures(2) }), 20);
  });

  it('sides in pixels decide the size; one side alone costs as much as it may turn out', () => {
    assert.equal(credits('flux-2-pro', { width: 1024, height: 1024, resolution: '4MP' }), 3);
    assert.equal(credits('flux-2-pro', { width: 1024, height: 1025 }), 5);
    assert.equal(credits('flux-2-pro', { width: 2048, height: 2048 }), 8);
    assert.equal(credits('flux-2-pro', { width: 1024 }), 8);
  });

  it('a size that depends on the input picture costs the largest', () => {
    assert.equal(credits('flux-2-pro', { resolution: 'match_input_image' }), 8);
  });

  it('every price lies within the range that is shown', () => {
    assert.deepEqual(priceRange(modelForTests('flux-1.1-pro')), { min: 5, max: 5 });
    assert.deepEqual(priceRange(modelForTests('flux-2-pro')), { min: 3, max: 23 }); // 3 + 4.5 + 10 × 1.5 = 22.5
    assert.equal(credits('flux-2-pro', { resolution: '4MP', input_images: pictures(10) }), 23);
  });

  it('says how the price came about, and by which version of it', () => {
    const model = modelForTests('flux-2-pro');
    const { parts, pricingMode, priceVersion } = quote(model, {
      parameters: { resolution: '2MP', input_images: pictures(2) },
    });
    assert.deepEqual(parts, [
      'first megapixel: 3 credits',
      '1 further megapixel: 1.5 credits',
      '2 input pictures: 3 credits',
      'sum, rounded up: 8 credits',
    ]);
    assert.equal(pricingMode, 'per-output');
    assert.match(priceVersion, /^\d{4}-\d\d-\d\d-[0-9a-f]{12}$/);
  });

  it('without a price there is no quote', () => {
    assert.throws(() => quote(modelForTests('flux-2-pro'), { parameters: { resolution: '9MP' } }), RangeError);
  });
});

describe('quoteDelivered', () => {
  const charged = (id: string, given: Record<string, JsonValue>, delivered: Delivered): number => {
    const model = modelForTests(id);
    const checked = checkInput(model, { model: id, prompt: 'x', fluxParams: given });
    assert.ok(checked.ok);
    return quoteDelivered(model, checked.input, delivered) / MICRO_PER_CREDIT;
  };
  const whole = { outputs: 1, ordered: 1, megapixels: null, seconds: null };

  it('what was ordered costs the quote', () => {
    assert.equal(charged('flux-1.1-pro', {}, whole), 5);
    assert.equal(charged('flux-2-pro', { resolution: '4MP' }, { ...whole, megapixels: 4 }), 8);
  });

  it('flat prices go by the count alone, rounded up to whole credits', () => {
    assert.equal(charged('flux-1.1-pro', {}, { ...whole, megapixels: 0.1 }), 5);
    assert.equal(charged('flux-1.1-pro', {}, { ...whole, ordered: 2 }), 3);
    assert.equal(charged('flux-1.1-pro', {}, { ...whole, outputs: 0 }), 0);
  });

  it('prices by the megapixel go by the measured size, with the input pictures', () => {
    assert.equal(charged('flux-2-pro', { resolution: '4MP' }, { ...whole, megapixels: 0.98 }), 3);
    assert.equal(charged('flux-2-pro', { resolution: '4MP' }, { ...whole, megapixels: 1.2 }), 5);
    assert.equal(
      charged('flux-2-max', { resolution: '4MP', input_images: pictures(2) }, { ...whole, megapixels: 1 }),
      13,
    );
    assert.equal(charged('flux-2-pro', { resolution: '4MP' }, whole), 8);
  });

  it('never more than the quote, whatever was delivered', () => {
    assert.equal(charged('flux-2-pro', {}, { ...whole, megapixels: 16 }), 3);
    assert.equal(charged('flux-1.1-pro', {}, { ...whole, outputs: 4 }), 5);
    assert.throws(() => charged('flux-1.1-pro', {}, { ...whole, ordered: 0 }), RangeError);
  });

  it('megapixels are those that prices count in', () => {
    assert.equal(megapixelsIn({ width: 1024, height: 1024 }), 1);
    assert.equal(megapixelsIn({ width: 2048, height: 1024 }), 2);
  });

  it('has a price for texts that every object has a part of', () => {
    const seedream = modelForTests('seedream-5-pro');
    for (const size of ['toString', 'constructor', '__proto__'])
      assert.ok(quote(seedream, { parameters: { size } }).priceMicro > 0, size);
  });
});
