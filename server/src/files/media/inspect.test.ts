import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import type { ImageFormat, MediaProblem } from '../../core/media-port.ts';
import { blackPng, openBench, pngChunk } from './media-for-tests.ts';
import type { MediaBench } from './media-for-tests.ts';

const FORMATS: ImageFormat[] = ['jpg', 'png', 'webp', 'gif'];

describe('inspecting pictures', () => {
  let bench: MediaBench;
  const pictures = new Map<string, Buffer>();
  before(async () => {
    bench = await openBench();
    for (const format of FORMATS) pictures.set(format, await bench.make(`sound.${format}`, { format }));
  });
  after(() => bench.close());
  const sound = (format: string): Buffer => Buffer.from(pictures.get(format) ?? []);
  const problemOf = async (bytes: Uint8Array | string): Promise<MediaProblem | 'none'> => {
    const result = await bench.media.inspect(await bench.put('candidate', bytes));
    return result.ok ? 'none' : result.problem;
  };

  for (const format of FORMATS) {
    test(`a sound ${format} gives type, size, hash and pixels, whatever its name is`, async () => {
      const bytes = sound(format);
      const result = await bench.media.inspect(await bench.put('picture.html', bytes));
      assert.deepEqual(result, {
        ok: true,
        value: {
          kind: 'image',
          contentType: format === 'jpg' ? 'image/jpeg' : `image/${format}`,
          extension: format,
          sizeBytes: bytes.length,
          sha256: createHash('sha256').update(bytes).digest('hex'),
          width: 48,
          height: 32,
          hasSignedProvenance: false,
          seconds: null,
          digitalSourceType: null,
        },
      });
    });

    test(`a ${format} cut anywhere is damaged`, async () => {
      const bytes = sound(format);
      const cuts = [4, 10, 20, Math.floor(bytes.length / 2), bytes.length - 12, bytes.length - 1];
      for (const cut of cuts) {
        const problem = await problemOf(bytes.subarray(0, cut));
        assert.ok(problem === 'damaged' || (cut < 13 && problem === 'unsupported-type'), `${cut} bytes: ${problem}`);
      }
    });

    test(`a ${format} with a stranger behind its end is damaged, 16 zeros are not`, async () => {
      assert.equal(await problemOf(Buffer.concat([sound(format), Buffer.from('PK\x03\x04 an archive')])), 'damaged');
      assert.equal(
        await problemOf(Buffer.concat([sound(format), Buffer.from('<script>alert(1)</script>')])),
        'damaged',
      );
      assert.equal(await problemOf(Buffer.concat([sound(format), Buffer.alloc(17)])), 'damaged');
      assert.equal(await problemOf(Buffer.concat([sound(format), Buffer.alloc(16)])), 'none');
    });
  }

  test('a JPEG whose scan stops early but has an end marker is damaged', async () => {
    const bytes = sound('jpg');
    const cut = Buffer.concat([bytes.subarray(0, bytes.length - 300), Buffer.from([0xff, 0xd9])]);
    assert.equal(await problemOf(cut), 'damaged');
  });

  test('a PNG whose pixels run out is damaged, though every checksum is right', async () => {
    const header = blackPng(64, 64).subarray(0, 33);
    const short = Buffer.concat([
      header,
      pngChunk('IDAT', deflateSync(Buffer.alloc(9 * 40))),
      pngChunk('IEND', Buffer.alloc(0)),
    ]);
    assert.equal(await problemOf(short), 'damaged');
    const whole = Buffer.concat([
      header,
      pngChunk('IDAT', deflateSync(Buffer.alloc(9 * 64))),
      pngChunk('IEND', Buffer.alloc(0)),
    ]);
    assert.equal(await problemOf(whole), 'none');
  });

  test('a PNG with a wrong checksum is damaged', async () => {
    const bytes = sound('png');
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
    assert.equal(await problemOf(bytes), 'damaged');
  });

  test('256 megapixels in 31 KB are refused before they are decoded', async () => {
    const bomb = blackPng(16_000, 16_000);
    assert.ok(bomb.length < 40_000);
    assert.equal(await problemOf(bomb), 'too-many-pixels');
  });

  test('an empty file is empty', async () => assert.equal(await problemOf(''), 'empty'));

  test('what is no accepted medium is refused by its content', async () => {
    const strangers = {
      svg: '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
      'svg with declaration': '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
      html: '<!doctype html><script>alert(1)</script>',
      pdf: '%PDF-1.7\n%âãÏÓ\n1 0 obj',
      zip: Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(40)]),
      tiff: Buffer.concat([Buffer.from('II*\0\x08\0\0\0'), Buffer.alloc(40)]),
      heic: Buffer.concat([Buffer.from('\0\0\0\x18ftypheic\0\0\0\0heicmif1'), Buffer.alloc(40)]),
      avif: Buffer.concat([Buffer.from('\0\0\0\x18ftypavif\0\0\0\0avifmif1'), Buffer.alloc(40)]),
      text: 'GI is no format',
      noise: Buffer.alloc(64, 0x5a),
    };
    for (const [name, bytes] of Object.entries(strangers))
      assert.equal(await problemOf(bytes), 'unsupported-type', name);
  });

  test('a script that begins like a GIF is damaged', async () => {
    assert.equal(await problemOf('GIF89a/*\0\0\0\0\0*/=1;alert(document.domain)//;'), 'damaged');
  });

  test('a picture behind an ID3 tag is not taken for a picture', async () => {
    const tagged = Buffer.concat([Buffer.from('ID3\x03\0\0\0\0\0\x0a'), Buffer.alloc(10), sound('png')]);
    assert.notEqual(await problemOf(tagged), 'none');
  });

  test('a phone picture with a declared second JPEG behind it is sound, an undeclared one is not', async () => {
    const bytes = sound('jpg');
    const declaration = Buffer.from('\xff\xe2\x00\x08MPF\0\0\0', 'latin1');
    declaration.writeUInt16BE(declaration.length - 2, 2);
    const declared = Buffer.concat([bytes.subarray(0, 2), declaration, bytes.subarray(2), bytes]);
    assert.equal(await problemOf(declared), 'none');
    assert.equal(await problemOf(Buffer.concat([declared, Buffer.from('<script>alert(1)</script>')])), 'damaged');
    assert.equal(await problemOf(Buffer.concat([bytes, bytes])), 'damaged');
  });

  test('signed provenance is seen in each format that can carry it', async () => {
    const manifest = Buffer.from(
      '\0\0\0\x20jumb\0\0\0\x1cjumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\x03c2pa\0',
      'latin1',
    );
    const app11 = Buffer.concat([
      Buffer.from([0xff, 0xeb, 0, 0]),
      Buffer.from('JP\0\x01\0\0\0\x01', 'latin1'),
      manifest,
    ]);
    app11.writeUInt16BE(app11.length - 2, 2);
    const [jpg, webp] = [sound('jpg'), sound('webp')];
    const chunk = Buffer.concat([Buffer.from('C2PA\x04\0\0\0', 'latin1'), Buffer.from('jumb')]);
    const signedWebp = Buffer.concat([webp, chunk]);
    signedWebp.writeUInt32LE(signedWebp.length - 8, 4);
    const signed = {
      jpg: Buffer.concat([jpg.subarray(0, 2), app11, jpg.subarray(2)]),
      png: blackPng(8, 8, [pngChunk('caBX', manifest)]),
      webp: signedWebp,
    };
    for (const [format, bytes] of Object.entries(signed)) {
      const path = await bench.put(`signed.${format}`, bytes);
      const result = await bench.media.inspect(path);
      assert.ok(result.ok && result.value.hasSignedProvenance, format);
      const mark = {
        from: path,
        to: bench.path('never'),
        digitalSourceType: 'algorithmicMedia',
        creatorTool: 'Lumegate',
      };
      const marked = await bench.media.mark(mark);
      assert.ok(!marked.ok && marked.problem === 'unsupported-type', format);
    }
  });
});
