import type { InputAudioTrack } from 'mediabunny';
import type { Clock } from '../../core/clock.ts';
import type { FactsResult } from './media-task.ts';

/** How many peaks a sound has: more than a player's line has bars. */
const PEAKS = 200;
/** A sound that takes longer to decode goes without: the file is good, and its job waits. */
const DECODE_MS_MAX = 4_000;
/** Frames decoded at a time, some two thirds of a second. */
const FRAMES_AT_ONCE = 25;

/** One piece of decoded sound: the samples of each channel, from -1 to 1. */
type Piece = Float32Array[];

/** Adds the peaks to the facts of a sound file; other results come back as they are. */
export async function withPeaks(path: string, inspected: FactsResult, clock: Clock): Promise<FactsResult> {
  if (!inspected.ok || inspected.value.kind !== 'audio' || inspected.value.seconds === null) return inspected;
  const peaks = await soundPeaks(path, inspected.value.seconds, clock);
  return peaks === null ? inspected : { ok: true, value: { ...inspected.value, peaks } };
}

/**
 * How loud an MP3 or WAV file of `seconds` is over its length: for each of 200 equal parts the loudest sample, in percent
 * of full scale. Null for other codecs, and where the sound cannot be decoded or not in time.
 */
async function soundPeaks(path: string, seconds: number, clock: Clock): Promise<number[] | null> {
  const { ALL_FORMATS, FilePathSource, Input } = await import('mediabunny');
  const input = new Input({ source: new FilePathSource(path), formats: ALL_FORMATS });
  const endsAt = clock.monotonicMs() + DECODE_MS_MAX;
  try {
    const track = await input.getPrimaryAudioTrack();
    if (track === null) return null;
    const pieces = track.codec === 'mp3' ? mp3Pieces(track) : plainPieces(track);
    const loudest = new Float64Array(PEAKS);
    const samplesInAll = seconds * track.sampleRate;
    let heard = 0;
    for await (const piece of pieces) {
      if (clock.monotonicMs() > endsAt) return null;
      for (const channel of piece) raise(loudest, channel, { from: heard, samplesInAll });
      heard += piece[0]?.length ?? 0;
    }
    return heard === 0 ? null : Array.from(loudest, (sample) => Math.min(100, Math.round(sample * 100)));
  } catch {
    // A container that hangs together may hold a codec that nothing here decodes: the file is good all the same.
    return null;
  } finally {
    input.dispose();
  }
}

function raise(loudest: Float64Array, channel: Float32Array, at: { from: number; samplesInAll: number }): void {
  for (let index = 0; index < channel.length; index += 1) {
    const part = Math.min(PEAKS - 1, Math.floor(((at.from + index) / at.samplesInAll) * PEAKS));
    const sample = Math.abs(channel[index] ?? 0);
    if (sample > (loudest[part] ?? 0)) loudest[part] = sample;
  }
}

async function* mp3Pieces(track: InputAudioTrack): AsyncGenerator<Piece> {
  const [{ EncodedPacketSink }, { MPEGDecoder }] = await Promise.all([import('mediabunny'), import('mpg123-decoder')]);
  const decoder = new MPEGDecoder();
  await decoder.ready;
  try {
    let frames: Uint8Array[] = [];
    for await (const packet of new EncodedPacketSink(track).packets()) {
      frames.push(packet.data);
      if (frames.length < FRAMES_AT_ONCE) continue;
      yield decoder.decodeFrames(frames).channelData;
      frames = [];
    }
    yield decoder.decodeFrames(frames).channelData;
  } finally {
    decoder.free();
  }
}

async function* plainPieces(track: InputAudioTrack): AsyncGenerator<Piece> {
  const { AudioSampleSink } = await import('mediabunny');
  for await (const sample of new AudioSampleSink(track).samples()) {
    const piece = Array.from({ length: sample.numberOfChannels }, (_, planeIndex) => {
      const plane = new Float32Array(sample.numberOfFrames);
      sample.copyTo(plane, { planeIndex, format: 'f32-planar' });
      return plane;
    });
    sample.close();
    yield piece;
  }
}
