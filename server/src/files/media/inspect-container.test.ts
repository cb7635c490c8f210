import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { MediaFacts } from '../../core/media-port.ts';
import { box, openBench } from './media-for-tests.ts';
import type { MediaBench } from './media-for-tests.ts';

const latin = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('inspecting video and audio', () => {
  let bench: MediaBench;
  before(async () => {
    bench = await openBench();
  });
  after(() => bench.close());
  const inspect = async (bytes: Uint8Array) => bench.media.inspect(await bench.put('candidate', bytes));
  const factsOf = async (bytes: Uint8Array): Promise<MediaFacts> => {
    const result = await inspect(bytes);
    assert.ok(result.ok, result.ok ? '' : result.detail);
    return result.value;
  };
  const problemOf = async (bytes: Uint8Array): Promise<string> => {
    const result = await inspect(bytes);
    return result.ok ? 'none' : result.problem;
  };

  test('each accepted type is told by its content, and damaged when it is cut', async () => {
    const files: [string, string, Buffer][] = [
      ['video/mp4', 'mp4', movie('isom', 'vide')],
      ['video/mp4', 'mp4', movie('M4V ', 'vide')],
      ['video/quicktime', 'mov', movie('qt  ', 'vide')],
      ['audio/mp4', 'm4a', movie('M4A ', 'soun')],
      ['audio/mp4', 'm4a', movie('isom', 'soun')],
      ['video/webm', 'webm', webm()],
      ['audio/wav', 'wav', wav()],
      ['audio/mpeg', 'mp3', mp3()],
      ['audio/ogg', 'ogg', ogg()],
    ];
    for (const [contentType, extension, bytes] of files) {
      const facts = await factsOf(bytes);
      assert.deepEqual([facts.contentType, facts.extension, facts.sizeBytes], [contentType, extension, bytes.length]);
      assert.equal(facts.kind, contentType.split('/')[0]);
      if (extension !== 'mp3') assert.equal(await problemOf(bytes.subarray(0, bytes.length - 3)), 'damaged', extension);
    }
  });

  test('pixels are told where the container tells them', async () => {
    for (const bytes of [movie('isom', 'vide'), webm()]) {
      const { width, height } = await factsOf(bytes);
      assert.deepEqual([width, height], [1280, 720]);
    }
    assert.equal((await factsOf(movie('M4A ', 'soun'))).width, null);
  });

  test('a manifest box is signed provenance, and an XMP box tells the source type', async () => {
    const c2pa = box('uuid', Buffer.from('d8fec3d61b0e483c92975828877ec481', 'hex'), Buffer.alloc(20));
    const packet = latin(
      '<x Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>',
    );
    const xmp = box('uuid', Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex'), packet);
    const facts = await factsOf(Buffer.concat([movie('isom', 'vide'), c2pa, xmp]));
    assert.equal(facts.hasSignedProvenance, true);
    assert.equal(facts.digitalSourceType, 'trainedAlgorithmicMedia');
  });

  test('containers that do not hang together are refused', async () => {
    const page = box('ftyp', latin('isom\0\0\0\0isom'));
    const strangers: Record<string, Buffer> = {
      'no index': Buffer.concat([page, box('mdat', Buffer.alloc(50))]),
      'no data': Buffer.concat([page, box('moov', Buffer.alloc(50))]),
      'a page behind it': Buffer.concat([movie('isom', 'vide'), latin('<script>alert(1)</script>')]),
      'a tag and no sound': Buffer.concat([mp3().subarray(0, 20), Buffer.alloc(4_000, 0x20)]),
      'a lone frame header': Buffer.concat([
        latin('ID3\x03\0\0\0\0\0\0'),
        Buffer.from([0xff, 0xfb, 0x90, 0]),
        Buffer.alloc(2_000),
      ]),
    };
    for (const [name, bytes] of Object.entries(strangers))
      assert.match(await problemOf(bytes), /damaged|unsupported-type/, name);
  });

  test('pictures alone can be converted, and a mark leaves video as it is', async () => {
    const from = await bench.put('clip.mp4', movie('isom', 'vide'));
    const converted = await bench.media.convert({ from, to: bench.path('never'), format: 'jpg', quality: 80 });
    assert.ok(!converted.ok && converted.problem === 'unsupported-type');
    const marked = await bench.media.mark({
      from,
      to: bench.path('copy.mp4'),
      digitalSourceType: 'x',
      creatorTool: 'y',
    });
    assert.deepEqual(marked, await bench.media.inspect(from));
    assert.deepEqual(await bench.media.inspect(bench.path('copy.mp4')), marked);
  });
});

function movie(brand: string, handler: 'vide' | 'soun'): Buffer {
  const header = Buffer.alloc(84);
  header.writeUInt16BE(1280, 76);
  header.writeUInt16BE(720, 80);
  const media = box('mdia', box('hdlr', Buffer.alloc(8), latin(handler), Buffer.alloc(12)));
  const index = box('moov', box('mvhd', Buffer.alloc(100)), box('trak', box('tkhd', header), media));
  return Buffer.concat([box('ftyp', latin(`${brand}\0\0\0\0isom`)), index, box('mdat', Buffer.alloc(64))]);
}

function element(id: string, data: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(0x10000000 + data.length);
  return Buffer.concat([Buffer.from(id, 'hex'), length, data]);
}

function webm(): Buffer {
  const video = element(
    'e0',
    Buffer.concat([element('b0', Buffer.from([5, 0])), element('ba', Buffer.from([2, 0xd0]))]),
  );
  const tracks = element('1654ae6b', element('ae', Buffer.concat([element('d7', Buffer.from([1])), video])));
  const header = element('1a45dfa3', element('4282', latin('webm')));
  return Buffer.concat([header, element('18538067', Buffer.concat([tracks, element('1f43b675', Buffer.alloc(40))]))]);
}

function wav(): Buffer {
  const format = Buffer.concat([latin('fmt \x10\0\0\0'), Buffer.alloc(16)]);
  const body = Buffer.concat([latin('WAVE'), format, latin('data\x40\0\0\0'), Buffer.alloc(64)]);
  const head = latin('RIFF\0\0\0\0');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

function mp3(): Buffer {
  // MPEG 1, layer III, 128 kbit/s, 44.1 kHz: 417 bytes a frame.
  const frame = Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0]), Buffer.alloc(413)]);
  return Buffer.concat([latin('ID3\x03\0\0\0\0\0\x0a'), Buffer.alloc(10), frame, frame, frame]);
}

function ogg(): Buffer {
  const page = (data: Buffer): Buffer => {
    const head = Buffer.alloc(28);
    head.write('OggS', 'latin1');
    head[26] = 1;
    head[27] = data.length;
    return Buffer.concat([head, data]);
  };
  return Buffer.concat([page(Buffer.concat([latin('OpusHead'), Buffer.alloc(11)])), page(Buffer.alloc(90))]);
}
