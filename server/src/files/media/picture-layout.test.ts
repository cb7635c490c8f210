import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ImageFormat } from '../../core/media-port.ts';
import { openBench } from './media-for-tests.ts';
import type { MediaBench } from './media-for-tests.ts';
import { markBytes, readXmp } from './picture-xmp.ts';
import { hasSignedProvenance } from './provenance.ts';
import { readLayout } from './read-layout.ts';
import { readDigitalSourceType } from './xmp-packet.ts';

const MARK = { digitalSourceType: 'algorithmicMedia', creatorTool: 'Lumegate' };
const ROUNDS = 3_000;

/** A small generator of its own, so that a failing round can be named and repeated. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('reading layouts of broken files', () => {
  let bench: MediaBench;
  const pictures = new Map<ImageFormat, Buffer>();
  before(async () => {
    bench = await openBench();
    for (const format of ['jpg', 'png', 'webp', 'gif'] as const) {
      const plain = await bench.make(`a.${format}`, { format, width: 16, height: 8, prompt: 'camera' });
      const layout = readLayout(format, plain);
      assert.ok(layout.ok);
      pictures.set(format, markBytes(plain, layout.value, MARK) ?? plain);
    }
  });
  after(() => bench.close());

  for (const format of ['jpg', 'png', 'webp', 'gif'] as const) {
    test(`a ${format} with bytes changed, cut or doubled never throws, and blocks stay inside the file`, () => {
      for (let round = 0; round < ROUNDS; round++) {
        const below = chance(round);
        const bytes = spoil(Buffer.from(pictures.get(format) ?? []), below);
        try {
          checkReading(format, bytes);
        } catch (error) {
          throw new Error(`Round ${round} failed.`, { cause: error });
        }
      }
    });
  }
});

function spoil(bytes: Buffer, below: (max: number) => number): Buffer {
  const end = below(3) === 0 ? below(bytes.length) : bytes.length;
  for (let change = below(4); change > 0; change--)
    bytes[below(bytes.length)] = [0, 0xff, 0x7f, below(256)][below(4)] ?? 0;
  const cut = bytes.subarray(0, end);
  return below(5) === 0 ? Buffer.concat([cut, bytes.subarray(below(bytes.length))]) : cut;
}

function checkReading(format: ImageFormat, bytes: Buffer): void {
  const read = readLayout(format, bytes);
  if (!read.ok) return assert.ok(read.detail.length > 0);
  const layout = read.value;
  assert.ok(layout.width > 0 && layout.height > 0);
  let end = 0;
  for (const block of layout.blocks) {
    assert.ok(
      block.start >= end && block.dataStart <= block.dataEnd && block.dataEnd <= block.end && block.end <= bytes.length,
    );
    end = block.end;
  }
  const xmp = readXmp(bytes, layout);
  hasSignedProvenance(bytes, layout, xmp);
  const marked = markBytes(bytes, layout, MARK);
  if (marked === null) return;
  const again = readLayout(format, marked);
  assert.ok(again.ok, 'a marked file reads as well as the plain one');
  assert.equal(readDigitalSourceType(readXmp(marked, again.value) ?? ''), 'algorithmicMedia');
}
