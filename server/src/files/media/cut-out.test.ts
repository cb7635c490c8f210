import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';

import { cutOut, fitMask, type Mask } from './cut-out.ts';
import type { DecodedPicture } from './picture-decoder.ts';

const side = fc.integer({ min: 1, max: 12 });
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc
    .array(fc.oneof(fc.constantFrom(0, 255), fc.nat(255)), { minLength: length, maxLength: length })
    .map((made) => Uint8Array.from(made));
const maskOf = (width: number, height: number): fc.Arbitrary<Mask> =>
  bytes(width * height).map((made) => ({ width, height, bytes: made }));
const anyMask = fc.tuple(side, side).chain(([width, height]) => maskOf(width, height));

const pictureWithMask = fc.tuple(side, side).chain(([width, height]) =>
  fc.record({
    picture: fc.record<DecodedPicture>({
      width: fc.constant(width),
      height: fc.constant(height),
      colours: bytes(3 * width * height).map((made) => Buffer.from(made)),
      alpha: fc.option(bytes(width * height).map((made) => Buffer.from(made))),
    }),
    mask: maskOf(width, height),
  }),
);

it('a cut-out has the transparency of its mask and the colours of its picture, and none where nothing stays', () => {
  fc.assert(
    fc.property(pictureWithMask, ({ picture, mask }) => {
      const given = Buffer.from(picture.colours);
      const made = cutOut(picture, mask);
      for (let index = 0; index < mask.bytes.length; index += 1) {
        const was = picture.alpha?.[index] ?? 255;
        const stays = Math.round(((mask.bytes[index] ?? 0) * was) / 255);
        assert.equal(made.alpha?.[index], stays);
        const colour = [...made.colours.subarray(3 * index, 3 * index + 3)];
        assert.deepEqual(colour, stays === 0 ? [0, 0, 0] : [...given.subarray(3 * index, 3 * index + 3)]);
      }
      assert.deepEqual(picture.colours, given, 'the picture itself is as it was');
    }),
  );
});

it('a mask in another size stays between its own darkest and lightest, and keeps one colour as it is', () => {
  fc.assert(
    fc.property(anyMask, side, side, (mask, width, height) => {
      const fitted = fitMask(mask, { width, height });
      assert.equal(fitted.bytes.length, width * height);
      assert.ok(Math.min(...fitted.bytes) >= Math.min(...mask.bytes));
      assert.ok(Math.max(...fitted.bytes) <= Math.max(...mask.bytes));
    }),
  );
});

it('a mask that is turned round is fitted turned round: it lies aside to no side', () => {
  fc.assert(
    fc.property(anyMask, side, side, (mask, width, height) => {
      const turned = { ...mask, bytes: mask.bytes.toReversed() };
      const fitted = fitMask(mask, { width, height }).bytes;
      const back = fitMask(turned, { width, height }).bytes.toReversed();
      // What lies between two whole numbers may be rounded either way.
      fitted.forEach((value, index) => assert.ok(Math.abs(value - (back[index] ?? 0)) <= 1));
    }),
  );
});

it('an edge stays where it is when its mask is made larger', () => {
  const mask = { width: 4, height: 1, bytes: Uint8Array.of(0, 0, 200, 200) };
  assert.deepEqual([...fitMask(mask, { width: 8, height: 1 }).bytes], [0, 0, 0, 50, 150, 200, 200, 200]);
});
