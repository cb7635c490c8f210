import type { SongSpec } from '../../core/media-port.ts';
import { hashText, pick, seededRandom } from './seeded.ts';

/** Chords by their distance from the key, in half tones, four bars each; none of them can sound wrong. */
const PROGRESSIONS = [
  [0, 9, 5, 7],
  [0, 5, 9, 7],
  [9, 5, 0, 7],
  [0, 7, 9, 5],
] as const;
/** Steps of a chord that the melody may take, by the chord's own distance: minor on 9, major elsewhere. */
const STEPS_MAJOR = [0, 4, 7, 12, 16, 7] as const;
const STEPS_MINOR = [0, 3, 7, 12, 15, 7] as const;
const A3_HERTZ = 220;
const FADE_SECONDS = 0.4;
const NOTE_SECONDS = 1.2;
const BASS_SECONDS = 1.6;

interface Note {
  /** Seconds from the beginning. */
  at: number;
  seconds: number;
  hertz: number;
  loudness: number;
  /** How much of the octave sounds along. */
  brightness: number;
}

/** A piece for plucked strings with a bass, as samples from -1 to 1: the same spec, the same music, at its exact length. */
export function playSong({ prompt, seed, seconds, hertz }: SongSpec): Float32Array {
  const samples = new Float32Array(Math.round(seconds * hertz));
  for (const note of notesOf(seededRandom(hashText(prompt) ^ seed), seconds)) pluck(samples, hertz, note);
  fadeOut(samples, Math.min(samples.length, Math.round(FADE_SECONDS * hertz)));
  return samples;
}

function* notesOf(random: () => number, seconds: number): Generator<Note> {
  const beat = 60 / (84 + Math.floor(random() * 44));
  const key = Math.floor(random() * 12) - 5;
  const progression = pick(PROGRESSIONS, random());
  for (let bar = 0; bar * 4 * beat < seconds; bar += 1) {
    const chord = progression[bar % progression.length] ?? 0;
    const steps = chord === 9 ? STEPS_MINOR : STEPS_MAJOR;
    const start = bar * 4 * beat;
    const root = key + chord - (chord > 6 ? 12 : 0);
    for (const half of [0, 2]) {
      yield { at: start + half * beat, seconds: BASS_SECONDS, hertz: pitch(root - 12), loudness: 0.3, brightness: 0.2 };
    }
    for (let eighth = 0; eighth < 8; eighth += 1) {
      // A rest now and then, never on the first of a bar.
      if (eighth > 0 && random() < 0.18) continue;
      const step = pick(steps, random());
      const loudness = 0.16 + (eighth % 4 === 0 ? 0.08 : 0) + random() * 0.05;
      yield {
        at: start + (eighth * beat) / 2,
        seconds: NOTE_SECONDS,
        hertz: pitch(root + 12 + step),
        loudness,
        brightness: 0.35 + random() * 0.2,
      };
    }
  }
}

function pitch(halfTones: number): number {
  return A3_HERTZ * 2 ** (halfTones / 12);
}

/** Adds a tone that begins at once and dies away. */
function pluck(samples: Float32Array, hertz: number, note: Note): void {
  const first = Math.round(note.at * hertz);
  const count = Math.min(samples.length - first, Math.round(note.seconds * hertz));
  const turn = (2 * Math.PI * note.hertz) / hertz;
  const decay = Math.exp(-5 / (note.seconds * hertz));
  const attack = hertz / 200;
  let loudness = note.loudness;
  for (let index = 0; index < count; index += 1) {
    const angle = turn * index;
    const tone = Math.sin(angle) + note.brightness * Math.sin(2 * angle);
    samples[first + index] = (samples[first + index] ?? 0) + tone * loudness * Math.min(1, index / attack);
    loudness *= decay;
  }
}

function fadeOut(samples: Float32Array, count: number): void {
  const first = samples.length - count;
  for (let index = 0; index < count; index += 1) {
    samples[first + index] = (samples[first + index] ?? 0) * (1 - index / count);
  }
}
