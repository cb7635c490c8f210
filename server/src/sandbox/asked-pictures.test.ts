import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { askedPictures } from './asked-pictures.ts';

describe('what the sandbox is asked to draw', () => {
  const sizes: [input: Record<string, unknown>, size: { width: number; height: number } | null][] = [
    [{}, null],
    [{ aspect_ratio: 'match_input_image' }, null],
    [{ aspect_ratio: '16:9' }, { width: 1360, height: 768 }],
    [
      { resolution: '1K', aspect_ratio: '1:1' },
      { width: 1024, height: 1024 },
    ],
    [{ resolution: '1536x1024' }, { width: 1536, height: 1024 }],
    [{ size: '1280*720' }, { width: 1280, height: 720 }],
    [{ resolution: '4MP' }, { width: 2048, height: 2048 }],
    [{ resolution: '4K' }, { width: 2048, height: 2048 }],
    [{ aspect_ratio: '9999:1' }, { width: 4096, height: 256 }],
    [
      { width: 640, height: 480, aspect_ratio: '1:1' },
      { width: 640, height: 480 },
    ],
  ];
  for (const [input, size] of sizes)
    test(`${JSON.stringify(input)} is drawn as ${JSON.stringify(size)}`, () => {
      assert.deepEqual(askedPictures({ prompt: 'x', ...input }).size, size);
    });

  test('as many as asked, under whatever name, and never without end', () => {
    assert.equal(askedPictures({ prompt: 'x', n: 3 }).count, 3);
    assert.equal(askedPictures({ prompt: 'x', num_outputs: 4 }).count, 4);
    assert.equal(askedPictures({ prompt: 'x', n: 1e9 }).count, 16);
    assert.equal(askedPictures({ prompt: 'x', n: 'two' }).count, 1);
  });

  test('files are found wherever an address stands', () => {
    const input = {
      prompt: 'https://a.test/words',
      image_input: ['https://a.test/1.png', 'https://a.test/2.png'],
      mask: 'https://a.test/m.png',
    };
    assert.deepEqual(
      askedPictures(input).files.map(([name]) => name),
      ['image_input.0', 'image_input.1', 'mask'],
    );
  });
});
