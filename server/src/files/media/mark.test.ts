import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { blackPng, openBench, pixelHashes, pngChunk } from './media-for-tests.ts';
import type { MediaBench } from './media-for-tests.ts';
import { newPacket } from './xmp-packet.ts';

const MARK = { digitalSourceType: 'algorithmicMedia', creatorTool: 'Lumegate "sandbox" & friends' };

describe('marking and converting pictures', () => {
  let bench: MediaBench;
  before(async () => {
    bench = await openBench();
  });
  after(() => bench.close());
  const mark = async (from: string, to: string) =>
    bench.media.mark({ from: bench.path(from), to: bench.path(to), ...MARK });

  const kinds = [
    ['jpg', 'pattern', false],
    ['jpg', 'camera', false],
    ['png', 'pattern', false],
    ['png', 'alpha', false],
    ['webp', 'pattern', false],
    ['webp', 'alpha', false],
    ['webp', 'pattern', true],
    ['webp', 'alpha', true],
    ['webp', 'camera', false],
  ] as const;
  for (const [format, prompt, raw] of kinds) {
    test(`marking a ${format} (${prompt}${raw ? ', lossless' : ''}) changes no pixel, and once is enough`, async () => {
      const [plain, marked, again] = [`plain-${prompt}-${raw}.${format}`, `marked.${format}`, `again.${format}`];
      await bench.make(plain, { format, prompt, raw, width: 49, height: 31 });
      const result = await mark(plain, marked);
      assert.ok(result.ok);
      assert.equal(result.value.digitalSourceType, 'algorithmicMedia');
      const [plainPixels, markedPixels] = await pixelHashes([bench.path(plain), bench.path(marked)]);
      assert.equal(markedPixels, plainPixels);
      // A full inspection of what was written agrees with the facts that marking gave.
      assert.deepEqual(await bench.media.inspect(bench.path(marked)), result);
      assert.ok((await mark(marked, again)).ok);
      assert.ok((await readFile(bench.path(again))).equals(await readFile(bench.path(marked))));
    });
  }

  test('Exif stays in front of the mark in a JPEG, as its readers expect', async () => {
    await bench.make('exif.jpg', { prompt: 'camera' });
    await mark('exif.jpg', 'exif-marked.jpg');
    const text = (await readFile(bench.path('exif-marked.jpg'))).toString('latin1');
    assert.ok(text.indexOf('Exif\0') > 0 && text.indexOf('Exif\0') < text.indexOf('http://ns.adobe.com/xap/1.0/\0'));
  });

  test('a GIF, which has no common place for a mark, is copied as it is', async () => {
    const bytes = await bench.make('plain.gif', { format: 'gif' });
    const result = await mark('plain.gif', 'marked.gif');
    assert.ok(result.ok);
    assert.equal(result.value.digitalSourceType, null);
    assert.ok((await readFile(bench.path('marked.gif'))).equals(bytes));
  });

  test('what a packet already says is kept beside the mark', async () => {
    const packet = newPacket(MARK)
      .replace(/ Iptc4xmpExt:DigitalSourceType="[^"]*"/, ' xmp:Rating="5"')
      .replace('Lumegate', 'Painter');
    const text = Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\0\0\0\0', 'latin1'), Buffer.from(packet)]);
    await bench.put('rated.png', blackPng(8, 8, [pngChunk('iTXt', text)]));
    const result = await mark('rated.png', 'rated-marked.png');
    assert.ok(result.ok);
    assert.equal(result.value.digitalSourceType, 'algorithmicMedia');
    const marked = (await readFile(bench.path('rated-marked.png'))).toString('utf8');
    assert.match(marked, /xmp:Rating="5"/);
    assert.match(marked, /CreatorTool="Painter/);
    assert.equal(marked.split('XML:com.adobe.xmp').length, 2);
  });

  test('a compressed packet is read, and one that bursts is not', async () => {
    const compressed = (packet: string): Buffer =>
      Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\x01\0\0\0', 'latin1'), deflateSync(packet)]);
    await bench.put('small.png', blackPng(8, 8, [pngChunk('iTXt', compressed(newPacket(MARK)))]));
    await bench.put(
      'burst.png',
      blackPng(8, 8, [pngChunk('iTXt', compressed(newPacket(MARK) + ' '.repeat(5 * 1024 * 1024)))]),
    );
    const small = await bench.media.inspect(bench.path('small.png'));
    const burst = await bench.media.inspect(bench.path('burst.png'));
    assert.equal(small.ok && small.value.digitalSourceType, 'algorithmicMedia');
    assert.equal(burst.ok && burst.value.digitalSourceType, null);
  });

  test('a conversion keeps mark and size, and a GIF loses only the mark', async () => {
    await bench.make('source.png', { format: 'png', prompt: 'alpha' });
    await mark('source.png', 'source-marked.png');
    for (const format of ['jpg', 'png', 'webp', 'gif'] as const) {
      const to = bench.path(`converted.${format}`);
      const result = await bench.media.convert({ from: bench.path('source-marked.png'), to, format, quality: 80 });
      assert.ok(result.ok);
      assert.equal(result.value.extension, format);
      assert.equal(result.value.digitalSourceType, format === 'gif' ? null : 'algorithmicMedia');
      assert.deepEqual([result.value.width, result.value.height], [48, 32]);
      assert.deepEqual(await bench.media.inspect(to), result);
    }
  });

  test('a lower quality makes a smaller jpg and webp, and is nothing to a png', async () => {
    await bench.make('rich.png', { format: 'png', width: 200, height: 200 });
    const sizeOf = async (format: 'jpg' | 'png' | 'webp', quality: number): Promise<number> => {
      const result = await bench.media.convert({ from: bench.path('rich.png'), to: bench.path('q'), format, quality });
      return result.ok ? result.value.sizeBytes : NaN;
    };
    assert.ok((await sizeOf('jpg', 10)) * 2 < (await sizeOf('jpg', 95)));
    assert.ok((await sizeOf('webp', 10)) * 2 < (await sizeOf('webp', 95)));
    assert.equal(await sizeOf('png', 10), await sizeOf('png', 95));
  });

  test('a colour profile survives a conversion', async () => {
    await bench.make('wide.jpg', { prompt: 'camera' });
    for (const format of ['png', 'webp', 'jpg'] as const) {
      await bench.media.convert({ from: bench.path('wide.jpg'), to: bench.path('wide.out'), format, quality: 90 });
      const bytes = (await readFile(bench.path('wide.out'))).toString('latin1');
      assert.match(bytes, format === 'png' ? /iCCP/ : format === 'webp' ? /ICCP/ : /ICC_PROFILE/);
    }
  });

  test('transparent turns white in a jpg', async () => {
    await bench.put('clear.png', clearPng());
    const result = await bench.media.convert({
      from: bench.path('clear.png'),
      to: bench.path('white.jpg'),
      format: 'jpg',
      quality: 100,
    });
    assert.ok(result.ok);
    await bench.media.convert({
      from: bench.path('white.jpg'),
      to: bench.path('white.png'),
      format: 'png',
      quality: 100,
    });
    const [white, all] = await pixelHashes([
      bench.path('white.png'),
      await bench.put('all.png', clearPng({ isWhite: true })),
    ]);
    assert.equal(white, all);
  });
});

/** 8 × 8 pixels: black and fully transparent as RGBA, or white as RGB. */
function clearPng({ isWhite = false } = {}): Buffer {
  const header = Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 8, isWhite ? 2 : 6, 0, 0, 0]);
  const row = Buffer.concat([Buffer.alloc(1), Buffer.alloc(8 * (isWhite ? 3 : 4), isWhite ? 255 : 0)]);
  return Buffer.concat([
    blackPng(8, 8).subarray(0, 8),
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(Buffer.concat(Array.from({ length: 8 }, () => row)))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}
