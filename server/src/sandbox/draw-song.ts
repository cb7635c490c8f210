import { writeFile } from 'node:fs/promises';
import { createMp3Encoder } from 'wasm-media-encoders';
import type { SongSpec } from '../core/media-port.ts';
import { playSong } from './art/play-song.ts';

const MP3_KBIT = 96;
/** The encoder is fed in pieces; a whole song at once would double its memory. */
const PIECE_SAMPLES = 44_100;

/** Plays a piece of music into the file `to`, in one channel. */
export async function drawSong(spec: SongSpec, to: string): Promise<void> {
  const samples = playSong(spec);
  await writeFile(to, spec.format === 'wav' ? wavOf(samples, spec.hertz) : await mp3Of(samples, spec.hertz));
}

async function mp3Of(samples: Float32Array, hertz: number): Promise<Buffer> {
  const encoder = await createMp3Encoder();
  encoder.configure({ sampleRate: hertz, channels: 1, bitrate: MP3_KBIT });
  const pieces: Buffer[] = [];
  for (let at = 0; at < samples.length; at += PIECE_SAMPLES) {
    // The encoder's memory is used again for the next piece, so each is copied.
    pieces.push(Buffer.from(encoder.encode([samples.subarray(at, at + PIECE_SAMPLES)])));
  }
  pieces.push(Buffer.from(encoder.finalize()));
  return Buffer.concat(pieces);
}

/** Sixteen bits a sample. */
function wavOf(samples: Float32Array, hertz: number): Buffer {
  const bytes = samples.length * 2;
  const file = Buffer.alloc(44 + bytes);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(36 + bytes, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(hertz, 24);
  file.writeUInt32LE(hertz * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(bytes, 40);
  for (const [index, sample] of samples.entries()) {
    file.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), 44 + index * 2);
  }
  return file;
}
