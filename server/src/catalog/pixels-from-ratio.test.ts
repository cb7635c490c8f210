import assert from 'node:assert/strict';
import { it } from 'node:test';

import fc from 'fast-check';

import { nearestSize, ratioOf, sizeForRatio } from './pixels-from-ratio.ts';

const ONE_MEGAPIXEL = 1_048_576;
const limits = { multiple: 32, sideMin: 256, sideMax: 1440 };

it('the usual ratios get the usual sizes', () => {
  const sizes = {
    '1:1': '1024x1024',
    '16:9': '1344x768',
    '9:16': '768x1344',
    '4:3': '1152x864',
    '3:4': '864x1152',
    '3:2': '1248x832',
  };
  for (const [ratio, expected] of Object.entries(sizes)) {
    const { width, height } = sizeForRatio(ratioOf(ratio) ?? 0, ONE_MEGAPIXEL, limits);
    assert.equal(`${width}x${height}`, expected, ratio);
  }
});

it('whatever the ratio, the sides keep their limits and the area is not exceeded', () => {
  const ratio = fc.tuple(fc.integer({ min: 256, max: 1440 }), fc.integer({ min: 256, max: 1440 }));
  fc.assert(
    fc.property(ratio, fc.constantFrom(524_288, ONE_MEGAPIXEL, 2_097_152), ([wide, high], areaPixels) => {
      const { width, height } = sizeForRatio(wide / high, areaPixels, limits);
      assert.ok(width % 32 === 0 && height % 32 === 0);
      assert.ok(Math.min(width, height) >= 256 && Math.max(width, height) <= 1440);
      assert.ok(width * height <= areaPixels, `${width}x${height}`);
    }),
  );
});

it('upright and lying ratios mirror each other', () => {
  for (const [wide, high] of [
    [16, 9],
    [3, 2],
    [21, 9],
    [7, 5],
    [1440, 256],
  ] as const) {
    const lying = sizeForRatio(wide / high, ONE_MEGAPIXEL, limits);
    const upright = sizeForRatio(high / wide, ONE_MEGAPIXEL, limits);
    assert.deepEqual([upright.height, upright.width], [lying.width, lying.height]);
  }
});

it('sides in pixels are rounded, and shrunk in their own shape when too large', () => {
  const wider = { multiple: 16, sideMin: 256, sideMax: 4096 };
  assert.deepEqual(nearestSize({ width: 1000, height: 700 }, 4_194_304, wider), { width: 1008, height: 704 });
  assert.deepEqual(nearestSize({ width: 2048, height: 2048 }, 4_194_304, wider), { width: 2048, height: 2048 });
  const shrunk = nearestSize({ width: 2048, height: 1024 }, ONE_MEGAPIXEL, wider);
  assert.deepEqual(shrunk, { width: 1440, height: 720 });
  assert.deepEqual(nearestSize({ width: 1032, height: 1016 }, ONE_MEGAPIXEL, wider), { width: 1024, height: 1008 });
});

it('a ratio is read from its text, with its zeros and endless digits', () => {
  assert.equal(ratioOf('16:9'), 16 / 9);
  assert.equal(ratioOf('0:5'), 0);
  assert.equal(ratioOf('5:0'), Number.POSITIVE_INFINITY);
  assert.ok(Number.isNaN(ratioOf('0:0')));
  assert.equal(ratioOf(`${'9'.repeat(500)}:1`), Number.POSITIVE_INFINITY);
  assert.equal(ratioOf('wide'), null);
});
