import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inflateSync } from 'node:zlib';

import type { PictureFormat } from './double.ts';
import { createPainter } from './picture.ts';
import { encodePngBomb } from './png.ts';
import { readPicture } from './read-picture.ts';

const SIZES = [
  { width: 1024, height: 768 },
  { width: 1, height: 1 },
  { width: 333, height: 2048 },
];

describe('the pictures of the doubles', () => {
  const painter = createPainter();
  for (const format of ['png', 'jpeg', 'webp'] satisfies PictureFormat[]) {
    it(`${format}: the head says exactly the asked format and size, padded or not`, async () => {
      for (const size of SIZES) {
        for (const bytesMin of [null, 100_000]) {
          const file = await painter.paint({ ...size, format }, 3, bytesMin);
          assert.deepEqual(readPicture(file), { format, ...size });
          if (bytesMin !== null) assert.equal(file.length, bytesMin);
        }
      }
    });
  }

  it('png: the rows inflate to as many bytes as the head promises', async () => {
    const png = await painter.paint({ width: 101, height: 50, format: 'png' }, 0, null);
    const rows = inflateSync(chunkOf(png, 'IDAT'));
    assert.equal(rows.length, 50 * (1 + Math.ceil(101 / 2)));
  });

  it('jpeg: the scan has two bits for each part of each block, and ends with the end marker', async () => {
    const jpeg = await painter.paint({ width: 800, height: 800, format: 'jpeg' }, 0, null);
    assert.equal(jpeg.readUInt16BE(jpeg.length - 2), 0xffd9);
    const blocks = 100 * 100;
    const scanBytes = jpeg.length - jpeg.indexOf(Buffer.from([0xff, 0xda])) - 12 - 2 - 2;
    assert.ok(Math.abs(scanBytes - (blocks * 6) / 8) < 20, `${scanBytes} bytes`);
  });

  it('the bomb claims 30,000 × 30,000 pixels in less than 200 kB and really inflates to them', async () => {
    const bomb = await encodePngBomb();
    assert.deepEqual(readPicture(bomb), { format: 'png', width: 30_000, height: 30_000 });
    assert.ok(bomb.length < 200_000, `${bomb.length} bytes`);
    assert.equal(inflateSync(chunkOf(bomb, 'IDAT')).length, 30_000 * (1 + 30_000 / 8));
  });

  it('reads no picture out of other bytes', () => {
    for (const text of ['', 'no picture', '<!doctype html><title>none</title>', '\u0089PNG\r\n']) {
      assert.equal(readPicture(Buffer.from(text, 'latin1')), null);
    }
  });
});

function chunkOf(png: Buffer, type: string): Buffer {
  const at = png.indexOf(type, 0, 'latin1');
  return png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4));
}
