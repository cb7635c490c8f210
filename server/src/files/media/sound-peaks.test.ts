import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMp3Encoder } from 'wasm-media-encoders';
import type { LogFields } from '../../core/log-port.ts';
import { benchOf } from './media-for-tests.ts';

const HERTZ = 44_100;
const SECONDS = 4;

/** Silence in the first half, a tone of half the full scale in the second. */
const QUIET_THEN_LOUD = Float32Array.from({ length: HERTZ * SECONDS }, (_, index) =>
  index < (HERTZ * SECONDS) / 2 ? 0 : 0.5 * Math.sin((index * 2 * Math.PI * 440) / HERTZ),
);

describe('the peaks of a sound', () => {
  for (const [extension, encode] of [
    ['mp3', mp3],
    ['wav', wav],
  ] as const) {
    test(`of ${extension} follow how loud it is`, async (context) => {
      const bench = await benchOf(context);
      const path = await bench.put(`sound.${extension}`, await encode(QUIET_THEN_LOUD));
      const heard = await bench.media.inspect(path, { peaks: true });
      assert.ok(heard.ok);
      const peaks = heard.value.peaks ?? [];
      assert.equal(peaks.length, 200);
      // An encoder smears a sound over a few hundredths of a second; the parts beside the change may have either.
      for (const peak of peaks.slice(0, 95)) assert.ok(peak <= 2, `${peak} in the silence`);
      for (const peak of peaks.slice(105, 195)) assert.ok(Math.abs(peak - 50) <= 4, `${peak} in the tone`);
    });
  }

  test('are not told unless they are asked for', async (context) => {
    const bench = await benchOf(context);
    const path = await bench.put('sound.wav', wav(QUIET_THEN_LOUD));
    const inspected = await bench.media.inspect(path);
    assert.ok(inspected.ok);
    assert.ok(!('peaks' in inspected.value));
  });

  test('are left out where hearing ends the process, and the sound is good all the same', async (context) => {
    const ends: string[] = [];
    let isKilled = false;
    const note = (event: string, fields: LogFields = {}): void => {
      if (event === 'media.task_failed') ends.push(event);
      if (event !== 'media.child_started' || isKilled) return;
      isKilled = true;
      process.kill(Number(fields['pid']), 'SIGKILL');
    };
    const bench = await benchOf(context, { log: { info: note, warn: note, error: note } });
    const heard = await bench.media.inspect(await bench.put('sound.wav', wav(QUIET_THEN_LOUD)), { peaks: true });
    assert.ok(heard.ok, heard.ok ? '' : `${heard.problem}: ${heard.detail}`);
    assert.ok(!('peaks' in heard.value));
    assert.equal(ends.length, 1);
  });

  test('of frames full of noise are some or none, and the process lives on', async (context) => {
    const bench = await benchOf(context);
    const good = await mp3(QUIET_THEN_LOUD);
    let seed = 5;
    for (let round = 0; round < 20; round += 1) {
      const bytes = Buffer.from(good);
      for (let change = 0; change < 400; change += 1) {
        seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
        // The first two frames stay, so that the file is taken for what it says.
        bytes[2_000 + (seed % (bytes.length - 2_000))] = (seed >> 12) & 255;
      }
      const heard = await bench.media.inspect(await bench.put(`noise-${round}.mp3`, bytes), { peaks: true });
      assert.ok(heard.ok, heard.ok ? '' : `${heard.problem}: ${heard.detail}`);
      for (const peak of heard.value.peaks ?? []) assert.ok(peak >= 0 && peak <= 100);
    }
    assert.equal(bench.lines.filter(({ event }) => event === 'media.child_started').length, 1);
  });
});

async function mp3(samples: Float32Array): Promise<Buffer> {
  const encoder = await createMp3Encoder();
  encoder.configure({ sampleRate: HERTZ, channels: 1, bitrate: 96 });
  const sound = Buffer.from(encoder.encode([samples]));
  return Buffer.concat([sound, Buffer.from(encoder.finalize())]);
}

/** Sixteen bits a sample, one channel. */
function wav(samples: Float32Array): Buffer {
  const data = Buffer.alloc(samples.length * 2);
  for (const [index, sample] of samples.entries()) data.writeInt16LE(Math.round(sample * 32_767), index * 2);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  for (const [at, value] of [
    [16, 16],
    [24, HERTZ],
    [28, HERTZ * 2],
    [40, data.length],
  ] as const)
    head.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    head.writeUInt16LE(value, at);
  head.write('data', 36, 'latin1');
  return Buffer.concat([head, data]);
}
