import h264 from 'h264-mp4-encoder';
import { createMp3Encoder } from 'wasm-media-encoders';

import type { FileOrder } from './double.ts';
import type { Rgb } from './picture.ts';

const FRAMES_PER_SECOND = 2;
/** Larger frames would show nothing more. */
const SIDE_MAX = 160;
const HERTZ = 22_050;
const TONE_HERTZ = 440;
const LOUDNESS = 0.2;

/** A video of one colour, small, of the length that was ordered. */
export async function makeVideo({ width, height, seconds = 1 }: FileOrder, [red, green, blue]: Rgb): Promise<Buffer> {
  const scale = Math.min(1, SIDE_MAX / Math.max(width, height));
  const side = (pixels: number): number => Math.max(16, Math.round((pixels * scale) / 16) * 16);
  const encoder = await h264.createH264MP4Encoder();
  try {
    encoder.width = side(width);
    encoder.height = side(height);
    encoder.frameRate = FRAMES_PER_SECOND;
    encoder.initialize();
    const frame = new Uint8Array(encoder.width * encoder.height * 4);
    frame.forEach((_, at) => (frame[at] = [red, green, blue, 255][at % 4] ?? 0));
    for (let count = 0; count < seconds * FRAMES_PER_SECOND; count += 1) encoder.addFrameRgba(frame);
    encoder.finalize();
    return Buffer.from(encoder.FS.readFile(encoder.outputFilename));
  } finally {
    encoder.delete();
  }
}

/** A plain tone of the length that was ordered. */
export async function makeSound({ seconds = 1 }: Pick<FileOrder, 'seconds'>): Promise<Buffer> {
  const encoder = await createMp3Encoder();
  encoder.configure({ sampleRate: HERTZ, channels: 1, bitrate: 32 });
  const samples = Float32Array.from(
    { length: Math.round(seconds * HERTZ) },
    (_, at) => LOUDNESS * Math.sin((2 * Math.PI * TONE_HERTZ * at) / HERTZ),
  );
  // The encoder's memory is used again at the next call.
  const body = Buffer.from(encoder.encode([samples]));
  return Buffer.concat([body, encoder.finalize()]);
}
