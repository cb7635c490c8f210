import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import { CUT_PIXELS_MAX } from '../../core/tools-port.ts';
import { cutFile, showFile } from './cut-file.ts';
import { benchOf, type MediaBench } from './media-for-tests.ts';

/** 4 × 2 pixels, upright: red, green, blue and white above, black below. */
const UPRIGHT = Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, ...Array<number>(12).fill(0)]);
const small = (): Sharp => sharp(UPRIGHT, { raw: { width: 4, height: 2, channels: 3 } });
/** What stays: all of the upper row but its second pixel, of which a part does; nothing of the lower one. */
const KEPT = [255, 100, 255, 255, 0, 0, 0, 0];
const grey = (): Sharp => sharp(Buffer.from(KEPT), { raw: { width: 4, height: 2, channels: 1 } }).toColourspace('b-w');

interface Cut {
  bench: MediaBench;
  cut(picture: Buffer, mask: Buffer): Promise<number[]>;
}

async function cutterOf(context: TestContext): Promise<Cut> {
  const bench = await benchOf(context);
  return {
    bench,
    cut: async (picture, mask) => {
      const order = {
        from: await bench.put('given', picture),
        mask: await bench.put('mask', mask),
        to: bench.path('made'),
      };
      const result = await cutFile(order);
      assert.ok(result.ok, JSON.stringify(result));
      const { data, info } = await sharp(await readFile(order.to))
        .raw()
        .toBuffer({ resolveWithObject: true });
      assert.deepEqual([info.width, info.height, info.channels], [4, 2, 4]);
      return [...data];
    },
  };
}

/** The colours of `UPRIGHT` with the transparency of `KEPT`. */
const EXPECTED = [255, 0, 0, 255, 0, 255, 0, 100, 0, 0, 255, 255, 255, 255, 255, 255, ...Array<number>(16).fill(0)];

describe('a picture is cut out', () => {
  it('by a grey mask', async (context) => {
    const { cut } = await cutterOf(context);
    assert.deepEqual(await cut(await small().png().toBuffer(), await grey().png().toBuffer()), EXPECTED);
  });

  it('by the transparency of a mask that has any, whatever its colours', async (context) => {
    const { cut } = await cutterOf(context);
    const rgba = Buffer.from(KEPT.flatMap((value) => [255 - value, 7, 99, value]));
    const mask = await sharp(rgba, { raw: { width: 4, height: 2, channels: 4 } })
      .png()
      .toBuffer();
    assert.deepEqual(await cut(await small().png().toBuffer(), mask), EXPECTED);
    const webp = await sharp(rgba, { raw: { width: 4, height: 2, channels: 4 } })
      .webp({ lossless: true })
      .toBuffer();
    assert.deepEqual(await cut(await small().png().toBuffer(), webp), EXPECTED);
  });

  it('by a mask of 16 bits', async (context) => {
    const { cut } = await cutterOf(context);
    const mask = await grey().toColourspace('grey16').png().toBuffer();
    assert.equal((await sharp(mask).metadata()).depth, 'ushort');
    assert.deepEqual(await cut(await small().png().toBuffer(), mask), EXPECTED);
  });

  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    it(`as it is meant to be seen, stored in the orientation ${orientation}`, async (context) => {
      const { cut } = await cutterOf(context);
      const stored = await lyingBy(orientation);
      assert.deepEqual(await cut(stored, await grey().png().toBuffer()), EXPECTED);
    });
  }

  it('with 16 bits a channel', async (context) => {
    const { cut } = await cutterOf(context);
    const deep = await small().toColourspace('rgb16').png().toBuffer();
    assert.equal((await sharp(deep).metadata()).depth, 'ushort');
    assert.deepEqual(await cut(deep, await grey().png().toBuffer()), EXPECTED);
  });

  it('in the colours of a printer, which become those of a screen', async (context) => {
    const { cut } = await cutterOf(context);
    const cmyk = await small().toColourspace('cmyk').jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
    assert.equal((await sharp(cmyk).metadata()).space, 'cmyk');
    const pixels = await cut(cmyk, await grey().png().toBuffer());
    assert.deepEqual(
      pixels.filter((_, index) => index % 4 === 3),
      KEPT,
    );
    assert.ok((pixels[0] ?? 0) > 150 && (pixels[1] ?? 255) < 100, 'red is red');
  });

  it('and what was transparent before stays so', async (context) => {
    const { cut } = await cutterOf(context);
    const half = await small()
      .joinChannel(Buffer.from([0, 255, 128, 255, 255, 255, 255, 255]), { raw: { width: 4, height: 2, channels: 1 } })
      .png()
      .toBuffer();
    const pixels = await cut(half, await grey().png().toBuffer());
    assert.deepEqual(
      pixels.filter((_, index) => index % 4 === 3),
      [0, 100, 128, 255, 0, 0, 0, 0],
    );
  });
});

describe('a program is shown a picture', () => {
  it('upright, in eight bits of red, green and blue, on white, and no larger than it needs', async (context) => {
    const bench = await benchOf(context);
    for (const [name, bytes, width, height] of [
      ['turned', await lyingBy(6), 4, 2],
      ['deep', await small().toColourspace('rgb16').png().toBuffer(), 4, 2],
      ['grey', await grey().png().toBuffer(), 4, 2],
      ['printed', await small().toColourspace('cmyk').jpeg().toBuffer(), 4, 2],
      ['wide', await small().resize(4_000, 1_000, { fit: 'fill' }).webp().toBuffer(), 2_048, 512],
    ] as const) {
      const [from, to] = [await bench.put(name, bytes), bench.path(`${name}.shown`)];
      const result = await showFile({ from, to });
      assert.ok(result.ok, JSON.stringify(result));
      const seen = await sharp(await readFile(to)).metadata();
      const facts = [seen.format, seen.space, seen.channels, seen.depth, seen.width, seen.height];
      assert.deepEqual(facts, ['png', 'srgb', 3, 'uchar', width, height], name);
    }
    const clear = sharp({ create: { width: 2, height: 2, channels: 4, background: '#f000' } }).png();
    const from = await bench.put('clear', await clear.toBuffer());
    await showFile({ from, to: bench.path('clear.shown') });
    const { channels } = await sharp(bench.path('clear.shown')).stats();
    assert.deepEqual(
      channels.map(({ min }) => min),
      [255, 255, 255],
    );
  });

  it('but none that moves, that is too large, damaged, or no picture', async (context) => {
    const bench = await benchOf(context);
    const twoFrames = sharp([await small().png().toBuffer(), await small().negate().png().toBuffer()], {
      join: { animated: true },
    });
    const large = {
      create: { width: 5_001, height: CUT_PIXELS_MAX / 5_000, channels: 3, background: '#123' },
    } as const;
    const whole = await small().resize(64, 64).jpeg().toBuffer();
    for (const [name, bytes, problem] of [
      ['gif', await twoFrames.clone().gif().toBuffer(), 'unsupported-type'],
      ['webp', await twoFrames.clone().webp().toBuffer(), 'unsupported-type'],
      ['large', await sharp(large).png().toBuffer(), 'too-many-pixels'],
      ['cut', whole.subarray(0, whole.length - 40), 'damaged'],
      ['text', Buffer.from('no picture'), 'unsupported-type'],
      ['empty', Buffer.alloc(0), 'empty'],
    ] as const) {
      const result = await showFile({ from: await bench.put(name, bytes), to: bench.path('shown') });
      assert.ok(!result.ok, name);
      assert.equal(result.problem, problem, `${name}: ${result.detail}`);
    }
    const still = await bench.put('still', await small().gif().toBuffer());
    assert.ok((await showFile({ from: still, to: bench.path('shown') })).ok);
  });
});

/** Which sides of the upright picture the first stored row and the first stored column are, by the meaning that EXIF gives. */
const FIRST: Readonly<Record<number, { row: 'top' | 'bottom' | 'left' | 'right'; column: string }>> = {
  1: { row: 'top', column: 'left' },
  2: { row: 'top', column: 'right' },
  3: { row: 'bottom', column: 'right' },
  4: { row: 'bottom', column: 'left' },
  5: { row: 'left', column: 'top' },
  6: { row: 'right', column: 'top' },
  7: { row: 'right', column: 'bottom' },
  8: { row: 'left', column: 'bottom' },
};

/** The small picture stored so that this orientation puts it upright. */
async function lyingBy(orientation: number): Promise<Buffer> {
  const { row: first, column: begin } = FIRST[orientation] ?? assert.fail(`there is no orientation ${orientation}`);
  const isTurned = first === 'left' || first === 'right';
  const [rows, columns] = isTurned ? [4, 2] : [2, 4];
  const stored: number[] = [];
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) {
      const down = first === 'bottom' || first === 'right' ? rows - 1 - row : row;
      const along = begin === 'bottom' || begin === 'right' ? columns - 1 - column : column;
      const [x, y] = isTurned ? [down, along] : [along, down];
      stored.push(...UPRIGHT.subarray(3 * (4 * y + x), 3 * (4 * y + x) + 3));
    }
  return sharp(Buffer.from(stored), { raw: { width: columns, height: rows, channels: 3 } })
    .withMetadata({ orientation })
    .png()
    .toBuffer();
}
